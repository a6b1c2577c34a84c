"""The rest of `teleward up`, once its processes are on their way."""

import sys
from pathlib import Path

from teleward_cli.apiserver.resources import load_definitions
from teleward_cli.local import material, show
from teleward_cli.local.applying import Refused
from teleward_cli.local.cluster import (
    Cluster,
    ClusterRefusedError,
    ClusterUnavailableError,
    kubeconfig_access,
    stand_in_access,
)
from teleward_cli.local.commands import Commands, Options
from teleward_cli.local.instance import Instance
from teleward_cli.local.layout import Layout
from teleward_cli.local.processes import Processes
from teleward_cli.local.status import Status


async def run_instance(
    options: Options, commands: Commands, processes: Processes, layout: Layout,
    definitions: Path, started: float,
) -> int:  # fmt: skip
    """Run until told to stop; returns the exit code."""

    def on_ready(status: Status, refused: list[Refused]) -> None:
        show.links(status, refused, layout, options, started)

    instance = Instance(options, commands, processes, layout, say, started)
    try:
        if options.kubeconfig is None:
            access = stand_in_access(
                commands.addresses.api_url,
                layout.secret(material.LOOPBACK_CERTIFICATE),
                material.read(layout, material.API_TOKEN),
            )
        else:
            access = kubeconfig_access(options.kubeconfig)
        async with Cluster(access) as cluster:
            return await instance.run(cluster, load_definitions(definitions), on_ready)
    except (ClusterRefusedError, ClusterUnavailableError) as err:
        print(f"teleward: {err}. Next: see {layout.logs}, or the kubeconfig.", file=sys.stderr)
        return 1


def say(line: str) -> None:
    """Say a line of progress."""
    print(f"teleward: {line}", flush=True)

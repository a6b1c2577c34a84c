"""`teleward up`: check, prepare, run."""

import asyncio
import os
import secrets
import sys
import time
from pathlib import Path

from teleward_cli import store
from teleward_cli.local import assets, checks, kubeconfig, material, runfile
from teleward_cli.local.commands import (
    LOOPBACK,
    Commands,
    Options,
    choose_addresses,
    unknown_settings,
)
from teleward_cli.local.layout import Layout
from teleward_cli.local.processes import Processes
from teleward_cli.local.yaml_files import find_files

CANNOT_START = 1


def up(
    files: list[Path], kubeconfig_path: Path | None, data: Path, port: int, *, lan: bool
) -> int:
    """Run an instance until it is told to stop; returns the exit code."""
    started = time.monotonic()
    host = (checks.lan_address() or "") if lan else LOOPBACK
    problems = _problems(files, kubeconfig_path, data, port, host)
    if problems:
        for finding in problems:
            _complain(f"{finding.subject}: {finding.detail}. Next: {finding.next_step}.")
        return CANNOT_START
    layout = Layout(data)
    material.prepare(layout)
    try:
        with runfile.holding(layout):
            return _run(layout, files, kubeconfig_path, port, host, started)
    except runfile.AlreadyRunningError:
        _complain(
            f"an instance already runs in {data}. Next: `teleward status --data {data}`, or choose another --data."
        )
        return CANNOT_START


def _run(
    layout: Layout, files: list[Path], kubeconfig_path: Path | None, port: int, host: str,
    started: float,
) -> int:  # fmt: skip
    is_lan = host != LOOPBACK
    secret = secrets.token_urlsafe(9) if is_lan else None
    if is_lan:
        material.certificate(layout, material.LAN_CERTIFICATE, material.LAN_KEY, host)
    example = assets.example()
    chosen = find_files(files) if files else ([example] if example else [])
    options = Options(layout.root, tuple(chosen), port, kubeconfig_path, host, secret)
    addresses = choose_addresses(options)
    if kubeconfig_path is None:
        kubeconfig.write(
            layout.kubeconfig, addresses.api_url, layout.secret(material.LOOPBACK_CERTIFICATE),
            material.read(layout, material.API_TOKEN),
        )  # fmt: skip
    used = (kubeconfig_path or layout.kubeconfig).resolve()
    return asyncio.run(_start(options, Commands(layout, addresses, used, secret), layout, started))


async def _start(options: Options, commands: Commands, layout: Layout, started: float) -> int:
    binary, definitions = store.find_binary(), assets.definitions()
    assert binary is not None, "checked before"
    assert definitions is not None, "checked before"
    processes = Processes(commands.media_node)
    processes.start(commands.redis(binary))
    if options.kubeconfig is None:
        processes.start(commands.api(definitions))
    processes.start(commands.operator())
    processes.start(commands.gateway())
    try:
        await processes.started()
        # Imported while the others start: together they take longer than any of them.
        from teleward_cli.local.run import run_instance

        return await run_instance(options, commands, processes, layout, definitions, started)
    finally:
        processes.kill()


def _problems(
    files: list[Path], kubeconfig_path: Path | None, data: Path, port: int, host: str
) -> list[checks.Finding]:
    found = [*checks.before_start(data, port, host)] if host else [checks.lan()]
    try:
        find_files(files)
    except FileNotFoundError as err:
        found.append(
            checks.Finding("-f", False, f"{err} is not there", "name a YAML file or a directory")
        )
    if kubeconfig_path is not None and not kubeconfig_path.is_file():
        step = "name a kubeconfig, or leave --kubeconfig out"
        found.append(
            checks.Finding("--kubeconfig", False, f"{kubeconfig_path} is not there", step)
        )
    unknown = unknown_settings(os.environ)
    if unknown:
        step = "correct or unset them; the READMEs of operator, gateway and media-node list every setting"
        found.append(checks.Finding("settings", False, f"unknown: {', '.join(unknown)}", step))
    return [finding for finding in found if finding.is_required and not finding.is_fine]


def _complain(line: str) -> None:
    print(f"teleward: {line}", file=sys.stderr, flush=True)

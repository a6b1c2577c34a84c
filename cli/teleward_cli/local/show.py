"""What people see: the table of links, the status, the findings."""

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from teleward_cli.local import material
from teleward_cli.local.applying import Refused
from teleward_cli.local.checks import Finding
from teleward_cli.local.commands import Options
from teleward_cli.local.layout import Layout
from teleward_cli.local.status import Status

_WIDE = 160
"""Columns when nobody's terminal says: a link must not be cut."""

NOT_FOR_PRODUCTION = (
    "the development sign-in lets anybody who opens a sign-in link be that person",
    "Redis has no password",
    "one machine: when it goes, everything goes",
)
STANDIN_NOT_FOR_PRODUCTION = "the API stand-in has one token for everything"


def links(
    status: Status, refused: Sequence[Refused], layout: Layout, options: Options, started: float
) -> None:
    """Print the one table, and what is not production-safe."""
    console = _console()
    table = Table(
        title=f"Teleward {status.version}: {status.state.value} after {time.monotonic() - started:.1f} s"
    )
    table.add_column("what", no_wrap=True)
    table.add_column("who or which", no_wrap=True)
    table.add_column("where", overflow="fold")
    for what, which, where in _rows(status, layout):
        table.add_row(what, which, where)
    console.print(table)
    if options.is_lan:
        print_lan(console, layout, options)
    standin = () if options.kubeconfig else (STANDIN_NOT_FOR_PRODUCTION,)
    for line in (*NOT_FOR_PRODUCTION, *standin):
        console.print(f"not for production: {line}", style="yellow", highlight=False)
    if refused:
        console.print(f"{len(refused)} documents were refused; see above", style="red")
    console.print("Ctrl-C ends everything.")


def print_lan(console: Console, layout: Layout, options: Options) -> None:
    """Print what a phone's owner must compare, and the secret; it is shown nowhere else."""
    mark = material.fingerprint(layout.secret(material.LAN_CERTIFICATE))
    console.print(f"certificate SHA-256 {mark}", highlight=False)
    console.print(f"secret for signing in: {options.secret}", style="bold", highlight=False)


def status_table(document: Mapping[str, Any]) -> None:
    """Print a status for people."""
    console = _console()
    console.print(
        f"{document['state']} · {document['data_dir']} · {document.get('gateway') or '-'}",
        highlight=False,
    )
    _print(console, "processes", ("name", "pid", "state", "metrics", "log"), document["processes"])
    _print(
        console,
        "media nodes",
        ("pool", "id", "state", "calls", "udp", "control"),
        document["media_nodes"],
    )
    _print(
        console, "clinics", ("namespace", "name", "patient_url", "staff_url"), document["clinics"]
    )
    _print(console, "rooms", ("namespace", "name", "kind", "url"), document["rooms"])
    _print(console, "sign-in", ("user", "url"), document["sign_in"])


def findings(found: Iterable[Finding]) -> bool:
    """Print findings; returns whether everything required is fine."""
    console, is_fine = _console(), True
    for one in found:
        word, style = (
            ("ok", "green") if one.is_fine else ("missing", "red" if one.is_required else "yellow")
        )
        console.print(f"{word:<8}", style=style, end="")
        console.print(f"{one.subject}: {one.detail}", highlight=False, markup=False)
        if not one.is_fine:
            console.print(f"         next: {one.next_step}", highlight=False, markup=False)
            is_fine = is_fine and not one.is_required
    return is_fine


def _rows(status: Status, layout: Layout) -> Iterable[tuple[str, str, str]]:
    for clinic in status.clinics:
        yield "patient link", f"{clinic.namespace}/{clinic.name}", clinic.patient_url
        yield "dashboard", f"{clinic.namespace}/{clinic.name}", clinic.staff_url
    for room in status.rooms:
        yield room.kind, f"{room.namespace}/{room.name}", room.url
    for account in status.sign_in:
        roles = sorted({role.role for role in account.roles})
        yield "sign in", f"{account.user} ({', '.join(roles)})", account.url
    yield "kubeconfig", "kubectl", f"export KUBECONFIG={status.kubeconfig}"
    yield "routing state", "Redis", str(status.redis)
    for process in status.processes:
        if process.metrics:
            yield "metrics", process.name, process.metrics
    for media_node in status.media_nodes:
        yield "media", f"{media_node.pool} {media_node.id}", f"udp {media_node.udp}"
    yield "logs", "all processes", str(layout.logs.resolve())


def _print(
    console: Console, title: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> None:
    table = Table(*columns, title=title, title_justify="left")
    for row in rows:
        table.add_row(*("-" if row[name] is None else str(row[name]) for name in columns))
    console.print(table)


def _console() -> Console:
    width = None if os.isatty(1) else _WIDE
    return Console(width=width, soft_wrap=False)

"""The command line. What a command needs is imported when it is called: `status` must be quick."""

import importlib
import json
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from teleward_cli.local.layout import DEFAULT_DATA, Layout

DEFAULT_PORT = 8430

NOTHING_RUNS = 3
"""Exit code of `status` when there is no instance; as `systemctl status` has it."""

DOWN_WITHIN_S = 30.0

app = typer.Typer(
    name="teleward", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    help="Virtual clinics on Kubernetes, on one machine.",
)  # fmt: skip
bench_app = typer.Typer(no_args_is_help=True, help="Measure; prints JSON.")
app.add_typer(bench_app, name="bench")

Data = Annotated[Path, typer.Option("--data", help="Directory of the instance.")]


def main() -> None:
    """Run the command line."""
    app()


@app.command()
def up(
    files: Annotated[
        list[Path] | None,
        typer.Option("-f", "--filename", help="YAML file or directory to apply; may be repeated."),
    ] = None,
    kubeconfig: Annotated[
        Path | None, typer.Option(help="Use this API server instead of the stand-in.")
    ] = None,
    lan: Annotated[
        bool, typer.Option("--lan", help="Serve this machine's network, over HTTPS.")
    ] = False,
    data: Data = DEFAULT_DATA,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port for people; 0 takes any free one.")
    ] = DEFAULT_PORT,
) -> None:
    """Run everything on this machine until Ctrl-C."""
    from teleward_cli.local.up import up as run

    raise typer.Exit(run(files or [], kubeconfig, data, port, lan=lan))


@app.command()
def status(
    output: Annotated[
        str, typer.Option("-o", "--output", help="`json` for scripts.", metavar="json|table")
    ] = "table",
    data: Data = DEFAULT_DATA,
) -> None:
    """Show the running instance, live."""
    from teleward_cli.local import runfile

    if output not in ("json", "table"):
        raise typer.BadParameter("json or table", param_hint="-o")
    run = runfile.find(Layout(data))
    document = run.ask("GET", "/v1/status") if run else None
    code = 0
    if document is None:
        document = _nothing_answers(data)
        code = 0 if document["state"] == "starting" else NOTHING_RUNS
    if output == "json":
        print(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        from teleward_cli.local import show

        show.status_table(document)
    raise typer.Exit(code)


def _nothing_answers(data: Path) -> dict[str, object]:
    from teleward_cli.local import runfile
    from teleward_cli.local.status import State, stopped

    document = stopped(data).document()
    if runfile.is_held(Layout(data)):
        document["state"] = State.STARTING
    return document


@app.command()
def down(data: Data = DEFAULT_DATA) -> None:
    """End the running instance."""
    from teleward_cli.local import runfile

    layout = Layout(data)
    if not runfile.is_held(layout):
        print(f"teleward: nothing runs in {data}")
        return
    run = runfile.find(layout)
    if run is None or run.ask("POST", "/v1/stop") is None:
        print(
            f"teleward: the instance in {data} does not answer. Next: end it with Ctrl-C.",
            file=sys.stderr,
        )
        raise typer.Exit(1)
    deadline = time.monotonic() + DOWN_WITHIN_S
    while runfile.is_held(layout):
        if time.monotonic() > deadline:
            print(f"teleward: process {run.pid} still runs. Next: kill {run.pid}", file=sys.stderr)
            raise typer.Exit(1)
        time.sleep(0.1)
    print("teleward: stopped")


@app.command()
def doctor(
    data: Data = DEFAULT_DATA,
    port: Annotated[int, typer.Option(min=0, max=65535)] = DEFAULT_PORT,
) -> None:
    """Say what this machine lacks, each with the next step."""
    from teleward_cli.local import checks, show

    raise typer.Exit(0 if show.findings(checks.everything(data, port)) else 1)


@app.command()
def version() -> None:
    """Print the version."""
    from importlib.metadata import version as installed

    print(installed("teleward"))


@bench_app.command("routing")
def bench_routing() -> None:
    """Reservations per second and their latency at 10, 200 and 1,000 media nodes."""
    _bench("routing")


@bench_app.command("media")
def bench_media() -> None:
    """CPU per forwarded packet, join time, participants."""
    _bench("media")


def _bench(what: str) -> None:
    report = importlib.import_module(f"teleward_cli.bench.{what}").run()
    print(report.model_dump_json(indent=2, exclude_none=True))


@app.command()
def demo(
    clinic: Annotated[str, typer.Option(help="NAMESPACE/NAME.")],
    person: Annotated[
        str, typer.Option("--as", help="Who.", metavar="patient|clinician|pair")
    ] = "pair",
    seconds: Annotated[float, typer.Option(min=1, help="How long they talk.")] = 10,
    output: Annotated[str, typer.Option("-o", "--output", metavar="json|text")] = "text",
    data: Data = DEFAULT_DATA,
) -> None:
    """Let synthetic people meet; exit 0 only if media flowed."""
    command = importlib.import_module("teleward_cli.demo.command")
    raise typer.Exit(command.demo(clinic, person, seconds, output, data))


if __name__ == "__main__":
    main()

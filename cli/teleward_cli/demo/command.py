"""`teleward demo`: let synthetic people meet in a running instance, and say what reached them."""

import asyncio
import dataclasses
import json
import os
import secrets
import ssl
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from teleward_cli.demo.client import DemoError, Visitor
from teleward_cli.demo.frames import Answer, Entry
from teleward_cli.demo.people import Plan, Report, be_clinician, be_patient
from teleward_cli.local import runfile
from teleward_cli.local.layout import Layout
from teleward_cli.people.peer import Peer

PEOPLE = ("patient", "clinician", "pair")
OUTPUTS = ("text", "json")

ALONE_PATIENCE_S = 300.0
"""Somebody at a browser is the other one, and needs time."""

PAIR_PATIENCE_S = 30.0

MAY_CALL_IN = frozenset({"Clinician", "ClinicAdmin", "OrganisationAdmin"})

SECRET_VARIABLE = "TELEWARD_SIGN_IN_SECRET"  # noqa: S105 - the name of a variable
"""Environment variable with the secret that `teleward up --lan` printed."""

NO_MEDIA, WRONG_WORDS = 1, 2
"""Exit codes."""


class _Role(Answer):
    clinic: str
    role: str


class _Account(Answer):
    user: str
    roles: tuple[_Role, ...]


class _Instance(Answer):
    """What a demo needs of `teleward status`."""

    gateway: str | None = None
    sign_in: tuple[_Account, ...] = ()


def demo(clinic: str, person: str, seconds: float, output: str, data: Path) -> int:
    """Run the command; the answer is its exit code, 0 only if media flowed both ways."""
    namespace, _, name = clinic.partition("/")
    if not namespace or not name or person not in PEOPLE or output not in OUTPUTS:
        print(
            "teleward: demo --clinic NAMESPACE/NAME --as patient|clinician|pair", file=sys.stderr
        )
        return WRONG_WORDS
    layout = Layout(data)
    patience_s = PAIR_PATIENCE_S if person == "pair" else ALONE_PATIENCE_S
    say = _say if output == "text" else _say_nothing
    plan = Plan(namespace, name, seconds, patience_s, Peer, say)
    try:
        reports = asyncio.run(_meet(plan, person, _find(layout), layout))
    except DemoError as error:
        print(f"teleward: {error}", file=sys.stderr)
        return NO_MEDIA
    has_media = all(report.has_media for report in reports)
    if output == "json":
        people = [dataclasses.asdict(report) for report in reports]
        print(json.dumps({"clinic": clinic, "has_media": has_media, "people": people}, indent=2))
    else:
        for report in reports:
            print(_line(report))
    return 0 if has_media else NO_MEDIA


async def _meet(
    plan: Plan, person: str, instance: _Instance, layout: Layout
) -> tuple[Report, ...]:
    assert instance.gateway, "an instance that is found has a gateway"
    tls = _trust(layout, instance.gateway)
    name = f"Demo {secrets.token_hex(2)}"
    async with (
        Visitor(instance.gateway, tls=tls) as guest,
        Visitor(instance.gateway, tls=tls) as member,
    ):
        people: list[Coroutine[None, None, Report]] = []
        if person != "patient":
            wanted = _named(name) if person == "pair" else _anybody
            user, secret = _clinician(instance, plan), os.environ.get(SECRET_VARIABLE)
            people.append(be_clinician(member, plan, user, secret, wanted))
        if person != "clinician":
            people.append(be_patient(guest, plan, name, leaves=person == "patient"))
        return await _together(people)


async def _together(people: Sequence[Coroutine[None, None, Report]]) -> tuple[Report, ...]:
    """Run all; the first who fails ends the others and is the error."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(person) for person in people]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return tuple(task.result() for task in tasks)


def _find(layout: Layout) -> _Instance:
    run = runfile.find(layout)
    document = run.ask("GET", "/v1/status") if run else None
    if document is None:
        raise DemoError(f"nothing runs in {layout.root}. Next: teleward up --data {layout.root}")
    try:
        instance = TypeAdapter(_Instance).validate_python(document)
    except ValidationError as err:
        raise DemoError("`teleward status` said something unknown") from err
    if instance.gateway is None:
        raise DemoError("the gateway does not run yet. Next: wait for `teleward status`")
    return instance


def _clinician(instance: _Instance, plan: Plan) -> str:
    clinic = f"{plan.namespace}/{plan.clinic}"
    for account in instance.sign_in:
        if any(role.clinic == clinic and role.role in MAY_CALL_IN for role in account.roles):
            return account.user
    raise DemoError(f"nobody in the team of {clinic} may call patients in; see its Clinic")


def _trust(layout: Layout, gateway: str) -> ssl.SSLContext | None:
    """Trust the instance's own certificates and no others; None without TLS."""
    if not gateway.startswith("https:"):
        return None
    context = ssl.create_default_context()
    for certificate in layout.secret("").glob("*.crt"):
        context.load_verify_locations(certificate)
    return context


def _named(name: str) -> Callable[[Entry], bool]:
    return lambda entry: entry.name == name


def _anybody(_: Entry) -> bool:
    return True


def _line(report: Report) -> str:
    join = "never" if report.join_s is None else f"{report.join_s * 1000:.0f} ms"
    return (
        f"{report.person}: {report.frames_decoded} frames decoded, "
        f"audio energy {report.audio_energy:.3f}, first picture after {join}, "
        f"{report.cipher or 'no cipher'}, media node {report.media_node or 'none'}"
    )


def _say(line: str) -> None:
    print(line, flush=True)


def _say_nothing(_: str) -> None:
    return

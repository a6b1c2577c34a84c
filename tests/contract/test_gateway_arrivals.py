"""Staff are told of arrivals in all of their clinics until somebody reacts, at whichever replica; a pager once."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from teleward_cli.demo.client import Socket, SocketEndedError, Visitor
from teleward_cli.demo.frames import Arrivals, Arrived
from teleward_contract.projections import (
    ClinicProjection,
    Role,
    TeamMember,
    WaitingAreaProjection,
)
from teleward_contract.units import Namespace
from teleward_testing.gateways import RunningGateway, project, running_gateway
from teleward_testing.pager import Pager, running_pager
from teleward_testing.recording import canary
from teleward_testing.valkey import RunningValkey
from teleward_testing.visitors import TidyVisitor

pytestmark = pytest.mark.asyncio(loop_scope="module")

HARBOUR = Namespace("harbour")
ADA, REX, RIA = "ada@x.org", "rex@x.org", "ria@x.org"
WITHIN_S = 20.0
SESSION_IDLE_S = 3


def clinic(name: str, webhook: str) -> ClinicProjection:
    team = [
        TeamMember(role=Role.CLINICIAN, user=ADA),
        TeamMember(role=Role.REFERRER, user=RIA),
    ]
    if name == "eyes":
        team.append(TeamMember(role=Role.RECEPTIONIST, user=REX))
    return ClinicProjection(
        namespace=HARBOUR, name=name, uid=f"uid-{name}", generation=1, display_name=name.title(),
        team=tuple(team),
        waiting_area=WaitingAreaProjection(
            uid=f"area-{name}", generation=1, alert_repeat_s=7, alert_webhook=webhook
        ),
    )  # fmt: skip


class House:
    """Two replicas of the gateway, and a pager."""

    def __init__(self, one: RunningGateway, other: RunningGateway, pager: Pager) -> None:
        self.one, self.other, self.pager = one, other, pager


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(
    valkey: RunningValkey, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    valkey.flush()
    async with running_pager(tmp_path_factory.mktemp("pager")) as pager:
        at = f"https://{pager.host}"
        await project(
            valkey.url, clinic("cardiology", ""), clinic("eyes", f"{at}/eyes?door=1"),
            clinic("skin", "https://10.0.0.7/inside"),
        )  # fmt: skip
        keys: Path = tmp_path_factory.mktemp("keys")
        settings = {
            "webhook_hosts": pager.host, "trusted_certificates_file": str(pager.certificate),
            "session_idle_s": str(SESSION_IDLE_S),
        }  # fmt: skip
        with (
            running_gateway(valkey.url, keys, **settings) as one,
            running_gateway(valkey.url, keys, **settings) as other,
        ):
            yield House(one, other, pager)


class Ear:
    """An open staff page, as far as it hears of arrivals."""

    def __init__(self, socket: Socket, person: Visitor) -> None:
        self.socket = socket
        self.person = person

    async def hears(self, wanted: Callable[[dict[str, Arrived]], bool]) -> dict[str, Arrived]:
        """Wait for a frame that tells this: clinic → who has come."""
        async with asyncio.timeout(WITHIN_S):
            while True:
                frame = Arrivals.model_validate_json(await self.socket.receive_text())
                told = {one.clinic: one for one in frame.clinics}
                if wanted(told):
                    return told


@pytest_asyncio.fixture(loop_scope="module")
async def somebody(house: House) -> AsyncIterator[Callable[[RunningGateway], Visitor]]:
    made: list[Visitor] = []

    def arrive(gateway: RunningGateway) -> Visitor:
        made.append(TidyVisitor(gateway.url))
        return made[-1]

    yield arrive
    for one in made:
        await one.__aexit__(None, None, None)


async def ear(person: Visitor, user: str) -> Ear:
    await person.sign_in(user)
    return Ear(await person.connect(Socket, "/ws/alerts"), person)


async def test_an_arrival_is_told_at_the_other_replica_without_a_name_until_somebody_reacts(
    house: House, somebody: Callable[[RunningGateway], Visitor]
) -> None:
    heard: list[str] = []
    name, patient = canary("Told"), somebody(house.one)
    listener = TidyVisitor(house.other.url, heard=lambda where, text: heard.append(text))
    ada = await ear(listener, ADA)
    await ada.hears(lambda told: not told)

    await patient.enter(HARBOUR, "cardiology", name, {})
    told = await ada.hears(lambda told: "cardiology" in told)

    here = told["cardiology"]
    assert (here.display_name, here.repeat_s, len(here.visits)) == ("Cardiology", 7, 1)
    assert not any(name in text for text in heard)
    at_work = somebody(house.one)
    await at_work.sign_in(ADA)
    await at_work.act(HARBOUR, "cardiology", here.visits[0], "notice")
    await ada.hears(lambda told: not told)
    await patient.leave()
    await listener.__aexit__(None, None, None)


@pytest.mark.parametrize("step", ["message", "priority", "call-in", "refuse", "transfer", "leave"])
async def test_whatever_is_done_about_an_arrival_ends_the_alert(
    house: House, somebody: Callable[[RunningGateway], Visitor], step: str
) -> None:
    bodies: dict[str, dict[str, object]] = {
        "message": {"text": "Soon."}, "priority": {"priority": 2}, "transfer": {"to": "skin"},
    }  # fmt: skip
    ada, patient = await ear(somebody(house.other), ADA), somebody(house.one)
    await patient.enter(HARBOUR, "cardiology", "Ann", {})
    (visit,) = (await ada.hears(lambda told: "cardiology" in told))["cardiology"].visits

    if step == "leave":
        await patient.leave()
    else:
        path = f"/api/staff/harbour/cardiology/visits/{visit}/{step}"
        status, _ = await ada.person.request("POST", path, bodies.get(step, {}))
        # The clinic has no media pool, so a call-in finds no place; that somebody wanted to is a reaction, too.
        assert status == (409 if step == "call-in" else 204)

    told = await ada.hears(lambda told: "cardiology" not in told)
    assert ("skin" in told) is (step == "transfer"), "who comes from next door has arrived there"
    await patient.leave()
    await ada.socket.close()


async def test_matrix_only_who_may_react_is_told(
    house: House, somebody: Callable[[RunningGateway], Visitor]
) -> None:
    rex, ria = await ear(somebody(house.one), REX), await ear(somebody(house.one), RIA)
    ada = await ear(somebody(house.one), ADA)
    one, other = somebody(house.one), somebody(house.one)
    await one.enter(HARBOUR, "cardiology", "Ann", {})
    await other.enter(HARBOUR, "eyes", "Ben", {})

    await ada.hears(lambda told: set(told) == {"cardiology", "eyes"})
    assert set(await rex.hears(lambda told: "eyes" in told)) == {"eyes"}
    assert await ria.hears(lambda told: True) == {}
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await ria.socket.receive_text()
    for patient in (one, other):
        await patient.leave()


async def test_who_is_not_signed_in_is_told_nothing_and_who_speaks_is_refused(
    house: House, somebody: Callable[[RunningGateway], Visitor]
) -> None:
    stranger = await somebody(house.one).connect(Socket, "/ws/alerts")
    assert json.loads(await stranger.receive_text())["code"] == "sign_in"
    with pytest.raises(SocketEndedError) as ended:
        await stranger.receive_text()
    assert ended.value.close_code == 4004

    ada = await ear(somebody(house.one), ADA)
    await ada.socket.send_text('{"type": "snapshot"}')
    assert await ends(ada.socket) == 1008


async def ends(socket: Socket) -> int | None:
    """Listen until the socket ends: its close code."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            try:
                await socket.receive_text()
            except SocketEndedError as err:
                return err.close_code


async def test_who_signs_out_hears_nothing_more(
    house: House, somebody: Callable[[RunningGateway], Visitor]
) -> None:
    ada = await ear(somebody(house.one), ADA)
    await ada.hears(lambda told: True)

    await ada.person.ask("POST", "/api/sign-out", {})

    assert await ends(ada.socket) == 4004


async def test_a_pager_is_told_once_of_each_arrival_and_nothing_of_the_patient(
    house: House, somebody: Callable[[RunningGateway], Visitor]
) -> None:
    while not house.pager.heard.empty():
        house.pager.heard.get_nowait()
    name = canary("Paged")
    patients = [somebody(house.one), somebody(house.other)]
    for patient in patients:
        await patient.enter(HARBOUR, "eyes", name, {})
    await patients[0].enter(HARBOUR, "eyes", name, {})  # has the place already

    async with asyncio.timeout(WITHIN_S):
        heard = [await house.pager.heard.get() for _ in patients]
    assert [path for path, _ in heard] == ["/eyes?door=1"] * 2
    for (_, body), gateway in zip(heard, (house.one, house.other), strict=True):
        assert json.loads(body) == {
            "type": "arrival", "namespace": "harbour", "clinic": "eyes",
            "dashboard": f"{gateway.url}/staff/harbour/eyes",
        }  # fmt: skip
    assert house.pager.heard.empty()
    for patient in patients:
        await patient.leave()


async def test_a_patient_who_is_transferred_has_arrived_there_and_an_address_inside_is_not_called(
    house: House, somebody: Callable[[RunningGateway], Visitor]
) -> None:
    ada, patient = await ear(somebody(house.one), ADA), somebody(house.one)
    await patient.enter(HARBOUR, "skin", "Ann", {})
    (visit,) = (await ada.hears(lambda told: "skin" in told))["skin"].visits

    await ada.person.act(HARBOUR, "skin", visit, "transfer", to="eyes")

    async with asyncio.timeout(WITHIN_S):
        path, _ = await house.pager.heard.get()
    assert path == "/eyes?door=1"
    counted = await metrics(house.one)
    assert 'teleward_gateway_webhooks_total{outcome="not_allowed"}' in counted
    assert 'teleward_gateway_webhooks_total{outcome="sent"}' in counted


async def metrics(gateway: RunningGateway) -> str:
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"{gateway.operations_url}/metrics") as answer,
    ):
        return await answer.text()

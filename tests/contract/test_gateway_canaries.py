"""After a day on which each kind of step was taken, no word of a patient or a guest is in what outlives their visit.

That is: the audit in the store and where it is shipped to, what was counted and its reports, what a pager was told,
and every object of the API server.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from teleward_cli.demo.client import RefusedAnswerError, Visitor
from teleward_contract.redis_store import Store, open_store
from teleward_contract.resources import GROUP, KINDS, VERSION
from teleward_contract.units import Namespace
from teleward_gateway.adapters import keys
from teleward_gateway.adapters.visits_redis import RedisVisits
from teleward_gateway.core.admission import Action
from teleward_gateway.core.audit import Deed
from teleward_gateway.core.visits import VisitAction
from teleward_testing.builders import document
from teleward_testing.gateways import RunningGateway, running_gateway
from teleward_testing.operating import ApiServer, DeclaredHouse, operating
from teleward_testing.pager import Pager, running_pager
from teleward_testing.recording import canary, files_with
from teleward_testing.valkey import RunningValkey

pytestmark = pytest.mark.asyncio(loop_scope="module")

HARBOUR = Namespace("harbour")
ADMIN, ADA, GRACE = (canary(name).lower() + "@example.org" for name in ("admin", "ada", "grace"))
AUDIT = "audit.jsonl"
WITHIN_S = 90.0
"""Counters are written to statuses every 15 s."""
STEPS = {str(step) for step in VisitAction} | {
    Deed.ENTER, Deed.MESSAGE_ALL, Deed.REDEEM, Deed.SIGN_IN, Deed.SIGN_OUT, Deed.READ_REPORTS, Deed.READ_AUDIT,
    Deed.RESOLVE, Deed.SEE_QUEUE, Action.INVITE, Action.ADMIT_GUEST, Action.REFUSE_GUEST, Action.REVOKE_LINK,
}  # fmt: skip
"""What this day has. Not in it: vanishing, which takes minutes, and opening a call, which takes a media node."""


class Harbour(DeclaredHouse):
    """A clinic that asks for something, pages, and has a neighbour without a media pool."""

    webhook = ""

    def documents(self) -> dict[str, Mapping[str, Any]]:
        made = {kind: json.loads(json.dumps(one)) for kind, one in super().documents().items()}
        made["Organisation"]["spec"]["team"] = [{"user": ADMIN, "role": "OrganisationAdmin"}]
        made["Clinic"]["spec"]["team"] = team()
        made["WaitingArea"]["spec"] |= asking() | {"alerts": {"webhook": self.webhook}}
        return made

    def neighbour(self) -> list[Mapping[str, Any]]:
        clinic = {"displayName": "Eyes", "team": team(), "mediaPoolRef": {"name": "none"}}
        area = {"clinicRef": {"name": "eyes"}} | asking()
        return [
            document("Clinic", self.namespace, "eyes", clinic),
            document("WaitingArea", self.namespace, "eyes", area),
        ]


def team() -> list[dict[str, str]]:
    return [{"user": user, "role": "Clinician"} for user in (ADA, GRACE)]


def asking() -> dict[str, object]:
    return {"entryFields": [{"name": "reason", "label": {"en": "Why do you come?"}}]}


@dataclass(eq=False)
class Day:
    """What runs, and every word that was said in it."""

    gateway: RunningGateway
    store: Store
    api: ApiServer
    pager: Pager
    folder: Path
    people: AsyncExitStack
    words: list[str] = field(default_factory=list)

    def shipped(self) -> str:
        """The file that the audit is shipped to."""
        file = self.folder / AUDIT
        return file.read_text() if file.is_file() else ""

    def say(self, what: str) -> str:
        """A word that is in nothing that lasts."""
        self.words.append(canary(what))
        return self.words[-1]

    async def person(self) -> Visitor:
        return await self.people.enter_async_context(Visitor(self.gateway.url))

    async def staff(self, user: str) -> Visitor:
        person = await self.person()
        await person.sign_in(user)
        return person

    async def come(self, staff: Visitor) -> tuple[Visitor, str]:
        """A patient with a word in everything that they may say, and their visit."""
        patient, name = await self.person(), self.say("Name")
        body = {
            "name": name, "fields": {"reason": self.say("Reason")}, "locale": "en",
            "speaker": {"name": self.say("Speaker"), "role": "relative"},
        }  # fmt: skip
        await patient.ask("POST", "/api/clinics/harbour/cardiology/visits", body)
        patient.waits_at = "harbour/cardiology"
        async with await staff.watch("harbour", "cardiology") as queue, asyncio.timeout(WITHIN_S):
            visit = (await queue.find(lambda entry: entry.name == name)).visit
        self.words.append(visit)
        return patient, visit

    async def join(self, visit: str) -> None:
        """As the patient's call socket does when a media node has let them in."""
        assert (await RedisVisits(self.store, 60).change(HARBOUR, visit, VisitAction.JOIN))[0]

    async def audit(self, admin: Visitor) -> list[dict[str, str]]:
        told = json.loads(await admin.ask("GET", "/api/staff/harbour/audit?limit=1000"))
        records: list[dict[str, str]] = told["records"]
        return records


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def day(
    valkey: RunningValkey, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Day]:
    valkey.flush()
    folder = tmp_path_factory.mktemp("canaries")
    async with AsyncExitStack() as stack:
        pager = await stack.enter_async_context(running_pager(tmp_path_factory.mktemp("pager")))
        store = await stack.enter_async_context(open_store(valkey.url))
        together = await stack.enter_async_context(operating(valkey.url, folder))
        await together.api.namespace(HARBOUR)
        house = Harbour(together, store, HARBOUR)
        house.webhook = f"https://{pager.host}/arrival"
        for one in house.neighbour():
            await together.api.create(one)
        await house.settle()
        settings = {
            "webhook_hosts": pager.host, "trusted_certificates_file": str(pager.certificate),
            "audit_sink": str(folder / AUDIT), "log_level": "DEBUG",
        }  # fmt: skip
        gateway = stack.enter_context(running_gateway(valkey.url, folder, **settings))
        people = await stack.enter_async_context(AsyncExitStack())
        made = Day(gateway, store, together.api, pager, folder, people)
        ada = await made.staff(ADA)
        await visits_of_the_day(made, ada)
        await guests_of_the_day(made, ada)
        await ada.ask("POST", "/api/sign-out", {})
        yield made


async def visits_of_the_day(day: Day, ada: Visitor) -> None:
    """All that is done with visits; one goes on waiting, and one is in consultation."""

    async def act(visit: str, action: str, clinic: str = "cardiology", **body: object) -> None:
        async with asyncio.timeout(WITHIN_S):
            while True:
                try:
                    return await ada.act("harbour", clinic, visit, action, **body)
                except RefusedAnswerError as err:  # the media node has not beaten often enough yet
                    if err.status != 503:
                        raise
                await asyncio.sleep(0.2)

    _, waits = await day.come(ada)
    await act(waits, "notice")
    await act(waits, "priority", priority=3)
    await act(waits, "message", text=day.say("Message"))
    written = {"text": day.say("ToAll")}
    await ada.ask("POST", "/api/staff/harbour/cardiology/messages", written)
    leaves, _ = await day.come(ada)
    await leaves.leave()
    _, refused = await day.come(ada)
    await act(refused, "refuse", text=day.say("Refusal"))
    _, seen = await day.come(ada)
    await act(seen, "call-in")
    await day.join(seen)
    await act(seen, "hold")
    await act(seen, "resume")
    await day.join(seen)
    _, added = await day.come(ada)
    await act(added, "add", to=seen)
    await act(added, "return")
    moves, moved = await day.come(ada)
    await act(moved, "transfer", to="eyes")
    await moves.follow()
    with pytest.raises(RefusedAnswerError, match="full"):
        await act(moved, "call-in", "eyes")
    await act(seen, "hand-over", to=GRACE)
    grace = await day.staff(GRACE)
    await grace.act("harbour", "cardiology", seen, "end")
    _, stays = await day.come(ada)
    await act(stays, "call-in")
    await day.join(stays)


async def guests_of_the_day(day: Day, ada: Visitor) -> None:
    """All that becomes of a guest link."""
    for what in ("admit", "refuse", "revoke"):
        link = await ada.invite(
            "harbour", "cardiology", "meeting", "handover", label=day.say("Label")
        )
        guest = await day.person()
        day.words += [link.secret, guest.claim, link.guest]
        await guest.redeem("harbour", "cardiology", link.secret, day.say("Guest"))
        async with await guest.knock("harbour", "cardiology", day.words[-1]):
            await ada.decide("harbour", "cardiology", link.guest, what)
        wrong, name = day.say("Secret"), day.say("Guest")
        with pytest.raises(RefusedAnswerError):
            await guest.redeem("harbour", "cardiology", wrong, name)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def read(day: Day) -> Mapping[str, str]:
    """What the administration is told: which document → its text."""
    admin = await day.staff(ADMIN)
    path = "/api/staff/harbour"
    await admin.ask("POST", f"{path}/audit/pseudonym", {"user": ADA})
    told = {
        f"{what} as {form}": await admin.ask("GET", f"{path}/{what}&format={form}")
        for what in ("reports?by=day", "reports?by=range", "audit?limit=1000")
        for form in ("json", "csv")
    }
    async with asyncio.timeout(WITHIN_S):
        while STEPS - {one["what"] for one in await day.audit(admin)}:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    return told | {"the whole audit": json.dumps(await day.audit(admin))}


async def test_canary_words_are_in_no_audit_and_no_report(
    day: Day, read: Mapping[str, str]
) -> None:
    redis, wanted = day.store.redis, keys.report(HARBOUR, "*", "*")
    stream = await redis.xrange(keys.audit(HARBOUR)) or []
    counted = {key: await redis.hgetall(key) for key in await redis.keys(wanted)}
    async with asyncio.timeout(WITHIN_S):
        while day.shipped().count("\n") < len(stream):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    shown = dict(read) | {
        "stream": str(stream), "counters": str(counted), "file": day.shipped()
    }  # fmt: skip

    assert {where: len(text) > 100 for where, text in shown.items()} == dict.fromkeys(shown, True)
    assert len(counted) == 2
    assert leaks(shown, [*day.words, ADMIN, ADA, GRACE]) == []


async def test_canary_words_are_in_nothing_that_a_pager_is_told(day: Day) -> None:
    heard: list[tuple[str, str]] = []
    async with asyncio.timeout(WITHIN_S):
        while len(heard) < 7:
            heard.append(await day.pager.heard.get())

    assert leaks({"pager": str(heard)}, [*day.words, ADMIN, ADA, GRACE]) == []


async def test_canary_words_are_in_no_object_of_the_api_server_nor_in_any_log(day: Day) -> None:
    async with asyncio.timeout(WITHIN_S):
        while True:
            shown = await asyncio.to_thread(objects, day.api)
            areas = json.loads(shown["WaitingArea"])["items"]
            counts = {one["metadata"]["name"]: one["status"] for one in areas}
            told = counts["cardiology"]["inConsultation"], counts["eyes"]["waiting"]
            if told == (1, 1):
                break
            await asyncio.sleep(0.2)

    assert '"reason"' in shown["events"]
    assert leaks(shown, day.words) == []
    assert files_with(day.folder, day.words) == [], "logs, the API server's file, keys"


def objects(api: ApiServer) -> dict[str, str]:
    """Kind → its objects as they stand, and the events."""
    told = {
        kind: json.dumps(api.objects.list_cluster_custom_object(GROUP, VERSION, plural))
        for kind, (plural, _) in KINDS.items()
    }
    events: Any = api.core.list_namespaced_event(HARBOUR, _preload_content=False)
    return told | {"events": events.data.decode()}


def leaks(shown: Mapping[str, str], words: list[str]) -> list[tuple[str, str]]:
    """Where any of these words occurs, in whichever case."""
    return [
        (where, word)
        for where, text in shown.items()
        for word in words
        if word.casefold() in text.casefold()
    ]

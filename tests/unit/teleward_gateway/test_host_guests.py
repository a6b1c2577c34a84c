"""What a link that opens nothing costs: the same for each, and no more than so many at once."""

import asyncio
from collections.abc import Mapping

import pytest
from teleward_contract.projections import ClinicProjection
from teleward_contract.units import Namespace
from teleward_gateway.adapters.guests_memory import MemoryGuestLinks
from teleward_gateway.adapters.presence_memory import MemoryPresence
from teleward_gateway.adapters.pseudonyms import KeyedPseudonyms
from teleward_gateway.adapters.visits_memory import MemoryVisits
from teleward_gateway.core.guests import Guest, GuestPlace
from teleward_gateway.core.participants import Participants
from teleward_gateway.errors import RefusedError
from teleward_gateway.usecases import host_guests
from teleward_gateway.usecases.clinics import Clinics
from teleward_gateway.usecases.consult import Consulting
from teleward_gateway.usecases.host_guests import REFUSING_AT_ONCE, Hosting
from teleward_gateway.usecases.place_calls import Calls
from teleward_testing.routing import Clock

HARBOUR = Namespace("harbour")
CLINIC = ClinicProjection(
    namespace=HARBOUR, name="cardiology", uid="uid-1", generation=1, display_name="Cardiology"
)
FOUND = (CLINIC, None)


class Counted(MemoryGuestLinks):
    """Counts what is asked."""

    def __init__(self, clock: Clock, visits: MemoryVisits) -> None:
        super().__init__(clock, visits)
        self.asked: list[str] = []

    async def redeem(
        self, namespace: Namespace, clinic_uid: str, guest: str, claim: str,
        changed: Mapping[str, str | int | bool],
    ) -> Guest | None:  # fmt: skip
        self.asked.append("redeem")
        return await super().redeem(namespace, clinic_uid, guest, claim, changed)

    async def get(self, namespace: Namespace, guest: str) -> Guest | None:
        self.asked.append("get")
        return await super().get(namespace, guest)


class House:
    """A clinic, its links, and how long refusals have waited."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        clock = Clock()
        visits, people = MemoryVisits(clock, 600), Participants(b"")
        self.links = Counted(clock, visits)
        unused: object = None
        calls = Calls(unused, unused)  # type: ignore[arg-type]  # nobody is let in here
        names = KeyedPseudonyms(b"key")
        consulting = Consulting(visits, self.links, unused, calls, people, names)  # type: ignore[arg-type]
        clinics = Clinics(unused)  # type: ignore[arg-type]
        self.hosting = Hosting(
            self.links, visits, visits, MemoryPresence(clock), clinics, consulting, calls, people
        )
        self.waited: list[float] = []
        self.may_go = asyncio.Event()
        self.may_go.set()
        monkeypatch.setattr("asyncio.sleep", self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.waited.append(seconds)
        await self.may_go.wait()

    async def link(self) -> tuple[Guest, str]:
        return await self.hosting.invite(FOUND, GuestPlace.MEETING, "ward", "", 60, "grace")


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> House:
    return House(monkeypatch)


async def test_each_link_that_opens_nothing_is_one_question_and_one_wait(house: House) -> None:
    (_, used), (revoked, secret) = await house.link(), await house.link()
    assert await house.hosting.redeem(FOUND, used, "mine", "Ida") is not None
    await house.hosting.revoke(FOUND, revoked)
    assert house.waited == [], "who has a good one does not wait"

    for wrong in (used, secret, "never made"):
        house.links.asked.clear()
        house.waited.clear()
        assert await house.hosting.redeem(FOUND, wrong, "theirs", "Eve") is None
        assert house.links.asked == ["redeem"]
        assert [0 < wait <= host_guests.REFUSED_AFTER_S for wait in house.waited] == [True]


async def test_so_many_guesses_wait_at_once_and_the_next_ask_nothing(house: House) -> None:
    house.may_go.clear()
    guesses = [
        asyncio.create_task(house.hosting.redeem(FOUND, f"guess-{n}", "theirs", "Eve"))
        for n in range(REFUSING_AT_ONCE)
    ]
    while len(house.waited) < REFUSING_AT_ONCE:
        await asyncio.wait(guesses, timeout=0.001)
    house.links.asked.clear()

    with pytest.raises(RefusedError) as err:
        await house.hosting.redeem(FOUND, "one more", "theirs", "Eve")
    assert (err.value.status, house.links.asked) == (429, [])

    house.may_go.set()
    assert await asyncio.gather(*guesses) == [None] * REFUSING_AT_ONCE
    assert await house.hosting.redeem(FOUND, "one more", "theirs", "Eve") is None

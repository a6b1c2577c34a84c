"""A guest link is good for one browser and one place, until it expires, is revoked, or what it leads to is over.

Every clause holds for the memory implementation and for the scripts on a real store of each kind.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine

import pytest
from redis.crc import key_slot
from teleward_cli.store import free_port
from teleward_contract.errors import RoutingUnavailableError
from teleward_contract.redis_store import Store, open_store
from teleward_gateway.adapters import keys
from teleward_gateway.adapters.guests_redis import RedisGuestLinks
from teleward_gateway.core.guests import (
    CONNECTED_S,
    GONE_S,
    GUEST_TRANSITIONS,
    KNOCKS,
    MAX_LINKS,
    Guest,
    GuestAction,
    GuestPlace,
    GuestState,
    guest_changes,
)
from teleward_gateway.core.visits import VisitAction, VisitState
from teleward_gateway.ports.visits import GuestLinks
from teleward_testing.visiting import HARBOUR, HILLS, ClockedGuestLinks

GOOD_S = 3600
CLINIC = "uid-1"
PATHS: dict[GuestState, tuple[GuestAction, ...]] = {
    GuestState.INVITED: (),
    GuestState.KNOCKING: (GuestAction.REDEEM,),
    GuestState.ADMITTED: (GuestAction.REDEEM, GuestAction.ADMIT),
    GuestState.REFUSED: (GuestAction.REDEEM, GuestAction.REFUSE),
    GuestState.REMOVED: (GuestAction.REDEEM, GuestAction.ADMIT, GuestAction.REMOVE),
    GuestState.LEFT: (GuestAction.REDEEM, GuestAction.LEAVE),
}
"""How an invited guest comes to each state."""
METHODS: dict[str, Callable[[GuestLinks], Coroutine[object, object, object]]] = {
    "invite": lambda ports: ports.invite(guest(), GOOD_S),
    "redeem": lambda ports: ports.redeem(HARBOUR, CLINIC, "g", "mine", {}),
    "get": lambda ports: ports.get(HARBOUR, "g"),
    "change": lambda ports: ports.change(HARBOUR, "g", GuestAction.ADMIT, {}),
    "revoke": lambda ports: ports.revoke(HARBOUR, CLINIC, "g"),
    "claim": lambda ports: ports.claim(HARBOUR, "g", "tab"),
    "heard": lambda ports: ports.heard(HARBOUR, "g", "tab"),
    "of_clinic": lambda ports: ports.of_clinic(HARBOUR, CLINIC),
}


def guest(
    guest_id: str = "g", place: GuestPlace = GuestPlace.MEETING, place_id: str = "ward"
) -> Guest:
    return Guest(
        id=guest_id, namespace=HARBOUR, clinic="cardiology", clinic_uid=CLINIC, place=place,
        place_id=place_id, label="Interpreter", made_by="grace",
    )  # fmt: skip


class House(ClockedGuestLinks):
    """Links, and how they come to where a test needs them."""

    async def redeem(
        self, claim: str = "mine", guest_id: str = "g", clinic_uid: str = CLINIC
    ) -> Guest | None:
        changed = guest_changes(GuestAction.REDEEM, name="Ida")
        return await self.other.redeem(HARBOUR, clinic_uid, guest_id, claim, changed)

    async def take(self, action: GuestAction, by: str = "grace") -> tuple[bool, Guest | None]:
        changed = guest_changes(action, by, name="Ida")
        return await self.other.change(HARBOUR, "g", action, changed)

    async def bring(self, state: GuestState) -> Guest:
        await self.ports.invite(guest(), GOOD_S)
        for action in PATHS[state]:
            if action is GuestAction.REDEEM:
                assert await self.redeem()
            else:
                assert (await self.take(action))[0]
        now = await self.ports.get(HARBOUR, "g")
        assert now is not None
        assert now.state is state
        return now


@pytest.fixture
def links(held_in: Store | None, monkeypatch: pytest.MonkeyPatch) -> House:
    return House(held_in, monkeypatch)


@pytest.fixture
async def nowhere() -> AsyncIterator[RedisGuestLinks]:
    async with open_store(f"redis://127.0.0.1:{free_port()}/0") as store:
        yield RedisGuestLinks(store)


# ── it is used once ───────────────────────────────────────────────────────────────────────────


async def test_a_link_is_used_by_one_browser_which_may_ask_again(links: House) -> None:
    await links.ports.invite(guest(), GOOD_S)

    first = await links.redeem("mine")
    assert first is not None
    assert (first.state, first.name) == (GuestState.KNOCKING, "Ida")
    assert await links.redeem("mine") == first, "the answer was lost, and it asks again"
    assert await links.redeem("theirs") is None
    assert await links.ports.get(HARBOUR, "g") == first, "who came too late has changed nothing"


async def test_a_link_that_is_tried_at_another_clinics_door_is_not_used_up(links: House) -> None:
    await links.ports.invite(guest(), GOOD_S)

    assert await links.redeem("theirs", clinic_uid="uid-9") is None
    assert await links.redeem("mine") is not None


async def test_of_many_browsers_at_once_one_uses_it(links: House) -> None:
    await links.visits.connect()
    await links.ports.invite(guest(), GOOD_S)

    answers = await asyncio.gather(*(links.redeem(f"browser {n}") for n in range(20)))

    assert sum(answer is not None for answer in answers) == 1


async def test_unknown_expired_and_revoked_are_nothing_alike(links: House) -> None:
    await links.ports.invite(guest("expired"), 60)
    await links.ports.invite(guest("revoked"), GOOD_S)
    gone = await links.other.revoke(HARBOUR, CLINIC, "revoked")
    assert gone is not None
    assert gone.id == "revoked"
    await links.pass_s(61)

    for one in ("never made", "expired", "revoked"):
        assert await links.redeem("mine", one) is None
        assert await links.ports.get(HARBOUR, one) is None
        assert await links.take(GuestAction.ADMIT) == (False, None)
        assert await links.ports.claim(HARBOUR, one, "tab") is None
    assert await links.ports.of_clinic(HARBOUR, CLINIC) == ()


async def test_using_it_does_not_prolong_it(links: House) -> None:
    await links.bring(GuestState.ADMITTED)
    await links.ports.claim(HARBOUR, "g", "tab")
    await links.pass_s(GOOD_S - 1)
    assert await links.ports.heard(HARBOUR, "g", "tab")

    await links.pass_s(2)

    assert await links.ports.get(HARBOUR, "g") is None


# ── what happens to a guest ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("action", [a for a in GuestAction if a is not GuestAction.REDEEM])
@pytest.mark.parametrize("state", list(GuestState))
async def test_each_step_is_taken_where_the_table_allows_it_and_nowhere_else(
    links: House, state: GuestState, action: GuestAction
) -> None:
    before = await links.bring(state)
    after = GUEST_TRANSITIONS[action].get(state)
    changed = guest_changes(action, "hedy", name="Ida")

    allowed, now = await links.other.change(HARBOUR, "g", action, changed)

    ms = links.visits.clock.ms
    knock = {"knocked_ms": ms, "seen_ms": ms} if action in KNOCKS else {}
    expected = before.model_copy(update={**changed, **knock, "state": after}) if after else before
    assert (allowed, now) == (after is not None, expected)
    assert await links.ports.get(HARBOUR, "g") == expected


async def test_the_name_is_gone_with_a_refusal_and_with_leaving(links: House) -> None:
    assert (await links.bring(GuestState.REFUSED)).name == ""
    assert (await links.bring(GuestState.LEFT)).name == ""
    assert (await links.bring(GuestState.REMOVED)).name == "Ida", "who was put out may knock"


async def test_who_was_removed_is_marked_until_somebody_admits_them(links: House) -> None:
    assert (await links.bring(GuestState.REMOVED)).was_removed
    _, knocking = await links.take(GuestAction.KNOCK)
    assert knocking is not None
    assert knocking.was_removed
    _, admitted = await links.take(GuestAction.ADMIT)
    assert admitted is not None
    assert not admitted.was_removed


async def test_of_several_who_refuse_at_once_one_does_and_all_hear_who(links: House) -> None:
    await links.visits.connect()
    await links.bring(GuestState.KNOCKING)

    answers = await asyncio.gather(
        *(links.take(GuestAction.REFUSE, f"staff {n}") for n in range(10))
    )

    assert sum(allowed for allowed, _ in answers) == 1
    assert len({now.decided_by for _, now in answers if now}) == 1


async def test_the_newest_page_counts(links: House) -> None:
    await links.bring(GuestState.KNOCKING)
    await links.ports.claim(HARBOUR, "g", "first")
    await links.other.claim(HARBOUR, "g", "second")

    assert not await links.ports.heard(HARBOUR, "g", "first")
    assert await links.ports.heard(HARBOUR, "g", "second")


@pytest.mark.parametrize("state", [GuestState.KNOCKING, GuestState.ADMITTED])
async def test_who_is_not_heard_of_has_left_without_a_name(
    links: House, state: GuestState
) -> None:
    await links.bring(state)
    await links.pass_s(GONE_S - 1)
    assert [g.state for g in await links.ports.of_clinic(HARBOUR, CLINIC)] == [state]

    await links.pass_s(2)

    (now,) = await links.ports.of_clinic(HARBOUR, CLINIC)
    assert (now.state, now.name) == (GuestState.LEFT, "")
    assert (await links.take(GuestAction.KNOCK))[0], "and may knock again"


async def test_times_are_the_stores_and_who_is_silent_is_told_so(links: House) -> None:
    now = await links.bring(GuestState.KNOCKING)
    ms = links.visits.clock.ms
    assert (now.made_ms, now.expires_ms) == (ms, ms + GOOD_S * 1000)
    assert (now.knocked_ms, now.seen_ms) == (ms, ms)

    await links.pass_s(CONNECTED_S - 1)
    assert [g.is_silent for g in await links.ports.of_clinic(HARBOUR, CLINIC)] == [False]
    await links.pass_s(1)
    assert [g.is_silent for g in await links.ports.of_clinic(HARBOUR, CLINIC)] == [True]
    await links.ports.claim(HARBOUR, "g", "tab")
    assert [g.is_silent for g in await links.ports.of_clinic(HARBOUR, CLINIC)] == [False]


# ── what staff see ────────────────────────────────────────────────────────────────────────────


async def test_a_clinic_lists_its_links_and_no_others(links: House) -> None:
    other = guest("other").model_copy(update={"clinic_uid": "uid-2"})
    foreign = guest("foreign").model_copy(update={"namespace": HILLS})
    for one in (guest(), other, foreign):
        assert await links.ports.invite(one, GOOD_S)
    await links.pass_s(1)
    assert await links.ports.invite(guest("a-later"), GOOD_S)

    assert [g.id for g in await links.other.of_clinic(HARBOUR, CLINIC)] == ["g", "a-later"]
    assert await links.ports.revoke(HARBOUR, CLINIC, "other") is None, "of another clinic"
    assert await links.ports.get(HARBOUR, "other") is not None
    assert await links.ports.get(HILLS, "g") is None


@pytest.mark.parametrize(
    "over", [VisitAction.END, VisitAction.LEAVE, VisitAction.REFUSE], ids=lambda a: a.value
)
async def test_nothing_of_a_guest_outlives_the_visit(links: House, over: VisitAction) -> None:
    await links.visits.bring(VisitState.WAITING)
    await links.ports.invite(guest(place=GuestPlace.VISIT, place_id="v"), GOOD_S)
    await links.redeem()
    assert len(await links.ports.of_clinic(HARBOUR, CLINIC)) == 1

    await links.visits.ports.change(HARBOUR, "v", over)

    assert await links.ports.of_clinic(HARBOUR, CLINIC) == ()
    assert await links.ports.get(HARBOUR, "g") is None


async def test_a_clinic_has_so_many_links_and_no_more_until_some_are_gone(links: House) -> None:
    for n in range(MAX_LINKS):
        assert await links.ports.invite(guest(f"g{n}"), 60 if n else GOOD_S)

    assert not await links.ports.invite(guest("one too many"), GOOD_S)
    assert await links.ports.revoke(HARBOUR, CLINIC, "g0")
    assert await links.ports.invite(guest("one more"), GOOD_S)


# ── the real store ────────────────────────────────────────────────────────────────────────────


async def test_every_key_is_in_the_organisations_slot_and_ends_with_the_link(store: Store) -> None:
    ports = RedisGuestLinks(store)
    await ports.invite(guest(), GOOD_S)
    await ports.redeem(HARBOUR, CLINIC, "g", "mine", {"name": "Ida"})
    await ports.claim(HARBOUR, "g", "tab")

    found = await store.redis.keys("*")

    assert sorted(found) == sorted([keys.guest(HARBOUR, "g"), keys.guests(HARBOUR, CLINIC)])
    for key in found:
        assert 0 < await store.redis.ttl(key) <= GOOD_S
        assert key_slot(str(key).encode()) == key_slot(keys.visit(HARBOUR, "v").encode())


@pytest.mark.parametrize("method", METHODS)
async def test_a_store_that_is_not_there_is_unavailable_to_every_method(
    nowhere: RedisGuestLinks, method: str
) -> None:
    with pytest.raises(RoutingUnavailableError):
        await METHODS[method](nowhere)

"""Who has looked at a queue lately is known to every gateway for a while; a visit can be given to them and their like.

Every clause of the port holds for the memory implementation and for a real store of each kind.
"""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from teleward_contract.projections import (
    ClinicProjection,
    Issuer,
    OrganisationProjection,
    Role,
    TeamMember,
    WaitingAreaProjection,
)
from teleward_contract.redis_store import Store, open_store
from teleward_gateway.adapters import keys
from teleward_gateway.adapters.at_work_redis import RedisAtWork
from teleward_gateway.adapters.sessions_redis import RedisSessions
from teleward_gateway.adapters.visits_redis import RedisVisits
from teleward_gateway.core.staff import StaffSession, identity
from teleward_gateway.core.tickets import STAFF_COOKIE
from teleward_gateway.core.visits import Personal, VisitAction
from teleward_gateway.ports.alerts import AT_WORK_S
from teleward_gateway.usecases.staff_sessions import StaffSessions
from teleward_testing.front_door import Answer, FrontDoor, front_door
from teleward_testing.gateways import project
from teleward_testing.valkey import RunningValkey
from teleward_testing.visiting import HARBOUR, HILLS, KEEP_S, ClockedAtWork, visit

ADA = StaffSession(user="ada@x.org", display_name="Dr Ada", groups=("doctors",))


@pytest.fixture
def at_work(held_in: Store | None) -> ClockedAtWork:
    return ClockedAtWork(held_in)


async def test_who_was_seen_is_known_to_every_gateway_as_seen_last(at_work: ClockedAtWork) -> None:
    ben = ADA.model_copy(update={"user": "ben@x.org"})
    changed = ADA.model_copy(update={"groups": ("nurses",)})
    await at_work.ports.seen(HARBOUR, "u", ADA)
    await at_work.pass_s(1)
    await at_work.other.seen(HARBOUR, "u", ben)
    await at_work.pass_s(1)
    await at_work.ports.seen(HARBOUR, "u", changed)

    known = {who.identity: who for who in await at_work.other.lately(HARBOUR, "u")}
    assert known == {ben.identity: ben, changed.identity: changed}
    assert await at_work.ports.lately(HARBOUR, "w") == ()
    assert await at_work.ports.lately(HILLS, "u") == ()


async def test_who_is_not_seen_again_is_forgotten(at_work: ClockedAtWork) -> None:
    await at_work.ports.seen(HARBOUR, "u", ADA)
    await at_work.pass_s(AT_WORK_S - 5)
    assert await at_work.ports.lately(HARBOUR, "u") == (ADA,)

    await at_work.pass_s(10)
    assert await at_work.ports.lately(HARBOUR, "u") == ()


async def test_the_key_expires_by_itself(store: Store) -> None:
    await RedisAtWork(store).seen(HARBOUR, "u", ADA)

    assert 0 < await store.redis.ttl(keys.at_work(HARBOUR, "u")) <= AT_WORK_S


# ── at a running gateway ──────────────────────────────────────────────────────────────────────

ISSUERS = tuple(
    Issuer(name=name, url=f"https://{name}.example.org", client_id="t")
    for name in ("hospital", "agency")
)
CLINIC = ClinicProjection(
    namespace=HARBOUR, name="hearts", uid="uid-hearts", generation=1, display_name="Hearts",
    team=(TeamMember(role=Role.CLINICIAN, group="doctors"),),
    waiting_area=WaitingAreaProjection(uid="a", generation=1),
)  # fmt: skip
ORGANISATION = OrganisationProjection(
    namespace=HARBOUR, uid="o", generation=1, display_name="H", issuers=ISSUERS
)
BASE = f"/api/staff/{HARBOUR}/hearts"


class Hearts:
    """A clinic whose team is a group, and people of two issuers who are signed in."""

    def __init__(self, door: FrontDoor, store: Store) -> None:
        self._door = door
        self.visits = RedisVisits(store, 600)
        self._sessions = StaffSessions(RedisSessions(store, 36_000, 3600))

    async def sign_in(self, user: str, issuer: int, *groups: str) -> str:
        """Sign somebody in as their issuer would have; the cookie."""
        secret = await self._sessions.begin(
            StaffSession(
                user=user, display_name=f"Dr {user[:3].title()}", namespace=HARBOUR,
                issuer=ISSUERS[issuer].name, issuer_url=ISSUERS[issuer].url, groups=groups,
            )
        )  # fmt: skip
        return f"{STAFF_COOKIE}={secret}"

    async def ask(self, cookie: str, path: str, body: object = None) -> Answer:
        method = "GET" if body is None else "POST"
        return await self._door.ask(method, f"{BASE}/{path}", body=body, cookie=cookie)

    async def look(self, cookie: str) -> None:
        """Look at the queue once."""
        async with self._door.socket(f"/ws/staff/{HARBOUR}/hearts", cookie=cookie) as socket:
            assert json.loads(await socket.receive_str())["type"] == "queue"


@pytest.fixture
async def hearts(valkey: RunningValkey, tmp_path: Path) -> AsyncIterator[Hearts]:
    async with (
        front_door(valkey, tmp_path, sign_in="issuers") as door,
        open_store(valkey.url) as store,
    ):
        await project(valkey.url, CLINIC, ORGANISATION)
        yield Hearts(door, store)


async def test_a_visit_is_given_to_a_colleague_of_a_group_who_is_at_work(hearts: Hearts) -> None:
    ada, ben = [await hearts.sign_in(f"{name}@x.org", 0, "doctors") for name in ("ada", "ben")]
    called = await hearts.visits.enter(
        visit(clinic_uid=CLINIC.uid).model_copy(update={"clinic": "hearts"}), Personal(name="P"), KEEP_S
    )  # fmt: skip
    mine = identity("ada@x.org", "hospital")
    await hearts.visits.change(HARBOUR, called.id, VisitAction.CALL_IN, mine)
    to = {"to": identity("ben@x.org", "hospital")}

    assert json.loads((await hearts.ask(ada, "choices")).text)["colleagues"] == []
    assert (await hearts.ask(ada, f"visits/{called.id}/hand-over", to)).code == "unknown_colleague"
    await hearts.look(ben)
    choices = json.loads((await hearts.ask(ada, "choices")).text)
    assert choices["colleagues"] == [{"user": to["to"], "name": "Dr Ben"}]
    assert (await hearts.ask(ada, f"visits/{called.id}/hand-over", to)).status == 204
    now = await hearts.visits.get(HARBOUR, called.id)
    assert now is not None
    assert now.called_by == to["to"]


async def test_who_is_out_of_the_group_is_no_colleague_any_more(
    hearts: Hearts, valkey: RunningValkey
) -> None:
    ada, ben = [await hearts.sign_in(f"{name}@x.org", 0, "doctors") for name in ("ada", "ben")]
    await hearts.look(ben)
    team = (TeamMember(role=Role.CLINICIAN, user="ada@x.org"),)

    await project(valkey.url, CLINIC.model_copy(update={"team": team, "generation": 2}))

    for _ in range(40):  # a gateway remembers a projection for a second
        told = json.loads((await hearts.ask(ada, "choices")).text)["colleagues"]
        if [one["name"] for one in told] == ["ada@x.org"]:
            return
    raise AssertionError(told)


async def test_two_issuers_with_the_same_user_are_two_owners(hearts: Hearts) -> None:
    one, other = [await hearts.sign_in("ada@x.org", issuer, "doctors") for issuer in (0, 1)]
    called = await hearts.visits.enter(
        visit(clinic_uid=CLINIC.uid).model_copy(update={"clinic": "hearts"}), Personal(name="P"), KEEP_S
    )  # fmt: skip
    mine = identity("ada@x.org", "hospital")
    await hearts.visits.change(HARBOUR, called.id, VisitAction.CALL_IN, mine)
    await hearts.look(one)
    await hearts.look(other)

    theirs = {"to": identity("ada@x.org", "agency")}
    assert (await hearts.ask(other, f"visits/{called.id}/hand-over", theirs)).code == "taken"
    assert (await hearts.ask(one, f"visits/{called.id}/hand-over", theirs)).status == 204
    assert (await hearts.ask(one, f"visits/{called.id}/hand-over", {"to": mine})).code == "taken"

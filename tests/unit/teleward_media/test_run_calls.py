"""Calls are run for sockets that come, go and come again: who is told what, and what a transport is asked for."""

import itertools
from collections.abc import Callable, Iterable

import pytest
from teleward_contract.signalling import (
    Chat,
    Closed,
    CloseReason,
    Encodings,
    ErrorCode,
    Frame,
    Hold,
    Join,
    Joined,
    Leave,
    Mute,
    Muted,
    Participants,
    ParticipantView,
    Quality,
    Restart,
    Restarted,
    Resume,
    Resumed,
    Right,
    Said,
    ShownSlot,
    Slots,
    Speaker,
    View,
)
from teleward_contract.tickets import MediaTicket
from teleward_contract.units import (
    BootId,
    CallId,
    CapacityUnits,
    MediaNodeId,
    ParticipantId,
    PlacementEpoch,
    Seconds,
)
from teleward_media.core import forwarding
from teleward_media.core.answer import LocalTransport, Negotiated
from teleward_media.core.forwarding import (
    HIDDEN,
    ForwardingPlan,
    Interest,
    Observed,
    Orders,
    Output,
)
from teleward_media.core.offer import Offer
from teleward_media.errors import CallRefusedError
from teleward_media.usecases.run_calls import QUALITY_EVERY_S, RESTART_BURST, Calls
from teleward_testing.sdp import SESSION, SIMULCAST, audio, offer, video

SECTIONS = (
    audio("mic", "sendonly"), video("cam", "sendonly", *SIMULCAST),
    *(audio(f"a{n}", "recvonly") for n in range(3)), *(video(f"v{n}", "recvonly") for n in range(3)),
)  # fmt: skip
OFFER = offer(*SECTIONS)
GRACE_S = 15.0


def credentials(ufrag: str) -> tuple[str, ...]:
    """The session part of the same peer's offer with other ICE credentials."""
    return tuple(line.replace("ice-ufrag:abcd", f"ice-ufrag:{ufrag}") for line in SESSION)


class Screen:
    """A socket that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Frame] = []

    def tell(self, frame: Frame, *, last: bool = False) -> None:
        self.told.append(frame)

    def take(self, *kinds: type[Frame]) -> list[Frame]:
        """What of these kinds was told since the last time, in order."""
        taken, self.told = [frame for frame in self.told if isinstance(frame, kinds)], []
        return taken


class Peers:
    """Transports that never fail, and are heard when the test says so."""

    def __init__(self) -> None:
        self.open_for: dict[ParticipantId, Callable[[], None]] = {}
        self.ended: list[Callable[[], None]] = []
        self.heard: dict[ParticipantId, Seconds] = {}
        self.alive: set[int] = set()
        self.restarted: list[str] = []
        self.closed: list[ParticipantId] = []
        self._numbers = itertools.count(1)

    def open(
        self, participant: ParticipantId, offer: Offer, negotiated: Negotiated,
        on_closed: Callable[[], None],
    ) -> LocalTransport:  # fmt: skip
        if participant in self.open_for:
            self.ended.append(self.open_for[participant])
        self.open_for[participant] = on_closed
        return self._local()

    def restart(self, participant: ParticipantId, offer: Offer) -> LocalTransport | None:
        if participant not in self.open_for:
            return None
        self.restarted.append(offer.ufrag)
        return self._local()

    def close(self, participant: ParticipantId) -> None:
        self.open_for.pop(participant, None)
        self.closed.append(participant)

    def heard_at(self, participant: ParticipantId) -> Seconds | None:
        if participant not in self.open_for:
            return None
        return self.heard.get(participant, Seconds(float("inf")))

    def note_alive(self, numbers: Iterable[int], now: Seconds) -> None:
        self.alive.update(numbers)

    def path_kind(self, participant: ParticipantId) -> str | None:
        return "udp6" if participant in self.open_for else None

    def _local(self) -> LocalTransport:
        return LocalTransport(f"u{next(self._numbers)}", "p" * 22, "AB:CD", "192.0.2.1", 4000)


class Path:
    """A packet path that keeps the plan and knows figures."""

    def __init__(self) -> None:
        self.current: ForwardingPlan = {}
        self.figures: dict[ParticipantId, forwarding.Quality] = {}

    def set_plan(self, plan: ForwardingPlan, now: Seconds) -> None:
        self.current = plan

    def qualities(self, now: Seconds) -> dict[ParticipantId, forwarding.Quality]:
        return self.figures

    def add_peer(
        self, participant: ParticipantId, number: int, receive: object, transmit: object,
        negotiated: Negotiated, now: Seconds,
    ) -> None: ...  # fmt: skip
    def remove_peer(self, number: int) -> None: ...
    def receive(self, now: Seconds) -> None: ...
    def steer(self, orders: Orders, now: Seconds) -> None: ...
    def hear(self) -> forwarding.Heard:
        return {}

    def look(self) -> Observed:
        return Observed()

    def tick(self, now: Seconds) -> None: ...


class House:
    """Calls with everything around them, and a clock that the test moves."""

    def __init__(self) -> None:
        self.at = Seconds(100)
        self.peers, self.path = Peers(), Path()
        self.calls = Calls(
            self.peers, self.path, lambda: self.at, grace_s=GRACE_S,
            accepts_new=lambda: True, changed=lambda: None,
        )  # fmt: skip

    def ticket(self, who: str, *rights: Right, call: str = "c") -> MediaTicket:
        return MediaTicket(
            nonce="n", media_node=MediaNodeId("m"), boot=BootId("b"), call=CallId(call),
            epoch=PlacementEpoch(1), cost=CapacityUnits(2), max_participants=6,
            participant=ParticipantId(who), name=who.title(), rights=frozenset(rights),
        )  # fmt: skip

    async def comes(self, who: str, *rights: Right, call: str = "c") -> "Somebody":
        """Attach and join."""
        one = self.attaches(who, *rights, call=call)
        await one.says(Join(offer=OFFER))
        return one

    def attaches(self, who: str, *rights: Right, call: str = "c") -> "Somebody":
        one = Somebody(self, self.ticket(who, *rights, call=call))
        self.calls.attach(one.ticket, one.screen)
        return one


class Somebody:
    """A participant and its socket."""

    def __init__(self, house: House, ticket: MediaTicket) -> None:
        self.house, self.ticket, self.screen = house, ticket, Screen()
        self.id = ticket.participant or ParticipantId("")

    async def says(self, frame: object) -> None:
        await self.house.calls.handle(self.ticket, self.screen, frame)  # type: ignore[arg-type]  # a client's frame

    async def refusal(self, frame: object) -> tuple[ErrorCode, bool]:
        with pytest.raises(CallRefusedError) as refused:
            await self.says(frame)
        return refused.value.code, refused.value.fatal


@pytest.fixture
def house() -> House:
    return House()


async def test_a_restart_answers_with_new_credentials_and_the_sections_of_before(
    house: House,
) -> None:
    ada = await house.comes("ada")
    (joined,) = ada.screen.take(Joined)
    assert isinstance(joined, Joined)

    await ada.says(Restart(offer=offer(*SECTIONS, session=credentials("new1"))))

    (restarted,) = ada.screen.take(Restarted)
    assert isinstance(restarted, Restarted)
    assert house.peers.restarted == ["new1"]
    assert restarted.answer == joined.answer.replace("ice-ufrag:u1", "ice-ufrag:u2")


@pytest.mark.parametrize(
    "changed",
    [
        offer(*SECTIONS, session=tuple(line.replace("AB", "AC") for line in SESSION)),
        offer(*SECTIONS[:-1]),
        offer(*SECTIONS[:-1], video("other", "recvonly")),
    ],
    ids=["another certificate", "a section less", "another section"],
)
async def test_a_restart_of_something_else_is_refused_and_the_call_goes_on(
    house: House, changed: str
) -> None:
    ada = await house.comes("ada")

    assert await ada.refusal(Restart(offer=changed)) == (ErrorCode.CANNOT_RESTART, False)
    assert house.peers.restarted == []
    assert await ada.refusal(Restart(offer="nonsense")) == (ErrorCode.BAD_OFFER, False)


async def test_a_transport_that_is_gone_cannot_be_restarted(house: House) -> None:
    ada = await house.comes("ada")
    house.peers.open_for.clear()

    assert await ada.refusal(Restart(offer=OFFER)) == (ErrorCode.CANNOT_RESTART, False)


async def test_nobody_restarts_without_end_or_before_joining(house: House) -> None:
    ada = await house.comes("ada")
    for _ in range(int(RESTART_BURST)):
        await ada.says(Restart(offer=OFFER))

    assert await ada.refusal(Restart(offer=OFFER)) == (ErrorCode.TOO_FAST, False)
    ben = house.attaches("ben")
    assert await ben.refusal(Restart(offer=OFFER)) == (ErrorCode.OUT_OF_ORDER, True)


async def test_a_second_peer_takes_over_and_the_end_of_the_first_takes_nobody_out(
    house: House,
) -> None:
    ada, ben = await house.comes("ada"), await house.comes("ben")
    ada.screen.take()

    again = await house.comes("ben")

    assert house.peers.closed == [], "the media node's transports know when the old one may go"
    assert [type(frame) for frame in ben.screen.take(Closed)] == [Closed]
    (old,) = house.peers.ended
    old()
    assert [view.id for view in _people(ada.screen)[-1]] == ["ada", "ben"]
    house.peers.open_for[again.id]()
    assert [view.id for view in _people(ada.screen)[-1]] == ["ada"]


async def test_what_is_written_is_told_to_all_and_to_who_comes_back(house: House) -> None:
    ada, ben = await house.comes("ada"), await house.comes("ben")
    await ada.says(Chat(text="hello"))
    assert ada.screen.take(Said) == ben.screen.take(Said) == [
        Said(number=1, participant="ada", text="hello")
    ]  # fmt: skip
    house.peers.heard[ben.id] = house.at

    resumed, cam = house.attaches("ben"), await house.comes("cam")
    await resumed.says(Resume())

    assert [type(frame) for frame in resumed.screen.take(Resumed, Said)] == [Resumed, Said]
    assert cam.screen.take(Said) == []


async def test_what_is_written_while_somebody_is_held_is_not_told_to_them(house: House) -> None:
    ada, ben = await house.comes("ada", *Right), await house.comes("ben")
    await ada.says(Hold(participant=ben.id, on=True))

    await ada.says(Chat(text="about ben"))

    assert len(ada.screen.take(Said)) == 1
    assert ben.screen.take(Said) == []


async def test_who_is_muted_alone_is_told_by_whom(house: House) -> None:
    ada, ben = await house.comes("ada", *Right), await house.comes("ben")

    await ada.says(Mute(participant="ben"))

    assert ben.screen.take(Muted) == [Muted(by="ada")]
    assert ada.screen.take(Muted) == []


async def test_the_speaker_is_told_to_all_and_to_who_comes_later(house: House) -> None:
    people = [await house.comes(name) for name in ("ada", "ben", "cam")]
    for n in range(30):
        house.calls.observe(Observed(levels={people[1].id: [20] * 5}), Seconds(100 + n / 10))

    assert [person.screen.take(Speaker) for person in people] == [[Speaker(participant="ben")]] * 3
    assert Output(people[0].id, "v0") in house.calls.interests()
    dan = await house.comes("dan")
    assert dan.screen.take(Speaker) == [Speaker(participant="ben")]


async def test_whose_media_stops_arriving_is_listed_as_stalled(house: House) -> None:
    ada = await house.comes("ada")
    ada.screen.take()
    for n in range(40):
        house.calls.observe(Observed(), Seconds(100 + n / 10))

    assert [[view.stalled for view in people] for people in _people(ada.screen)] == [[True]]


async def test_the_third_starts_the_other_encodings_and_its_going_stops_them(house: House) -> None:
    ada, _, cam = [await house.comes(name) for name in ("ada", "ben", "cam")]
    await cam.says(Leave())

    active = [frame.active for frame in ada.screen.take(Encodings) if isinstance(frame, Encodings)]
    assert active == [("h",), ("h", "m", "l"), ("h",)]


async def test_plans_and_interests_of_all_calls_are_one(house: House) -> None:
    ada, _ = await house.comes("ada"), await house.comes("ben")
    cam, _ = await house.comes("cam", call="other"), await house.comes("dan", call="other")
    for one in (ada, cam):
        await one.says(View(slots=(ShownSlot(mid="v0", height=0),)))

    assert house.calls.interests() == {
        Output(ada.id, "v0"): Interest(2, HIDDEN), Output(cam.id, "v0"): Interest(2, HIDDEN),
    }  # fmt: skip
    assert {source.participant for source in house.calls.plan()} == {"ada", "ben", "cam", "dan"}
    assert house.calls.plan() == house.path.current
    house.calls.close_all()
    assert (house.calls.interests(), house.calls.plan()) == ({}, {})


async def test_each_is_told_of_the_own_path_every_few_seconds(house: House) -> None:
    ada, ben = await house.comes("ada"), await house.comes("ben")
    house.path.figures[ada.id] = forwarding.Quality(0.0405, 0.012345, 0.003, 1e6, 0.0, 0.001, 2e6)
    house.calls.tick()
    assert ada.screen.take(Quality) == []

    house.at = Seconds(house.at + QUALITY_EVERY_S)
    house.calls.tick()

    assert ada.screen.take(Quality) == [
        Quality(
            round_trip_ms=40.5, up_loss=0.0123, up_jitter_ms=3.0, up_bps=1_000_000,
            down_loss=0.0, down_jitter_ms=1.0, down_bps=2_000_000, path="udp6",
        )
    ]  # fmt: skip
    assert ben.screen.take(Quality) == []


async def test_whose_handshake_failed_is_gone_although_its_socket_is_there(house: House) -> None:
    ada, ben = await house.comes("ada"), await house.comes("ben")
    del house.peers.open_for[ada.id]
    house.calls.tick()

    assert ada.screen.take(Closed) == [Closed(reason=CloseReason.GONE)]
    told = ben.screen.take(Participants)[-1]
    assert isinstance(told, Participants)
    assert [one.id for one in told.participants] == [ben.id]


async def test_who_vanished_is_gone_after_the_grace_period_and_returns_to_its_places(
    house: House,
) -> None:
    people = [await house.comes(name) for name in ("ada", "ben", "cam")]
    for one in people:
        house.peers.heard[one.id] = house.at
    before = people[0].screen.take(Slots)[-1]
    house.calls.detach(people[1].ticket, people[1].screen)
    house.at = Seconds(house.at + GRACE_S + 1)
    for one in (people[0], people[2]):
        house.peers.heard[one.id] = house.at
    house.calls.tick()
    assert house.peers.closed == ["ben"]
    assert people[0].screen.take(Slots)[-1] != before

    await house.comes("ben")

    assert people[0].screen.take(Slots)[-1] == before


async def test_a_participant_who_is_closed_hears_why(house: House) -> None:
    ada = await house.comes("ada")
    await ada.says(Leave())

    assert ada.screen.take(Closed) == [Closed(reason=CloseReason.LEFT)]


def _people(screen: Screen) -> list[tuple[ParticipantView, ...]]:
    return [f.participants for f in screen.take(Participants) if isinstance(f, Participants)]


async def test_who_floods_is_removed_with_the_reason_and_the_others_go_on(house: House) -> None:
    ada, ben = await house.comes("ada"), await house.comes("ben")
    ada.screen.take()
    seen = Observed(flooding={ben.id, ParticipantId("somebody of another call")}, alive={7})
    house.calls.observe(seen, house.at)
    assert house.peers.alive == {7}

    assert ben.screen.take(Closed) == [Closed(reason=CloseReason.FLOODING)]
    assert [view.id for view in _people(ada.screen)[-1]] == ["ada"]
    assert house.peers.closed == ["ben"]

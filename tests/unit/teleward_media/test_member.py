"""A participant is shown as it is, and what it sends and does not arrive is noticed."""

from teleward_contract.signalling import ParticipantRole, ShownSlot
from teleward_contract.units import ParticipantId, Seconds
from teleward_media.core.answer import negotiate
from teleward_media.core.forwarding import SourceId
from teleward_media.core.member import STALLED_S, Member, Person
from teleward_media.core.offer import parse_offer
from teleward_testing.sdp import SIMULCAST, audio, offer, video

ADA, BEN = ParticipantId("ada"), ParticipantId("ben")
MICROPHONE, CAMERA = SourceId(ADA, "microphone"), SourceId(ADA, "camera")


def member() -> Member:
    sections = [
        audio("mic", "sendonly"), video("cam", "sendonly", *SIMULCAST), video("scr", "sendonly"),
        audio("a0", "recvonly"), video("v0", "recvonly"), video("v1", "recvonly"),
    ]  # fmt: skip
    person = Person(ADA, "Ada", ParticipantRole.GUEST, frozenset())
    return Member(person, negotiate(parse_offer(offer(*sections)), lambda: 7))


def test_what_is_due_and_has_not_arrived_for_two_seconds_has_stalled() -> None:
    one = member()
    at = {MICROPHONE: Seconds(10), CAMERA: Seconds(10)}

    assert one.hears(at, Seconds(10)) is False
    assert one.hears(at | {MICROPHONE: Seconds(12)}, Seconds(12)) is False
    assert one.hears(at | {MICROPHONE: Seconds(12.5)}, Seconds(10 + STALLED_S + 0.1)) is True
    assert one.view().stalled
    assert one.hears({CAMERA: Seconds(13)}, Seconds(13)) is True
    assert not one.view().stalled


def test_who_has_never_been_heard_has_stalled_after_the_same_time() -> None:
    one = member()
    one.hears({}, Seconds(10))

    assert one.hears({}, Seconds(10 + STALLED_S)) is False
    assert one.hears({}, Seconds(10.1 + STALLED_S)) is True


def test_what_is_muted_or_held_has_not_stalled_and_gets_its_time_when_it_is_back() -> None:
    one = member()
    one.hears({}, Seconds(10))
    one.audio = False
    one.video = False
    assert one.hears({}, Seconds(20)) is False
    one.audio = True
    assert one.hears({}, Seconds(30)) is False
    one.held = True
    assert one.hears({}, Seconds(40)) is False


def test_a_screen_that_stands_still_has_not_stalled() -> None:
    one = member()
    one.audio = one.video = False
    one.screen = True
    one.hears({}, Seconds(10))

    assert one.hears({}, Seconds(60)) is False


def test_the_page_speaks_of_picture_slots_and_of_no_others() -> None:
    one = member()
    one.seats({"v0": SourceId(BEN, "camera")})
    said = [
        ShownSlot(mid="v0", height=360, pinned=True), ShownSlot(mid="v1", height=90, pinned=True),
        ShownSlot(mid="a0", height=5), ShownSlot(mid="nowhere", height=5, pinned=True),
    ]  # fmt: skip

    assert one.shows(said) is True
    assert one.heights == {"v0": 360, "v1": 90}
    assert one.pins == {SourceId(BEN, "camera")}
    assert one.shows(said) is False
    assert one.shows([]) is True


def test_a_size_is_forgotten_with_who_had_it() -> None:
    one = member()
    one.seats({"v0": SourceId(BEN, "camera"), "v1": SourceId(BEN, "screen")})
    one.shows([ShownSlot(mid="v0", height=0), ShownSlot(mid="v1", height=700)])

    one.seats({"v0": SourceId(ADA, "camera"), "v1": SourceId(BEN, "screen")})

    assert one.heights == {"v1": 700}


def test_with_another_peer_it_stays_as_it_was() -> None:
    one = member()
    one.audio, one.screen, one.chat_since = False, True, 3
    one.seats({"v0": SourceId(BEN, "camera")})

    again = one.anew(one.person, one.negotiated)

    assert (again.audio, again.video, again.screen, again.chat_since) == (False, True, False, 3)
    assert (again.slots, again.last) == ({}, {"v0": SourceId(BEN, "camera")})
    assert again.chat_budget is one.chat_budget


def test_encodings_are_those_of_the_camera() -> None:
    assert member().rids() == ("h", "m", "l")
    nobody = Member(
        member().person, negotiate(parse_offer(offer(audio("a", "recvonly"))), lambda: 7)
    )
    assert nobody.rids() == ()

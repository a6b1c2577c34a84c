"""People of a call, as the room knows them: persons, negotiated peers, rooms with both."""

from teleward_contract.signalling import ParticipantRole, Right
from teleward_contract.units import ParticipantId
from teleward_media.core.answer import Negotiated, negotiate
from teleward_media.core.member import Person
from teleward_media.core.offer import parse_offer
from teleward_media.core.room import Room

from teleward_testing.sdp import SIMULCAST, audio, offer, video


def person(participant: str, *rights: Right, role: str = "clinician") -> Person:
    """Somebody of this id, named after it."""
    return Person(
        ParticipantId(participant), participant.title(), ParticipantRole(role), frozenset(rights)
    )


def peer(
    *, sends: str = "microphone camera screen", receives: bool = True, voices: int = 2, pictures: int = 3
) -> Negotiated:  # fmt: skip
    """A peer that offers sections for what it sends, and slots `a0`… and `v0`…"""
    sections = []
    if "microphone" in sends:
        sections.append(audio("mic", "sendonly"))
    if "camera" in sends:
        sections.append(video("cam", "sendonly", *SIMULCAST))
    if "screen" in sends:
        sections.append(video("scr", "sendonly"))
    if receives:
        sections += [audio(f"a{n}", "recvonly") for n in range(voices)]
        sections += [video(f"v{n}", "recvonly") for n in range(pictures)]
    numbers = iter(range(1, 1000))
    return negotiate(parse_offer(offer(*sections)), lambda: next(numbers))


def room_of(*names: str, size: int = 6, voices: int = 2, pictures: int = 3) -> Room:
    """A room in which these have joined, in this order."""
    room = Room(size)
    for name in names:
        room.join(person(name), peer(voices=voices, pictures=pictures))
    room.plan()
    return room


def shown(room: Room, participant: ParticipantId) -> dict[str, str]:
    """mid → who appears there, with what."""
    return {
        slot.mid: f"{slot.participant} {slot.source}"
        for slot in room.slots(participant)
        if slot.participant
    }

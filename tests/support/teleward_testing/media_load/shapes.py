"""The loads that servers are compared under."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Layer:
    """One encoding."""

    packets: int
    """In each frame."""
    bytes: int
    """Payload of each packet."""
    rid: str = ""


@dataclass(frozen=True, slots=True)
class Track:
    """What a sender sends on one section; more than one layer is simulcast, lowest first."""

    kind: Literal["audio", "video"]
    frames_per_s: int
    layers: tuple[Layer, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """`rooms` rooms of `people`, of whom the first `senders` send `tracks` and everybody receives."""

    name: str
    says: str
    rooms: int
    people: int
    senders: int
    tracks: tuple[Track, ...]
    layer: int = 0
    """The encoding of every picture that every receiver is to get."""

    @property
    def participants(self) -> int:
        """Everybody in all rooms."""
        return self.rooms * self.people

    def streams(self, kind: str) -> int:
        """Tracks of a kind that all receivers together must get."""
        of_kind = sum(track.kind == kind for track in self.tracks)
        return self.rooms * of_kind * self.senders * (self.people - 1)

    def slots(self, person: int, kind: str) -> int:
        """Tracks of a kind that one person must get."""
        others = self.senders - (person < self.senders)
        return others * sum(track.kind == kind for track in self.tracks)

    @property
    def rid(self) -> str:
        """The name of that encoding; empty without simulcast."""
        pictures = [track for track in self.tracks if track.kind == "video"]
        return pictures[0].layers[self.layer].rid

    @property
    def packets_in_per_s(self) -> int:
        """What all senders together send each second."""
        each = sum(t.frames_per_s * sum(layer.packets for layer in t.layers) for t in self.tracks)
        return self.rooms * self.senders * each


VOICE = Track("audio", 50, (Layer(1, 100),))
"""Opus at 40 kbit/s in packets of 20 ms (RFC 7587 §4.2: the default)."""
CAMERA = Track("video", 30, (Layer(5, 1250),))
"""1.5 Mbit/s, what Chromium sends of 640 x 360 to 1280 x 720 at 30 frames/s."""
SIMULCAST = Track("video", 30, (Layer(1, 500, "q"), Layer(2, 1050, "h"), Layer(5, 1250, "f")))
"""120, 500 and 1,500 kbit/s: close to Chromium's three encodings of 1280 x 720. Six tiles want the middle one."""

ONE_TO_TEN = Shape(
    "one to ten", "1 publisher, 500 frames/s of 4 packets of 1100 bytes, 10 receivers",
    1, 11, 1, (Track("video", 500, (Layer(4, 1100),)),),
)  # fmt: skip
CONSULTATIONS = Shape(
    "consultations", "40 calls of two: 1.5 Mbit/s video in 30 frames/s of 5 packets, 50 Opus packets/s, each way",
    40, 2, 2, (VOICE, CAMERA),
)  # fmt: skip
ROOMS_OF_SIX = Shape(
    "rooms of six", "3 rooms of 6: Opus and three encodings of video from each, the middle one to each of the others",
    3, 6, 6, (VOICE, SIMULCAST), layer=1,
)  # fmt: skip
SHAPES = (ONE_TO_TEN, CONSULTATIONS, ROOMS_OF_SIX)

"""What every peer of these tests can do, whatever it is made of."""

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class SlotSeen:
    """What one receive slot has shown so far."""

    kind: str
    packets: int = 0
    frames: int = 0
    """Video frames decoded, or whole audio packets decoded."""
    energy: float = 0.0
    """Sound that was heard; 0 is silence."""
    codec: str = ""
    """Small letters, without the kind."""
    playout_ms: float = 0.0
    """When what is shown now was captured, by the sender's clock; 0 when the peer cannot tell."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at a peer."""

    state: str
    """As in W3C WebRTC."""
    cipher: str | None
    """SRTP protection profile by its IANA name; None when the peer does not tell."""
    slots: dict[str, SlotSeen] = field(default_factory=dict)
    """By mid."""


class AnyPeer(Protocol):
    """A participant's one connection."""

    async def offer(self) -> str:
        """The one offer, as SDP."""
        ...

    async def accept(self, answer: str) -> None:
        """Take the media node's answer."""
        ...

    async def look(self) -> Seen:
        """Look at what has arrived."""
        ...

    async def close(self) -> None:
        """Stop everything."""
        ...

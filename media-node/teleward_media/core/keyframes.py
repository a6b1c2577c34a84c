"""When a publisher is asked for a keyframe: many wishes, few requests.

Wishes for one layer are coalesced: a request goes out at once if the floor has passed since the last,
else when it has; a keyframe fulfils every wish that stood when it began. A layer from which nothing has
arrived since the last request is not asked again: it would not answer this one either.
"""

from dataclasses import dataclass

from teleward_contract.units import Seconds

LOW_FLOOR_S = Seconds(0.5)
"""Between two requests for a lowest layer (LiveKit's pli_throttle: 0.5 s for low, 1 s for other layers). Of three
layers its keyframes are cheap. But a call of two and a screen have one layer only, and there it is the whole picture:
this floor alone lets two of its keyframes a second through, and what keeps one receiver from asking for so many is
`peer_path.WISH_RATE`. Storms of requests are what JVB #2442 and livekit #3490 complain of."""
HIGH_FLOOR_S = Seconds(1.0)
"""Between two requests for the other layers, whose keyframes cost a second's worth of bits (LiveKit's, as above)."""


@dataclass(slots=True)
class KeyframeBroker:
    """The requests for one layer."""

    floor: Seconds
    asked_at: Seconds = Seconds(float("-inf"))
    is_wanted: bool = False

    def wish(self, now: Seconds) -> bool:
        """Note that somebody needs a keyframe; whether to ask now."""
        self.is_wanted = True
        return self.due(now, heard_at=now)

    def may_ask(self, now: Seconds) -> bool:
        """Whether a wish would be asked for at once."""
        return now - self.asked_at >= self.floor

    def due(self, now: Seconds, heard_at: Seconds) -> bool:
        """Whether to ask now for what is still wished; `heard_at` is when the layer last sent anything."""
        if not self.is_wanted or not self.may_ask(now) or heard_at < self.asked_at:
            return False
        self.asked_at = now
        return True

    def arrived(self) -> None:
        """A keyframe begins."""
        self.is_wanted = False

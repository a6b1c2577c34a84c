"""Who speaks, and whose voice is carried where not all can be: from the levels that microphones send along.

Decides by loudness over time, never by what is said. Levels are those of RFC 6464 §3: 0 is the loudest, 127 silence,
in -dBov. A client that lies about its level can make itself seen, and nothing else.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from teleward_contract.units import ParticipantId, Seconds

LOUD = 35
"""-dBov; a packet of this level or below it is speech. LiveKit's ActiveLevel keeps breath and keyboards out."""
WINDOW_S = 0.4
"""Over which it is judged whether somebody speaks (LiveKit's UpdateInterval)."""
ACTIVE_SHARE = 0.4
"""Who is loud for this share of the window is active: some two syllables (LiveKit's MinPercentile)."""
SMOOTH_S = 0.8
"""Time constant of the loudness: two windows, as LiveKit smooths (SmoothIntervals)."""
TAKEOVER_S = 0.8
"""Who is active for this long without a break may become the speaker. A cough lasts up to half a second, and its
window makes that 0.74 s at most."""
KEEP_S = 3.0
"""A speaker who says nothing for this long is the speaker no more: longer than a pause for breath or thought within a
turn, which is rarely above two seconds. Our choice."""
LOUDER = 2.0
"""Two who are active at once: the other must be 6 dB louder, which is plain to the ear, to take the place. Ours."""
RECENT = 20
"""Speakers remembered: as many as the largest call has participants."""
VOICES = 5
"""The voices that are carried in a call where receivers have fewer slots than there are others. Ours."""


@dataclass(slots=True)
class _Voice:
    """One microphone."""

    loud_s: deque[tuple[Seconds, float]] = field(default_factory=deque)
    """When it was looked at, and for how many seconds before that it was loud."""
    loudness: float = 0.0
    """Amplitude while it was loud, full scale 1, smoothed; silence counts as 0."""
    active_since: Seconds | None = None
    active_at: Seconds = Seconds(0.0)

    def look(self, levels: Sequence[int], now: Seconds, span_s: float) -> None:
        """Take in the levels of the last `span_s` seconds; none at all is silence."""
        loud = [level for level in levels if level <= LOUD]
        share = len(loud) / len(levels) if levels else 0.0
        self.loud_s.append((now, share * span_s))
        while self.loud_s[0][0] <= now - WINDOW_S:
            self.loud_s.popleft()
        amplitude = sum(10 ** (-level / 20) for level in loud) / len(levels) if levels else 0.0
        self.loudness += (amplitude - self.loudness) * span_s / (span_s + SMOOTH_S)
        if sum(seconds for _, seconds in self.loud_s) < ACTIVE_SHARE * WINDOW_S:
            self.active_since = None
            return
        self.active_at = now
        if self.active_since is None:
            self.active_since = now


class Speakers:
    """The voices of one call."""

    def __init__(self) -> None:
        self.speaker: ParticipantId | None = None
        self.recent: list[ParticipantId] = []
        """Who has been the speaker, the latest first, here still or not."""
        self.voices: list[ParticipantId] = []
        """Everybody heard, those first who are carried; an order that changes only when it must."""
        self._of: dict[ParticipantId, _Voice] = {}
        self._looked_at: Seconds | None = None

    def observe(
        self, levels: Mapping[ParticipantId, Sequence[int]], heard: Sequence[ParticipantId],
        now: Seconds,
    ) -> None:  # fmt: skip
        """Take in the levels that arrived since the last call, ten times a second or so.

        Args:
            levels: What each microphone sent.
            heard: Whose microphones count: in the call, neither muted nor held, in order of arrival.
            now: The time of this call.
        """
        span_s = 0.0 if self._looked_at is None else min(now - self._looked_at, WINDOW_S)
        self._looked_at = now
        self._of = {who: self._of.get(who) or _Voice() for who in heard}
        self.voices = [who for who in self.voices if who in self._of]
        self.voices += [who for who in heard if who not in self.voices]
        for who, voice in self._of.items():
            voice.look(levels.get(who, ()), now, span_s)
        self._carry()
        self._elect(now)

    def order(self) -> tuple[tuple[ParticipantId, ...], tuple[ParticipantId, ...]]:
        """Whose voices are carried, and who has spoken: what slots depend on where they do not suffice."""
        return tuple(self.voices[:VOICES]), tuple(self.recent)

    def _carry(self) -> None:
        """Let who is active and plainly louder change places with the quietest of those carried."""
        for at in range(VOICES, len(self.voices)):
            coming = self._of[self.voices[at]]
            if coming.active_since is None:
                continue
            place = min(range(VOICES), key=lambda n: self._of[self.voices[n]].loudness)
            if coming.loudness > LOUDER * self._of[self.voices[place]].loudness:
                self.voices[place], self.voices[at] = self.voices[at], self.voices[place]

    def _elect(self, now: Seconds) -> None:
        present = self._of.get(self.speaker) if self.speaker is not None else None
        steady = {
            who: voice
            for who, voice in self._of.items()
            if voice.active_since is not None and now - voice.active_since >= TAKEOVER_S
        }
        if steady:
            loudest = max(steady, key=lambda who: steady[who].loudness)
            speaks = present is not None and present.active_since is not None
            if not speaks or steady[loudest].loudness > LOUDER * _loudness(present):
                self._elected(loudest)
        elif present is None or now - present.active_at >= KEEP_S:
            self.speaker = None

    def _elected(self, who: ParticipantId) -> None:
        self.speaker = who
        self.recent = [who, *(other for other in self.recent if other != who)][:RECENT]


def _loudness(voice: _Voice | None) -> float:
    return voice.loudness if voice else 0.0

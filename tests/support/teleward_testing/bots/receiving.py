"""The receiving half of a bot: what arrives in each slot, put in order and judged as a browser's decoder would.

Nothing is decoded. A frame counts when all of its packets are there and the frames before it were, too, or when
it is a keyframe; whatever a decoder would stumble over is counted.

Source: RFC 3550 A.1, A.3, A.8, RFC 4585 §6.2.1 (NACK), RFC 7741 §4.2, RFC 6386 §9.1 (size in a VP8 keyframe),
draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from teleward_media.packetpath import rtcpwire, twcc

ASK_AFTER_S = 0.02
"""A gap this young may be reordering."""
GIVE_UP_S = 0.5
"""A packet that is missing for longer is not waited for; a keyframe is asked for instead."""
HELD_AT_MOST = 400
FREEZE_S = 0.15
"""Beyond three frame intervals or one and this much, whichever is more, a pause between two pictures is a freeze
(W3C webrtc-stats, freezeCount)."""
NTP_SHORT = 65536


class _Held(NamedTuple):
    timestamp: int
    marker: bool
    payload: bytes
    at: float


@dataclass(slots=True)
class Seen:
    """What one slot has shown so far; everything counts from the beginning."""

    mid: str
    kind: str
    packets: int = 0
    octets: int = 0
    frames: int = 0
    """Complete frames that a decoder could show; for a voice, packets."""
    keyframes: int = 0
    width: int = 0
    height: int = 0
    """Of the last keyframe."""
    sizes: list[int] = field(default_factory=list)
    """Heights, one for each change."""
    freezes: int = 0
    first_at: float = 0.0
    last_at: float = 0.0
    """When the first and the newest frame was complete, on this machine's monotonic clock."""
    longest_gap_s: float = 0.0
    """Between two frames, or two packets of a voice, since the last `mark`."""
    seams: int = 0
    """Frames whose VP8 numbers or timestamp do not go on from the frame before."""
    lost: int = 0
    """Packets that never came, by no way."""
    repaired: int = 0
    probes: int = 0
    """RTX of what was there already."""
    late: int = 0
    """Packets that came twice by themselves, or after they were given up."""
    asked_keyframes: int = 0


class SlotReceiver:
    """One slot's SSRC, with its RTX."""

    def __init__(self, mid: str, kind: str, ssrc: int) -> None:
        self.seen = Seen(mid, kind)
        self.ssrc = ssrc
        self._highest = self._base = -1
        self._next = -1
        self._held: dict[int, _Held] = {}
        self._missing: dict[int, list[float]] = {}
        """extended → [first missed at, asked again at]."""
        self._stuck = True
        """Waits for a keyframe."""
        self._last: tuple[int, int, int] | None = None
        """PictureID, TL0PICIDX and timestamp of the last frame."""
        self._begun: Descriptor | None = None
        self._asked_at = float("-inf")
        self._mean_s = 0.0
        self._jitter = 0.0
        self._transit: float | None = None
        self._reported = (0, 0)
        self._report: tuple[int, float] | None = None
        """Middle of the NTP timestamp of the last sender report, and when it came."""

    def mark(self) -> None:
        """Measure the longest gap from now on."""
        self.seen.longest_gap_s = 0.0

    def take(
        self, sequence: int, timestamp: int, *, marker: bool, payload: bytes, now: float,
        is_repair: bool = False,
    ) -> None:  # fmt: skip
        """Take in one packet."""
        seen = self.seen
        extended = self._extend(sequence)
        if not is_repair:
            seen.packets += 1
            seen.octets += len(payload)
            self._measure(timestamp, now)
        if extended < self._next or extended in self._held:
            if is_repair:
                seen.probes += 1
            else:
                seen.late += 1
            return
        if self._missing.pop(extended, None) is not None and is_repair:
            seen.repaired += 1
        for lacking in range(self._highest + 1, extended) if self._highest >= 0 else ():
            self._missing[lacking] = [now, now + ASK_AFTER_S]
        self._highest = max(self._highest, extended)
        if seen.kind == "audio":
            self._shows(now)
            return
        self._held[extended] = _Held(timestamp, marker, payload, now)
        self._deliver(now)

    def _extend(self, sequence: int) -> int:
        if self._highest < 0:
            self._base = self._next = sequence + 0x10000
            return self._base
        ahead = (sequence - self._highest) & 0xFFFF
        return self._highest + (ahead if ahead < 0x8000 else ahead - 0x10000)

    def _measure(self, timestamp: int, now: float) -> None:
        rate = 48_000 if self.seen.kind == "audio" else 90_000
        transit = now * rate - timestamp
        if self._transit is not None and abs(transit - self._transit) < rate:
            self._jitter += (abs(transit - self._transit) - self._jitter) / 16
        self._transit = transit

    def _deliver(self, now: float) -> None:
        while (held := self._held.pop(self._next, None)) is not None:
            self._next += 1
            if held.payload:
                self._frame(held, now)

    def _frame(self, held: _Held, now: float) -> None:
        start = read_start(held.payload)
        if start is not None:
            self._begun = start
            if start.size is not None:
                self._stuck = False
                self.seen.keyframes += 1
                self._sized(*start.size)
        if held.marker and self._begun is not None:
            if self._last is not None and not self._follows(self._begun, held.timestamp):
                self.seen.seams += 1
            self._last = (self._begun.picture, self._begun.base, held.timestamp)
            self._begun = None
            if not self._stuck:
                self._shows(now)

    def _sized(self, width: int, height: int) -> None:
        seen = self.seen
        if (width, height) != (seen.width, seen.height):
            seen.width, seen.height = width, height
            seen.sizes.append(height)

    def _follows(self, begun: "Descriptor", timestamp: int) -> bool:
        """Whether a frame goes on from the last one; a frame that a switch cut short may lie between."""
        assert self._last is not None
        picture, base, before = self._last
        return (
            (picture < 0 or (begun.picture - picture) & 0x7FFF in (1, 2))
            and (base < 0 or (begun.base - base) & 0xFF <= 2)
            and 0 < (timestamp - before) & 0xFFFFFFFF < 1 << 31
        )

    def _shows(self, now: float) -> None:
        seen = self.seen
        if seen.frames:
            gap = now - seen.last_at
            seen.longest_gap_s = max(seen.longest_gap_s, gap)
            if self._mean_s and gap > max(3 * self._mean_s, self._mean_s + FREEZE_S):
                seen.freezes += 1
            self._mean_s += (gap - self._mean_s) / 30 if self._mean_s else gap
        else:
            seen.first_at = now
        seen.frames, seen.last_at = seen.frames + 1, now

    # -- what is told to the sender ------------------------------------------------------------

    def ask(self, own: int, now: float, retry_s: float) -> list[bytes]:
        """Ask for what is missing, or give it up."""
        asked = []
        for extended, state in list(self._missing.items()):
            if now - state[0] > GIVE_UP_S or len(self._held) > HELD_AT_MOST:
                self._give_up(extended, now)
            elif state[1] <= now and self.seen.kind == "video":
                state[1] = now + retry_s
                asked.append(extended & 0xFFFF)
        parts = [rtcpwire.write_nack(own, self.ssrc, asked)] if asked else []
        if self._wants_keyframe(now):
            self.seen.asked_keyframes += 1
            parts.append(rtcpwire.write_pli(own, self.ssrc))
        return parts

    def _give_up(self, extended: int, now: float) -> None:
        self._missing.pop(extended, None)
        self.seen.lost += 1
        if self.seen.kind == "video" and extended >= self._next:
            self._stuck = True
            self._begun = self._last = None
            self._next = extended + 1
            self._deliver(now)

    def _wants_keyframe(self, now: float) -> bool:
        if self.seen.kind != "video" or not self._stuck or self._highest < 0:
            return False
        if now - self._asked_at < GIVE_UP_S:
            return False
        self._asked_at = now
        return True

    def heard_report(self, ntp: int, now: float) -> None:
        """Note a sender report, for the round trip."""
        self._report = (ntp >> 16 & 0xFFFFFFFF, now)

    def block(self, now: float) -> rtcpwire.ReportBlock | None:
        """Make the report block since the last one; None before anything came."""
        if self._highest < 0:
            return None
        expected = self._highest - self._base + 1
        before_expected, before_got = self._reported
        span, got = expected - before_expected, self.seen.packets - before_got
        self._reported = (expected, self.seen.packets)
        fraction = min(255, max(0, span - got) * 256 // span) if span > 0 else 0
        last, at = self._report or (0, now)
        return rtcpwire.ReportBlock(
            self.ssrc, fraction, max(0, expected - self.seen.packets), self._highest - 0x10000,
            int(self._jitter), last, int((now - at) * NTP_SHORT),
        )  # fmt: skip


class Arrivals:
    """Transport-wide feedback on everything that arrived."""

    def __init__(self) -> None:
        self._arrived: dict[int, int] = {}
        """Extended number → ticks. The newest that was reported stays and begins the next feedback, so that what
        is missing between two feedbacks is reported as lost."""
        self._highest = -1
        self._reported = -1
        self._count = 0

    def note(self, sequence: int, now: float) -> None:
        """Note a packet."""
        if self._highest < 0:
            self._highest = sequence + 0x10000
        ahead = (sequence - self._highest) & 0xFFFF
        extended = self._highest + (ahead if ahead < 0x8000 else ahead - 0x10000)
        if extended >= self._reported:
            self._arrived[extended] = int(now / twcc.TICK_S)
            self._highest = max(self._highest, extended)

    def write(self, own: int, media: int) -> list[bytes]:
        """Write feedback since the last."""
        parts = []
        while self._highest > self._reported:
            base = min(self._arrived)
            arrivals = [self._arrived.get(n) for n in range(base, self._highest + 1)]
            part, told = twcc.write(own, media, base, self._count, arrivals)
            self._count = (self._count + 1) & 0xFF
            parts.append(part)
            self._reported = max(n for n in self._arrived if n < base + told)
            self._arrived = {n: t for n, t in self._arrived.items() if n >= self._reported}
        return parts


class Descriptor(NamedTuple):
    """What begins a frame."""

    picture: int
    base: int
    """TL0PICIDX."""
    size: tuple[int, int] | None
    """Width and height of a keyframe."""


def read_start(payload: bytes) -> Descriptor | None:
    """Read a VP8 payload that begins a frame, with the descriptor of a browser's simulcast; else None."""
    if payload[0] & 0x17 != 0x10:
        return None
    picture = base = -1
    at = 1
    if payload[0] & 0x80:
        flags, at = payload[1], 2
        if flags & 0x80:
            is_long = payload[at] & 0x80
            picture = (payload[at] & 0x7F) << 8 | payload[at + 1] if is_long else payload[at]
            at += 2 if is_long else 1
        if flags & 0x40:
            base = payload[at]
            at += 1
        at += flags & 0x30 != 0
    frame = payload[at:]
    if frame[0] & 1:
        return Descriptor(picture, base, None)
    assert frame[3:6] == b"\x9d\x01\x2a", "not the start code of a VP8 keyframe"
    width, height = int.from_bytes(frame[6:8], "little"), int.from_bytes(frame[8:10], "little")
    return Descriptor(picture, base, (width & 0x3FFF, height & 0x3FFF))

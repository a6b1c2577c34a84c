"""What a call was like for the one who watches and listens: samples of `getStats`, and the figures made of them.

`SAMPLE` runs inside a page and notes counters some ten times a second; everything below it is arithmetic on
those rows, so that a figure can be tested without a browser. Names are W3C webrtc-stats'.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Page

EVERY_MS = 100
"""Chromium keeps its answer for 50 ms."""
STEADY_FRAMES, STEADY_S = 5, 1.0
"""A picture moves again when this many frames are decoded within this long."""
AUDIO_HZ = 48_000

SAMPLE = (
    """
(() => {
  const rows = (window.telewardTestSamples = []);
  const inbound = ["framesDecoded", "keyFramesDecoded", "freezeCount", "totalFreezesDuration", "frameWidth",
    "bytesReceived", "packetsReceived", "packetsLost", "retransmittedPacketsReceived", "retransmittedBytesReceived",
    "nackCount", "pliCount",
    "totalSamplesReceived", "concealedSamples", "silentConcealedSamples", "totalAudioEnergy",
    "jitterBufferDelay", "jitterBufferEmittedCount", "framesDropped"];
  const outbound = ["framesEncoded", "bytesSent", "retransmittedBytesSent", "targetBitrate", "frameWidth",
    "qualityLimitationReason", "active", "nackCount", "pliCount"];
  const pick = (row, names) => Object.fromEntries(names.filter((n) => n in row).map((n) => [n, row[n]]));
  const sample = async () => {
    const connections = window.telewardTestConnections ?? [];
    const newest = connections.filter((c) => c.connectionState !== "closed").at(-1);
    if (newest) {
      const row = { at: Date.now() / 1000, state: newest.connectionState, made: connections.length,
                    audio: {}, video: {}, sent: {}, path: {} };
      const stats = await newest.getStats();
      stats.forEach((one) => {
        if (one.type === "inbound-rtp" && one.packetsReceived > 0) row[one.kind][one.mid] = pick(one, inbound);
        if (one.type === "outbound-rtp" && one.packetsSent > 0)
          row.sent[one.rid ? `${one.mid} ${one.rid}` : one.mid] = pick(one, outbound);
        const pair = one.type === "transport" && stats.get(one.selectedCandidatePairId);
        if (pair)
          row.path = { ...pick(pair, ["currentRoundTripTime", "availableOutgoingBitrate"]),
                       ...pick(stats.get(pair.localCandidateId) ?? {}, ["port", "usernameFragment"]) };
      });
      rows.push(row);
    }
    setTimeout(sample, """
    + str(EVERY_MS)
    + """);
  };
  sample();
})();
"""
)

Row = Mapping[str, Any]
"""One sample: `at` in seconds of the wallclock; `made` connections so far; `audio`, `video` by mid, `sent` by mid and
RID, `path` the selected candidate pair with the port and ufrag of this side."""


async def samples(page: Page) -> list[Row]:
    """Everything sampled in a page so far."""
    found: list[Row] = await page.evaluate("window.telewardTestSamples")
    return found


@dataclass(frozen=True, slots=True)
class Series:
    """One counter over time."""

    times: tuple[float, ...]
    values: tuple[float, ...]

    def between(self, begin: float, end: float) -> "Series":
        """The part of it in a span of time."""
        kept = [(t, v) for t, v in zip(self.times, self.values, strict=True) if begin <= t <= end]
        return Series(tuple(t for t, _ in kept), tuple(v for _, v in kept))

    @property
    def gain(self) -> float:
        """By how much it grew."""
        return self.values[-1] - self.values[0] if self.values else 0.0

    @property
    def rate(self) -> float:
        """By how much it grew, per second."""
        span = self.times[-1] - self.times[0] if self.times else 0.0
        return self.gain / span if span else 0.0

    def first(self, begin: float, is_so: Callable[[float], bool]) -> float | None:
        """Seconds from `begin` until a value is such; None if none is."""
        for time, value in zip(self.times, self.values, strict=True):
            if time >= begin and is_so(value):
                return time - begin
        return None

    def longest_rest(self) -> float:
        """Seconds of the longest stretch in which it did not change; the end counts."""
        longest, since = 0.0, self.times[0] if self.times else 0.0
        for n, time in enumerate(self.times):
            if n and self.values[n] != self.values[n - 1]:
                since = self.times[n - 1]
            longest = max(longest, time - since)
        return longest

    def moves_again(self, begin: float) -> float | None:
        """Seconds from `begin` to the first step of the first `STEADY_S` with `STEADY_FRAMES` steps; None if never."""
        for n in range(1, len(self.times)):
            if self.times[n] < begin or self.values[n] == self.values[n - 1]:
                continue
            ahead = self.between(self.times[n], self.times[n] + STEADY_S)
            if ahead.gain + 1 >= STEADY_FRAMES:
                return self.times[n] - begin
        return None


def series(rows: Sequence[Row], kind: str, name: str) -> Series:
    """One counter of the picture (or voice, or what is sent) of a call, summed over its tracks."""
    kept = [row for row in rows if row[kind]]
    return Series(
        tuple(row["at"] for row in kept),
        tuple(sum(float(track.get(name, 0)) for track in row[kind].values()) for row in kept),
    )


def seen(rows: Sequence[Row], begin: float, end: float) -> dict[str, float]:
    """How the picture was between two times."""

    def of(name: str) -> Series:
        return series(rows, "video", name).between(begin, end)

    frames = of("framesDecoded")
    widths = of("frameWidth").values
    return {
        "frames_per_s": round(frames.rate, 1),
        "longest_still_s": round(frames.longest_rest(), 2),
        "freezes": of("freezeCount").gain,
        "frozen_s": round(of("totalFreezesDuration").gain, 2),
        "keyframes": of("keyFramesDecoded").gain,
        "kbit_per_s": round(of("bytesReceived").rate * 8 / 1000),
        "repairs_kbit_per_s": round(of("retransmittedBytesReceived").rate * 8 / 1000),
        "width_last": widths[-1] if widths else 0.0,
        "packets_lost": of("packetsLost").gain,
        "nacks_sent": of("nackCount").gain,
        "repairs_received": of("retransmittedPacketsReceived").gain,
        "keyframes_asked": of("pliCount").gain,
        "buffered_ms": _mean_ms(of("jitterBufferDelay"), of("jitterBufferEmittedCount")),
    }


def heard(rows: Sequence[Row], begin: float, end: float) -> dict[str, float]:
    """How the voice was between two times."""

    def of(name: str) -> Series:
        return series(rows, "audio", name).between(begin, end)

    voices = max((len(row["audio"]) for row in rows), default=0) or 1
    played = of("totalSamplesReceived")
    energy = of("totalAudioEnergy")
    seconds = [energy.between(at, at + 2).gain for at in range(int(begin) + 1, int(end) - 2)]
    return {
        "played_share": round(played.rate / AUDIO_HZ / voices, 3),
        "concealed_share": round(of("concealedSamples").gain / played.gain, 4)
        if played.gain
        else 1.0,
        "concealed_by_silence_share": round(of("silentConcealedSamples").gain / played.gain, 4)
        if played.gain
        else 1.0,
        "silent_stretches": sum(gain <= 0 for gain in seconds),
        "packets_lost": of("packetsLost").gain,
        "buffered_ms": _mean_ms(of("jitterBufferDelay"), of("jitterBufferEmittedCount")),
    }


def sent(rows: Sequence[Row], begin: float, end: float) -> dict[str, Any]:
    """What the one on the other side sent: per encoding, and what held it back."""
    within = [row for row in rows if begin <= row["at"] <= end and row["sent"]]
    if not within:
        return {}
    encodings = {}
    for name, last in within[-1]["sent"].items():
        first = within[0]["sent"].get(name, {})
        span = within[-1]["at"] - within[0]["at"] or 1.0
        if "framesEncoded" in last:
            encodings[name] = {
                "frames_per_s": round(_gain(first, last, "framesEncoded") / span, 1),
                "kbit_per_s": round(_gain(first, last, "bytesSent") * 8 / 1000 / span),
                "width_last": last.get("frameWidth", 0),
            }
    told = [
        track.get("qualityLimitationReason")
        for row in within
        for track in row["sent"].values()
        if track.get("framesEncoded")
    ]
    return {
        "encodings": encodings,
        "limited_by_cpu_share": round(told.count("cpu") / len(told), 2) if told else 0.0,
        "limited_by_bandwidth_share": round(told.count("bandwidth") / len(told), 2)
        if told
        else 0.0,
        "available_kbit_per_s_last": round(
            within[-1]["path"].get("availableOutgoingBitrate", 0) / 1000
        ),
        "round_trip_ms_last": round(within[-1]["path"].get("currentRoundTripTime", 0) * 1000),
    }


def _gain(first: Row, last: Row, name: str) -> float:
    return float(last.get(name, 0)) - float(first.get(name, 0))


def _mean_ms(total_s: Series, count: Series) -> float:
    return round(1000 * total_s.gain / count.gain) if count.gain else 0.0

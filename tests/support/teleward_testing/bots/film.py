"""What bots send: a film in three encodings and two sounds, encoded once and cut into RTP payloads.

The pictures are real VP8 with three temporal layers, as a browser's simulcast has them, so that whoever receives
a bot decodes it. Encoding takes about a second of CPU and happens once a process.
"""

import array
import fractions
import functools
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

from av import AudioFrame, CodecContext, VideoFrame

FRAMES_PER_S = 15
LOOP_S = 8
"""A film begins again after so long, with its only keyframe; every other keyframe was asked for."""
PAYLOAD_BYTES = 1100
"""Of one packet at most, as browsers cut frames."""
SAMPLE_RATE, SAMPLES = 48_000, 960
"""20 ms at 48 kHz: a browser's Opus packet."""

COLUMNS, ROWS, CHANGES = 80, 45, 60
"""Blocks of the film's mosaic, and how many of them change with each picture."""

TEMPORAL = (0, 2, 1, 2)
"""Temporal layer of each of four frames (libvpx's pattern for three layers)."""
_LAYERS = (
    "ts_number_layers=3:ts_target_bitrate={},{},{}:ts_rate_decimator=4,2,1:"
    "ts_periodicity=4:ts_layer_id=0,2,1,2:ts_layering_mode=3"
)


@dataclass(frozen=True, slots=True)
class Size:
    """One encoding of the camera, in pixels and bit/s."""

    width: int
    height: int
    bitrate_bps: int


SIZES = {
    "q": Size(320, 180, 60_000), "h": Size(640, 360, 200_000), "f": Size(1280, 720, 600_000),
}  # fmt: skip
"""By RID, lowest first; a third of a page's bitrates, so that many bots fit on one core."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One encoded picture, without its payload descriptor."""

    parts: tuple[bytes, ...]
    temporal: int


Loop = tuple[Frame, ...]
"""Begins with a keyframe."""


@functools.cache
def film() -> dict[str, Loop]:
    """Encode the film; by RID."""
    return {rid: tuple(_encode(size)) for rid, size in SIZES.items()}


@functools.cache
def sounds() -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """Encode a second of silence and a second of a tone, in packets of 20 ms."""
    return _speak(amplitude=0), _speak(amplitude=8000)


def _encode(size: Size) -> Iterator[Frame]:
    codec = CodecContext.create("libvpx", "w")
    codec.width, codec.height, codec.pix_fmt = size.width, size.height, "yuv420p"
    codec.bit_rate, codec.gop_size, codec.thread_count = size.bitrate_bps, 3000, 1
    codec.framerate, codec.time_base = fractions.Fraction(FRAMES_PER_S), fractions.Fraction(1, 15)
    kbps = size.bitrate_bps // 1000
    codec.options = {
        "deadline": "realtime", "cpu-used": "-12", "lag-in-frames": "0", "qmin": "4", "qmax": "56",
        "minrate": str(size.bitrate_bps), "maxrate": str(size.bitrate_bps),
        "bufsize": str(size.bitrate_bps), "undershoot-pct": "100", "overshoot-pct": "15",
        "error-resilient": "default",
        "ts-parameters": _LAYERS.format(kbps * 4 // 10, kbps * 6 // 10, kbps),
    }  # fmt: skip
    for number, picture in enumerate(_pictures(size)):
        data = b"".join(bytes(packet) for packet in codec.encode(picture))
        parts = [data[at : at + PAYLOAD_BYTES] for at in range(0, len(data), PAYLOAD_BYTES)]
        yield Frame(tuple(parts), TEMPORAL[number % len(TEMPORAL)])


def _pictures(size: Size) -> Iterator[VideoFrame]:
    """A mosaic of which a part changes with every picture: each costs about as much as the next."""
    chosen = random.Random(7)  # the same film every time, no secret
    block = size.width // COLUMNS
    mosaic = [[chosen.randrange(40, 220) for _ in range(COLUMNS)] for _ in range(ROWS)]
    for number in range(FRAMES_PER_S * LOOP_S):
        for _ in range(CHANGES):
            mosaic[chosen.randrange(ROWS)][chosen.randrange(COLUMNS)] = chosen.randrange(40, 220)
        picture = VideoFrame(size.width, size.height, "yuv420p")
        padding = bytes(picture.planes[0].line_size - size.width)
        lines = [b"".join(bytes([grey]) * block for grey in row) + padding for row in mosaic]
        picture.planes[0].update(b"".join(line * block for line in lines))
        for plane in picture.planes[1:]:
            plane.update(bytes([128]) * plane.buffer_size)
        picture.pts, picture.time_base = number, fractions.Fraction(1, FRAMES_PER_S)
        yield picture


def _speak(amplitude: int) -> tuple[bytes, ...]:
    codec = CodecContext.create("libopus", "w")
    codec.sample_rate, codec.layout, codec.format = SAMPLE_RATE, "mono", "s16"
    codec.bit_rate, codec.options = 32_000, {"application": "voip"}
    packets: list[bytes] = []
    for number in range(50):
        frame = AudioFrame(format="s16", layout="mono", samples=SAMPLES)
        step = 2 * math.pi * 440 / SAMPLE_RATE
        at = number * SAMPLES
        wave = array.array(
            "h", (int(amplitude * math.sin(step * n)) for n in range(at, at + SAMPLES))
        )
        frame.planes[0].update(wave.tobytes())
        frame.sample_rate, frame.pts = SAMPLE_RATE, at
        frame.time_base = fractions.Fraction(1, SAMPLE_RATE)
        packets += [bytes(packet) for packet in codec.encode(frame)]
    return tuple(packets)

"""Pictures and voice encoded at test start, and frames that a peer recorded, decoded again.

A file of frames is what the Pion peer reads and writes: each frame behind its length in four bytes.
"""

import array
import math
import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from av import AudioCodecContext, AudioFrame, CodecContext, Packet, VideoCodecContext, VideoFrame
from teleward_cli.people.tracks import AMPLITUDE, SAMPLE_RATE, SAMPLES, TONE_HZ

ENCODERS = {"vp8": "libvpx", "h264": "libx264"}
DECODERS = {"vp8": "vp8", "h264": "h264", "opus": "libopus"}
OPTIONS = {
    "vp8": {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"},
    "h264": {"preset": "ultrafast", "tune": "zerolatency", "level": "31", "x264-params": "repeat-headers=1"},
}  # fmt: skip


def encoded(
    codec: str, *, frames: int = 30, width: int = 160, height: int = 120, fps: int = 10,
    shade: int = 220, bit_rate: int = 200_000,
) -> list[bytes]:  # fmt: skip
    """Encode a bar of brightness `shade` that walks over a dark picture; the first frame is the one keyframe."""
    encoder = CodecContext.create(ENCODERS[codec], "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.bit_rate, encoder.gop_size, encoder.max_b_frames = bit_rate, 10 * frames, 0
    encoder.framerate, encoder.time_base = Fraction(fps), Fraction(1, fps)
    encoder.options = OPTIONS[codec]
    if codec == "h264":
        encoder.profile = "Baseline"
    found = []
    for number in range(frames):
        frame = _bar(width, height, number * 4 % (width - 16), shade)
        frame.pts, frame.time_base = number, encoder.time_base
        found += [bytes(packet) for packet in encoder.encode(frame)]
    return found + [bytes(packet) for packet in encoder.encode(None)]


def _bar(width: int, height: int, at: int, shade: int) -> VideoFrame:
    frame = VideoFrame(width, height, "yuv420p")
    row = bytearray([40]) * frame.planes[0].line_size
    row[at : at + 16] = bytes([shade]) * 16
    frame.planes[0].update(bytes(row) * height)
    for plane in frame.planes[1:]:
        plane.update(bytes([128]) * plane.buffer_size)
    return frame


def spoken(packets: int = 50) -> list[bytes]:
    """Encode a tone as Opus, 20 ms a packet."""
    encoder = CodecContext.create("libopus", "w")
    assert isinstance(encoder, AudioCodecContext)
    encoder.sample_rate, encoder.layout, encoder.format = SAMPLE_RATE, "mono", "s16"
    encoder.time_base = Fraction(1, SAMPLE_RATE)
    encoder.options = {"application": "voip", "frame_duration": "20"}
    step = 2 * math.pi * TONE_HZ / SAMPLE_RATE
    found = []
    for number in range(packets):
        first = number * SAMPLES
        tone = (int(AMPLITUDE * math.sin(step * at)) for at in range(first, first + SAMPLES))
        frame = AudioFrame(format="s16", layout="mono", samples=SAMPLES)
        frame.planes[0].update(array.array("h", tone).tobytes())
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, first, encoder.time_base
        found += [bytes(packet) for packet in encoder.encode(frame)]
    return found


def decoded(codec: str, frames: list[bytes]) -> list[VideoFrame | AudioFrame]:
    """Decode frames in order; what the decoder refuses raises."""
    decoder = CodecContext.create(DECODERS[codec], "r")
    assert isinstance(decoder, VideoCodecContext | AudioCodecContext)
    found: list[VideoFrame | AudioFrame] = []
    for frame in frames:
        found += decoder.decode(Packet(frame))
    return found + list(decoder.decode(None))


def write_frames(path: Path, frames: list[bytes]) -> Path:
    """Write a file of frames."""
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"".join(struct.pack("!I", len(frame)) + frame for frame in frames))
    return path


def read_frames(path: Path) -> list[bytes]:
    """Read the whole frames of a file that may still be written to."""
    return list(_read(path.read_bytes())) if path.exists() else []


def _read(data: bytes) -> Iterator[bytes]:
    at = 0
    while at + 4 <= len(data):
        (length,) = struct.unpack_from("!I", data, at)
        if at + 4 + length > len(data):
            return
        yield data[at + 4 : at + 4 + length]
        at += 4 + length

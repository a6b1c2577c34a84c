"""Moving pictures and a tone, made without a camera."""

import array
import asyncio
import fractions
import math
import time

from aiortc import AudioStreamTrack, VideoStreamTrack
from av import AudioFrame, VideoFrame

TONE_HZ = 440
AMPLITUDE = 8000
SAMPLE_RATE = 48_000
SAMPLES = 960
"""20 ms at 48 kHz."""


class MovingBar(VideoStreamTrack):
    """A bright bar that walks over a dark picture, `fps` times a second."""

    def __init__(self, width: int = 160, height: int = 120, fps: int = 10) -> None:
        super().__init__()
        self._size = (width, height)
        self._fps = fps
        self._count = 0
        self._begun: float | None = None

    async def recv(self) -> VideoFrame:
        """Make the next frame when it is due."""
        self._begun = self._begun if self._begun is not None else time.monotonic()
        due = self._begun + self._count / self._fps
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        width, height = self._size
        frame = VideoFrame(width, height, "yuv420p")
        at = self._count * 4 % (width - 16)
        row = bytearray([40]) * frame.planes[0].line_size
        row[at : at + 16] = bytes([220]) * 16
        frame.planes[0].update(bytes(row) * height)
        for plane in frame.planes[1:]:
            plane.update(bytes([128]) * plane.buffer_size)
        frame.pts = self._count * 90_000 // self._fps
        frame.time_base = fractions.Fraction(1, 90_000)
        self._count += 1
        return frame


class Tone(AudioStreamTrack):
    """A sine tone, so that sound can be told from silence."""

    def __init__(self) -> None:
        super().__init__()
        self._count = 0
        self._begun: float | None = None
        step = 2 * math.pi * TONE_HZ / SAMPLE_RATE
        # 480 samples hold 4.4 periods, 4800 hold 44: a whole number, so the tone has no seam.
        self._wave = array.array(
            "h", (int(AMPLITUDE * math.sin(step * n)) for n in range(SAMPLES * 5))
        )

    async def recv(self) -> AudioFrame:
        """Make the next 20 ms when they are due."""
        self._begun = self._begun if self._begun is not None else time.monotonic()
        due = self._begun + self._count * SAMPLES / SAMPLE_RATE
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        frame = AudioFrame(format="s16", layout="mono", samples=SAMPLES)
        at = self._count % 5 * SAMPLES
        frame.planes[0].update(self._wave[at : at + SAMPLES].tobytes())
        frame.sample_rate = SAMPLE_RATE
        frame.pts = self._count * SAMPLES
        frame.time_base = fractions.Fraction(1, SAMPLE_RATE)
        self._count += 1
        return frame

"""The Pion peer: a Go program of ours on Pion's stack, built into a cache, driven line by line.

The module is `tests/support/pion_peer`; its versions stand in its `go.mod` and `go.sum`.
"""

import array
import asyncio
import json
from pathlib import Path
from typing import Any

from av import AudioFrame, VideoFrame

from teleward_testing.families import frames
from teleward_testing.families.seen import Seen, SlotSeen
from teleward_testing.go_programs import GoProgram, main

PROGRAM = GoProgram("pion_peer", Path(__file__).parents[2] / "pion_peer")
PATIENCE_S = 20.0
_SAMPLES = {"s16": ("h", 32768.0), "flt": ("f", 1.0), "fltp": ("f", 1.0)}
"""How a sample is stored, and what full scale is."""


class PionPeer:
    """One participant on Pion. `folder` is for what it sends and what it records."""

    def __init__(
        self, folder: Path, *, codecs: tuple[str, ...] = ("VP8", "H264"), video: Path | None = None,
        audio: Path | None = None, slots: int = 1, profile: str = "",
    ) -> None:  # fmt: skip
        self._folder = folder
        self._arguments = [f"-codecs={','.join(codecs)}", f"-slots={slots}", f"-record={folder}"]
        if profile:
            self._arguments.append(f"-srtp={profile}")
        if video is not None:
            self._arguments.append(f"-video={video}")
        if audio is not None:
            self._arguments.append(f"-audio={audio}")
        self._process: asyncio.subprocess.Process | None = None
        self.keyframes_asked = 0
        self.payload_types: dict[str, list[int]] = {}
        """By mid: every payload type that has arrived there."""

    async def offer(self) -> str:
        """Start the program; its first line is the offer."""
        self._folder.mkdir(parents=True, exist_ok=True)
        program = PROGRAM.find()
        assert program is not None
        self._process = await asyncio.create_subprocess_exec(
            str(program), *self._arguments, stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE, limit=1 << 22,
        )  # fmt: skip
        return str((await self._read())["offer"])

    async def accept(self, answer: str) -> None:
        """Hand over the media node's answer."""
        await self._ask({"type": "answer", "sdp": answer})

    async def look(self) -> Seen:
        """Ask for the counts, and decode what was recorded."""
        said = await self._ask({})
        assert said["errors"] == []
        self.keyframes_asked, self.payload_types = said["keyframes_asked"], said["types"]
        slots = {mid: self._slot(mid, packets) for mid, packets in said["packets"].items()}
        return Seen(said["state"], None, slots)

    def _slot(self, mid: str, packets: int) -> SlotSeen:
        files = {path.suffix[1:]: path for path in self._folder.glob(f"{mid}.*")}
        found = {
            codec: frames.decoded(codec, self.recorded(path)) for codec, path in files.items()
        }
        energy = sum(_energy(one) for one in found.get("opus", []) if isinstance(one, AudioFrame))
        pictures = sum(isinstance(one, VideoFrame) for many in found.values() for one in many)
        kind = "audio" if "opus" in found else "video"
        return SlotSeen(kind, packets, pictures, energy, "+".join(sorted(found)))

    @staticmethod
    def recorded(path: Path) -> list[bytes]:
        """Read the frames of one file."""
        return frames.read_frames(path)

    async def close(self) -> None:
        """End the program."""
        if self._process is None:
            return
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 5)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def _ask(self, line: dict[str, object]) -> Any:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(line).encode() + b"\n")
        await self._process.stdin.drain()
        return await self._read()

    async def _read(self) -> Any:
        assert self._process is not None
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), PATIENCE_S)
        assert line, "the Pion peer ended"
        return json.loads(line)


def _energy(frame: AudioFrame) -> float:
    samples = array.array(_SAMPLES[frame.format.name][0])
    samples.frombytes(bytes(frame.planes[0]))
    channels = len(frame.layout.channels) if frame.format.is_packed else 1
    full = _SAMPLES[frame.format.name][1]
    squares = sum((sample / full) ** 2 for sample in samples[: frame.samples * channels])
    return squares / channels / frame.sample_rate


if __name__ == "__main__":
    main(PROGRAM)

"""One synthetic person's WebRTC peer on aiortc: sends a moving bar and a tone, counts what arrives."""

import array
import asyncio
from dataclasses import dataclass, field
from typing import Literal

from aiortc import (
    MediaStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame, VideoFrame

from teleward_cli.people.tracks import MovingBar, Tone

Sends = Literal["audio", "video"]
FULL_SCALE = 32768.0


@dataclass(slots=True)
class Received:
    """What one receive slot has shown so far."""

    kind: str
    frames: int = 0
    energy: float = 0.0
    """Sum of squared samples (full scale 1), in seconds."""


@dataclass(slots=True)
class Peer:
    """A participant without a browser; `offer` once, then `accept` once."""

    sends: frozenset[Sends] = frozenset({"audio", "video"})
    slots: int = 1
    """Receive slots of each kind."""
    width: int = 160
    height: int = 120
    fps: int = 10
    codecs: frozenset[str] = frozenset({"vp8", "h264"})
    """Video codecs to offer, each with its retransmission."""
    received: dict[str, Received] = field(default_factory=dict)
    """mid → what arrived there."""
    _pc: RTCPeerConnection = field(init=False)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _tracks: list[MediaStreamTrack] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Make the peer connection; no server is ever asked for an address."""
        self._pc = RTCPeerConnection(
            RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
        )
        self._pc.add_listener("track", self._take)

    @property
    def frames_decoded(self) -> int:
        """Remote video frames decoded so far."""
        return sum(slot.frames for slot in self.received.values() if slot.kind == "video")

    @property
    def audio_energy(self) -> float:
        """Energy of all remote sound so far."""
        return sum(slot.energy for slot in self.received.values())

    @property
    def cipher(self) -> str | None:
        """SRTP protection profile by its IANA name; None before the handshake is done."""
        for transceiver in self._pc.getTransceivers():
            ssl = transceiver.sender.transport._ssl  # there is no public way
            if ssl is not None and transceiver.sender.transport.state == "connected":
                return bytes(ssl.get_selected_srtp_profile()).decode()
        return None

    @property
    def state(self) -> str:
        """State of the connection, as in W3C WebRTC."""
        return str(self._pc.connectionState)

    async def offer(self) -> str:
        """The one offer of this peer, as SDP."""
        if "audio" in self.sends:
            self._send(Tone())
        if "video" in self.sends:
            self._send(MovingBar(self.width, self.height, self.fps))
        for kind in ("audio", "video"):
            for _ in range(self.slots):
                self._pc.addTransceiver(kind, direction="recvonly")
        self._prefer()
        await self._pc.setLocalDescription(await self._pc.createOffer())
        return str(self._pc.localDescription.sdp)

    def _send(self, track: MediaStreamTrack) -> None:
        self._tracks.append(track)
        self._pc.addTransceiver(track, direction="sendonly")

    def _prefer(self) -> None:
        known = RTCRtpReceiver.getCapabilities("video")
        assert known is not None
        wanted = [one for one in known.codecs if one.name.lower() in self.codecs | {"rtx"}]
        for transceiver in self._pc.getTransceivers():
            if transceiver.kind == "video":
                transceiver.setCodecPreferences(wanted)

    async def accept(self, answer: str) -> None:
        """Take the media node's answer; media starts."""
        await self._pc.setRemoteDescription(RTCSessionDescription(sdp=answer, type="answer"))

    async def close(self) -> None:
        """Stop everything."""
        await self._pc.close()
        for track in self._tracks:
            track.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _take(self, track: MediaStreamTrack) -> None:
        mid = next(str(t.mid) for t in self._pc.getTransceivers() if t.receiver.track is track)
        self.received[mid] = Received(track.kind)
        self._tasks.append(asyncio.create_task(self._count(track, self.received[mid])))

    @staticmethod
    async def _count(track: MediaStreamTrack, received: Received) -> None:
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            received.frames += 1
            if isinstance(frame, AudioFrame):
                received.energy += _energy(frame)
            else:
                assert isinstance(frame, VideoFrame)


def _energy(frame: AudioFrame) -> float:
    samples = array.array("h")
    channels = len(frame.layout.channels)
    samples.frombytes(bytes(frame.planes[0])[: frame.samples * channels * 2])
    squares = sum(sample * sample for sample in samples)
    return squares / FULL_SCALE**2 / channels / frame.sample_rate

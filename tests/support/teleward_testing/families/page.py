"""A peer inside an empty page of any browser: one script, spoken to through the browser's own driver."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from teleward_testing.families.seen import Seen, SlotSeen

Evaluate = Callable[[str], Awaitable[Any]]
"""Runs an expression in a page, waits for its promise, and hands over its value."""

SCRIPT = """
window.teleward ??= (() => {
  const connections = {};
  const preferred = (kind, wanted) => (RTCRtpReceiver.getCapabilities(kind)?.codecs ?? []).filter(
    ({ mimeType, sdpFmtpLine }) => wanted.includes(mimeType.split("/")[1].toUpperCase())
      && (!/h264/i.test(mimeType) || /packetization-mode=1.*42e0|42e0.*packetization-mode=1/.test(sdpFmtpLine)));
  const offer = async (name, { codecs, slots, simulcast, width, height, fps, sends }) => {
    const pc = (connections[name] = new RTCPeerConnection({ iceServers: [], bundlePolicy: "max-bundle" }));
    const add = (track, kind, init) => {
      const transceiver = pc.addTransceiver(track ?? kind, init);
      if (kind === "video") transceiver.setCodecPreferences(preferred(kind, codecs));
    };
    if (sends) {
      const stream = await navigator.mediaDevices.getUserMedia(
        { audio: true, video: { width, height, frameRate: fps } });
      const sendEncodings = simulcast
        ? [{ rid: "q", scaleResolutionDownBy: 4 }, { rid: "h", scaleResolutionDownBy: 2 }, { rid: "f" }] : [{}];
      add(stream.getAudioTracks()[0], "audio", { direction: "sendonly" });
      add(stream.getVideoTracks()[0], "video", { direction: "sendonly", sendEncodings });
    }
    for (const kind of ["audio", "video"])
      for (let n = 0; n < slots; n++) add(null, kind, { direction: "recvonly" });
    for (const transceiver of pc.getTransceivers()) {
      const player = document.createElement(transceiver.receiver.track.kind);
      Object.assign(player, { autoplay: true, playsInline: true });
      player.srcObject = new MediaStream([transceiver.receiver.track]);
      document.body.append(player);
    }
    await pc.setLocalDescription();
    return pc.localDescription.sdp;
  };
  const accept = (name, sdp) => connections[name].setRemoteDescription({ type: "answer", sdp });
  const look = async (name) => {
    const pc = connections[name];
    const seen = { state: pc.connectionState, cipher: null, slots: {} };
    const rows = new Map();
    (await pc.getStats()).forEach((row) => rows.set(row.id, row));
    for (const row of rows.values()) {
      if (row.type === "transport") seen.cipher = row.srtpCipher ?? seen.cipher;
      if (row.type !== "inbound-rtp") continue;
      const mid = row.mid ?? pc.getTransceivers().find(
        (one) => one.receiver.track.id === row.trackIdentifier)?.mid;
      const before = seen.slots[mid]?.packets ?? -1;
      if (row.packetsReceived < before) continue;
      seen.slots[mid] = {
        kind: row.kind, packets: row.packetsReceived, frames: row.framesDecoded ?? 0,
        energy: row.totalAudioEnergy ?? 0, playout_ms: row.estimatedPlayoutTimestamp ?? 0,
        codec: (rows.get(row.codecId)?.mimeType ?? "").split("/").at(-1).toLowerCase(),
      };
    }
    return seen;
  };
  const close = (name) => {
    for (const sender of connections[name]?.getSenders() ?? []) sender.track?.stop();
    connections[name]?.close();
  };
  return { offer, accept, look, close };
})();
"""


@dataclass(slots=True)
class PagePeer:
    """One connection of a page; `name` tells it from others in the same page."""

    evaluate: Evaluate
    name: str
    codecs: tuple[str, ...] = ("VP8", "H264", "RTX")
    slots: int = 1
    simulcast: bool = False
    sends: bool = True
    width: int = 160
    height: int = 120
    fps: int = 10

    async def offer(self) -> str:
        """Open the fake devices and describe the connection."""
        await self.evaluate(f"(() => {{ {SCRIPT} }})()")
        wanted = {
            "codecs": self.codecs, "slots": self.slots, "simulcast": self.simulcast,
            "sends": self.sends, "width": self.width, "height": self.height, "fps": self.fps,
        }  # fmt: skip
        return str(await self._call("offer", wanted))

    async def accept(self, answer: str) -> None:
        """Take the media node's answer."""
        await self._call("accept", answer)

    async def look(self) -> Seen:
        """Look at the statistics of the connection."""
        found = await self._call("look")
        slots = {mid: SlotSeen(**slot) for mid, slot in found["slots"].items()}
        return Seen(found["state"], found["cipher"], slots)

    async def close(self) -> None:
        """End the connection and its devices."""
        await self._call("close")

    async def _call(self, what: str, *arguments: object) -> Any:
        told = ", ".join(json.dumps(one) for one in (self.name, *arguments))
        return await self.evaluate(f"teleward.{what}({told})")

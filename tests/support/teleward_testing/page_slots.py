"""A call as one page receives it, slot by slot: who appears there, what is decoded of it, and what the page sends.

The page's own call socket is tapped, so that a test knows who stands in which slot without knowing the markup, and can
say how large a picture is shown in the page's stead.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

from playwright.async_api import Page

TAP = """
(() => {
  const Native = window.WebSocket;
  const tap = (window.telewardTestCall = { you: "", slots: [], names: {}, speaker: null, isMuzzled: false });
  tap.say = (frame) => Native.prototype.send.call(tap.socket, JSON.stringify(frame));
  window.WebSocket = class extends Native {
    constructor(...args) {
      super(...args);
      if (!String(args[0]).includes("/ws/call/")) return;
      tap.socket = this;
      this.addEventListener("message", (event) => {
        const frame = JSON.parse(event.data);
        if (frame.you) tap.you = frame.you;
        if (frame.slots) tap.slots = frame.slots;
        for (const { id, name } of frame.participants ?? []) tap.names[id] = name;
        if (frame.type === "speaker") tap.speaker = frame.participant;
      });
    }
    send(text) {
      if (!tap.isMuzzled || JSON.parse(text).type !== "view") super.send(text);
    }
  };
})();
"""

_LOOK = """
async () => {
  const connections = (window.telewardTestConnections ?? []).filter((c) => c.connectionState !== "closed");
  const received = {}, limits = [], sent = {};
  for (const row of (await connections.at(-1)?.getStats())?.values() ?? []) {
    if (row.type === "inbound-rtp") received[row.mid] = {
      packets: row.packetsReceived, height: row.frameHeight ?? 0, frames: row.framesDecoded ?? 0,
      freezes: row.freezeCount ?? 0, keyframes: row.keyFramesDecoded ?? 0, lost: row.packetsLost,
      frozen_s: row.totalFreezesDuration ?? 0, concealed: row.concealedSamples ?? 0,
      samples: row.totalSamplesReceived ?? 0,
    };
    if (row.type === "outbound-rtp" && row.kind === "video" && row.active) {
      sent[row.rid ?? ""] = row.frameHeight ?? 0;
      limits.push(row.qualityLimitationReason);
    }
  }
  const { you, slots, names, speaker } = window.telewardTestCall;
  return { you, slots, names, speaker, received, sent, limits, connections: connections.length };
}
"""


@dataclass(frozen=True, slots=True)
class Slot:
    """One receive slot; counts are the standard's (W3C webrtc-stats, inbound-rtp)."""

    packets: int
    height: int
    """Of the frames decoded last, in pixels."""
    frames: int
    freezes: int
    keyframes: int
    lost: int
    frozen_s: float
    concealed: int
    samples: int


@dataclass(frozen=True, slots=True)
class Reception:
    """What a page receives, by mid, and what it sends."""

    you: str
    names: Mapping[str, str]
    """participant → what they are called."""
    speaker: str | None
    slots: Mapping[str, Slot]
    pictures: Mapping[str, str]
    """participant → mid."""
    voices: Mapping[str, str]
    sent: Mapping[str, int]
    """RID → height, of the encodings that are active."""
    is_short_of_cpu: bool
    """Whether the processor limits what it sends."""
    connections: int

    def picture(self, participant: str) -> Slot:
        """What is decoded of somebody's camera."""
        return self.slots[self.pictures[participant]]

    def heights(self) -> dict[str, int]:
        """participant → height of their picture."""
        return {who: self.slots[mid].height for who, mid in self.pictures.items()}


async def receives(page: Page) -> Reception:
    """Look at the newest connection of a page."""
    seen = cast(dict[str, object], await page.evaluate(_LOOK))
    table = cast(list[dict[str, str | None]], seen["slots"])
    received = cast(dict[str, dict[str, float]], seen["received"])
    nothing = dict.fromkeys(Slot.__slots__, 0)
    return Reception(
        you=str(seen["you"]), names=cast(dict[str, str], seen["names"]), speaker=cast(str | None, seen["speaker"]),
        slots={
            str(slot["mid"]): Slot(**{**nothing, **received.get(str(slot["mid"]), {})})  # type: ignore[arg-type]  # counts
            for slot in table
        },
        pictures=_who(table, "video"), voices=_who(table, "audio"),
        sent=cast(dict[str, int], seen["sent"]),
        is_short_of_cpu="cpu" in cast(list[str], seen["limits"]),
        connections=int(str(seen["connections"])),
    )  # fmt: skip


def _who(table: Iterable[Mapping[str, str | None]], kind: str) -> dict[str, str]:
    return {
        str(slot["participant"]): str(slot["mid"])
        for slot in table
        if slot["kind"] == kind and slot["participant"] is not None
    }


_SET_VISIBLE = """
(isVisible) => {
  const state = isVisible ? "visible" : "hidden";
  Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
  Object.defineProperty(document, "hidden", { value: !isVisible, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}
"""


async def set_visible(page: Page, *, is_visible: bool) -> None:
    """Tell the page that its tab is in front, or behind another; a headless browser has no other tab to show."""
    await page.evaluate(_SET_VISIBLE, is_visible)


async def show(page: Page, heights: Mapping[str, int], pinned: Iterable[str] = ()) -> None:
    """Say in the page's stead how high (device pixels, by mid) its pictures are; its own word is held back."""
    slots = [
        {"mid": mid, "height": height, "pinned": mid in set(pinned)}
        for mid, height in heights.items()
    ]
    await page.evaluate(
        "(slots) => { telewardTestCall.isMuzzled = true; telewardTestCall.say({ type: 'view', slots }); }",
        slots,
    )

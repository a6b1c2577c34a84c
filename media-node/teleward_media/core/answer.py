"""Writing the answer: what this media node takes of an offer, and the SDP text that says so.

The answer is ICE-lite and `a=setup:passive` (we are the DTLS server and so choose the SRTP profile),
with one host candidate: the media node's own port.

Source: RFC 8829 (JSEP), RFC 2198 (redundant audio), RFC 8445 §2.5 (ICE-lite), RFC 8842 (setup), RFC 5576 (ssrc).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from teleward_contract.signalling import SlotView

from teleward_media.core.offer import Codec, Offer, Section

MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
REPAIRED_RID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
TRANSPORT_SEQUENCE = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"

_SENDING = {
    "audio": (MID, AUDIO_LEVEL, TRANSPORT_SEQUENCE),
    "video": (MID, RID, REPAIRED_RID, TRANSPORT_SEQUENCE),
}
_CODECS = {"audio": ("opus", "red"), "video": ("vp8", "h264")}
_SPELLING = {"opus": "opus", "red": "red", "vp8": "VP8", "h264": "H264", "rtx": "rtx"}
"""Chromium finds its encoders by the exact spelling; in small letters it negotiates and sends nothing."""
_FEEDBACK = {
    "audio": ("transport-cc",),
    "video": ("nack", "nack pli", "ccm fir", "transport-cc", "goog-remb"),
}

START_HINT = "x-google-start-bitrate=800"
"""Where Chromium's own estimate begins, in kbit/s; at its 300 it starts at a third of the picture's width and takes
half a minute to climb. Others ignore it (RFC 8866 §6.15: unknown parameters of a format)."""

SourceKind = Literal["microphone", "camera", "screen"]


@dataclass(frozen=True, slots=True)
class SourceSection:
    """A section on which the participant may send."""

    kind: SourceKind
    mid: str
    codecs: tuple[Codec, ...]
    extensions: dict[str, int]
    ssrcs: tuple[int, ...]
    rtx_ssrcs: dict[int, int]
    rids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SlotSection:
    """A receive slot: we send here, under one SSRC for the whole life of the peer."""

    kind: Literal["audio", "video"]
    mid: str
    ssrc: int
    rtx_ssrc: int | None
    codecs: tuple[Codec, ...]
    extensions: dict[str, int]
    stream: str
    """The n-th voice and the n-th picture share a stream, so that a browser keeps lips and voice together."""

    def view(self, participant: str | None, source: SourceKind | None) -> SlotView:
        """Show who appears here."""
        return SlotView(mid=self.mid, kind=self.kind, participant=participant, source=source)


@dataclass(frozen=True, slots=True)
class Negotiated:
    """What one peer sends and receives, settled once."""

    sources: tuple[SourceSection, ...]
    slots: tuple[SlotSection, ...]


@dataclass(frozen=True, slots=True)
class LocalTransport:
    """Our side of the transport."""

    ufrag: str
    password: str
    fingerprint: str
    """sha-256, as `AB:CD:…`."""
    host: str
    port: int


def negotiate(offer: Offer, new_ssrc: Callable[[], int]) -> Negotiated:
    """Decide what to take: first audio sent is the microphone, first video the camera, second the screen."""
    sources: list[SourceSection] = []
    slots: list[SlotSection] = []
    kinds: dict[str, list[SourceKind]] = {"audio": ["microphone"], "video": ["camera", "screen"]}
    for section in offer.sections:
        codecs = accepted_codecs(section)
        if not _is_media(section) or not codecs:
            continue
        if section.sends and kinds[section.kind]:
            sources.append(_source(section, kinds[section.kind].pop(0), codecs))
        if section.receives:
            count = sum(slot.kind == section.kind for slot in slots)
            slots.append(_slot(section, codecs, f"slot-{count + 1}", new_ssrc))
    return Negotiated(tuple(sources), tuple(slots))


def _is_media(section: Section) -> bool:
    return section.kind in _CODECS and "RTP/SAVPF" in section.protocol


def _source(section: Section, kind: SourceKind, codecs: tuple[Codec, ...]) -> SourceSection:
    return SourceSection(
        kind=kind,
        mid=section.mid,
        codecs=codecs,
        extensions={u: i for u, i in section.extensions.items() if u in _SENDING[section.kind]},
        ssrcs=section.ssrcs,
        rtx_ssrcs=section.rtx_ssrcs,
        rids=section.rids,
    )


def _slot(
    section: Section, codecs: tuple[Codec, ...], stream: str, new_ssrc: Callable[[], int]
) -> SlotSection:
    has_rtx = any(codec.is_rtx for codec in codecs)
    return SlotSection(
        kind="audio" if section.kind == "audio" else "video",
        mid=section.mid,
        ssrc=new_ssrc(),
        rtx_ssrc=new_ssrc() if has_rtx else None,
        codecs=codecs,
        extensions={u: i for u, i in section.extensions.items() if u == TRANSPORT_SEQUENCE},
        stream=stream,
    )


def accepted_codecs(section: Section) -> tuple[Codec, ...]:
    """Keep Opus with its redundancy, VP8 and H.264 constrained baseline (packetization-mode 1), with their RTX.

    VP8 stands before H.264 whatever the offer prefers, since a browser sends what the answer names first, and what is
    never transcoded should be what all can decode: Safari prefers H.264, and a Firefox without its plugin has none.
    """
    wanted = [c for c in section.codecs if c.name in _CODECS.get(section.kind, ()) and _fits(c)]
    wanted = [c for c in wanted if c.name != "red" or _repeats(c, wanted)]
    wanted.sort(key=lambda codec: codec.name == "h264")
    taken = {codec.payload_type for codec in wanted}
    rtx = [c for c in section.codecs if c.is_rtx and c.apt in taken]
    return (*wanted, *rtx)


def _repeats(red: Codec, codecs: Sequence[Codec]) -> bool:
    """Whether redundancy is of one codec that is taken, as `111/111` (RFC 2198 §5)."""
    named = set(red.parameters.replace(" ", "").split("/"))
    return named in [{str(c.payload_type)} for c in codecs if c.name == "opus"]


def _fits(codec: Codec) -> bool:
    if codec.name in ("opus", "red"):
        return (codec.clock_rate, codec.channels) == (48000, 2)
    if codec.clock_rate != 90000:
        return False
    if codec.name == "vp8":
        return True
    parameters = codec.parameters.lower().replace(" ", "")
    return "packetization-mode=1" in parameters and "profile-level-id=42e0" in parameters


def write_answer(offer: Offer, negotiated: Negotiated, local: LocalTransport) -> str:
    """Write the answer to `offer`; its sections are the offer's, in the same order."""
    sources = {source.mid: source for source in negotiated.sources}
    slots = {slot.mid: slot for slot in negotiated.slots}
    taken = [s.mid for s in offer.sections if s.mid in sources or s.mid in slots]
    lines = [
        "v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", "a=ice-lite",
        f"a=group:BUNDLE {' '.join(taken)}", "a=msid-semantic: WMS *",
    ]  # fmt: skip
    for section in offer.sections:
        source, slot = sources.get(section.mid), slots.get(section.mid)
        if source is None and slot is None:
            lines += _rejected(section)
        else:
            lines += _taken(section, source, slot, local)
    return "\r\n".join(lines) + "\r\n"


def _rejected(section: Section) -> list[str]:
    return [
        f"m={section.kind} 0 {section.protocol} {' '.join(section.formats[:1])}",
        "c=IN IP4 0.0.0.0", "a=inactive", f"a=mid:{section.mid}",
    ]  # fmt: skip


def _taken(
    section: Section, source: SourceSection | None, slot: SlotSection | None, local: LocalTransport
) -> list[str]:
    codecs = (source or slot).codecs  # type: ignore[union-attr]  # one of the two is there
    direction = {(True, True): "sendrecv", (True, False): "recvonly", (False, True): "sendonly"}[
        (source is not None, slot is not None)
    ]
    formats = " ".join(str(codec.payload_type) for codec in codecs)
    lines = [
        f"m={section.kind} {local.port} {section.protocol} {formats}",
        f"c=IN IP{6 if ':' in local.host else 4} {local.host}", f"a=mid:{section.mid}", f"a={direction}", "a=rtcp-mux",
        "a=rtcp-rsize", "a=setup:passive", f"a=ice-ufrag:{local.ufrag}",
        f"a=ice-pwd:{local.password}", f"a=fingerprint:sha-256 {local.fingerprint}",
        f"a=candidate:1 1 udp 2130706431 {local.host} {local.port} typ host",
        "a=end-of-candidates",
    ]  # fmt: skip
    for codec in codecs:
        lines += _codec(codec, section.kind, hint=START_HINT if source else "")
    extensions = {**(slot.extensions if slot else {}), **(source.extensions if source else {})}
    lines += [f"a=extmap:{number} {uri}" for uri, number in extensions.items()]
    if source and source.rids:
        lines += [f"a=rid:{rid} recv" for rid in source.rids]
        lines.append(f"a=simulcast:recv {';'.join(source.rids)}")
    if slot:
        lines += _ssrc_lines(slot)
    return lines


def _codec(codec: Codec, kind: str, hint: str) -> list[str]:
    channels = f"/{codec.channels}" if codec.channels > 1 else ""
    name = _SPELLING[codec.name]
    lines = [f"a=rtpmap:{codec.payload_type} {name}/{codec.clock_rate}{channels}"]
    hinted = codec.name in _CODECS["video"]
    parameters = ";".join(part for part in (codec.parameters, hint if hinted else "") if part)
    if parameters:
        lines.append(f"a=fmtp:{codec.payload_type} {parameters}")
    if not codec.is_rtx:
        lines += [
            f"a=rtcp-fb:{codec.payload_type} {what}"
            for what in _FEEDBACK[kind]
            if what in codec.feedback
        ]
    return lines


def _ssrc_lines(slot: SlotSection) -> list[str]:
    msid = f"{slot.stream} slot-{slot.mid}"
    lines = [f"a=msid:{msid}"]
    ssrcs = [slot.ssrc]
    if slot.rtx_ssrc is not None:
        lines.append(f"a=ssrc-group:FID {slot.ssrc} {slot.rtx_ssrc}")
        ssrcs.append(slot.rtx_ssrc)
    for ssrc in ssrcs:
        lines += [f"a=ssrc:{ssrc} cname:teleward", f"a=ssrc:{ssrc} msid:{msid}"]
    return lines

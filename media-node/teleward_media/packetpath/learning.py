"""Telling what an unknown SSRC is: announced in the offer, or named by MID and RID, or the only one that it can be.

Source: RFC 8852 (MID, RID and repaired RID in header extensions), RFC 8843 §9.2 (associating packets with sections),
RFC 4588 §8.1 (RTX in a stream of its own).
"""

from teleward_contract.units import Seconds

from teleward_media.core.answer import AUDIO_LEVEL, MID, REPAIRED_RID, RID, SourceSection
from teleward_media.core.forwarding import SourceId
from teleward_media.packetpath import rtpwire
from teleward_media.packetpath.layer import Layer
from teleward_media.packetpath.peer_path import PeerPath
from teleward_media.packetpath.rtpwire import Buffer

TAKEN_OVER_AFTER_S = Seconds(1.0)
"""Silence after which another SSRC may be the same encoding: a client that began anew, not two that fight.
Ours: fifty packets of a voice, and half of what `core/member.STALLED_S` takes for a stall."""
MAX_STREAMS = 12
"""Incoming SSRCs of one peer: microphone, three camera encodings, screen, with RTX, and room. Ours. At most seven of
them are layers with a ring: `peer_path.py` says what is held for them."""


def learn(
    path: PeerPath, packet: Buffer, at: int, extension: int, start: int, now: Seconds
) -> Layer | None:
    """Tell which layer of the peer begins with this packet; None for a repair stream, a stranger, one too many."""
    if len(path.layers) + len(path.repairs) >= MAX_STREAMS:
        return None
    ssrc = int.from_bytes(packet[at + 8 : at + 12], "big")
    payload_type = packet[at + 1] & 0x7F
    named = {}
    if extension:
        named = {
            identifier: bytes(packet[where : where + length]).rstrip(b"\0")
            for identifier, where, length in rtpwire.extensions(packet, extension, start)
        }
    sources = path.negotiated.sources
    section = _announced(sources, ssrc) or _named(sources, named) or _only(sources, payload_type)
    if section is None:
        return None
    codec = next((c for c in section.codecs if c.payload_type == payload_type), None)
    if codec is None:
        return None
    if codec.is_rtx:
        _learn_repair(path, section, ssrc, named)
        return None
    source = SourceId(path.id, section.kind)
    index = _index(section, named.get(section.extensions.get(RID, -1)))
    if index is None or not _is_free(path, source, index, now):
        return None
    red = next((c for c in section.codecs if c.name == "red"), None)
    if codec is red:
        codec = next(c for c in section.codecs if c.name == "opus")
    layer = Layer(
        path.number, source, index, ssrc, codec, red.payload_type if red else -1,
        section.extensions.get(AUDIO_LEVEL, 0), packet[at + 2] << 8 | packet[at + 3],
    )  # fmt: skip
    layer.heard_at = layer.framed_at = now
    path.layers[ssrc] = layer
    return layer


def _is_free(path: PeerPath, source: SourceId, index: int, now: Seconds) -> bool:
    """Whether no other SSRC is this encoding; one that fell silent makes room (RFC 8843 §9.2: the latest counts)."""
    before = next((one for one in path.layers_of(source) if one.index == index), None)
    if before is None:
        return True
    if now - before.heard_at < TAKEN_OVER_AFTER_S:
        return False
    del path.layers[before.ssrc]
    before.empty()
    for ssrc in [ssrc for ssrc, layer in path.repairs.items() if layer is before]:
        del path.repairs[ssrc]
    return True


def _learn_repair(
    path: PeerPath, section: SourceSection, ssrc: int, named: dict[int, bytes]
) -> None:
    """Note which layer an RTX stream repairs; its first packet is lost on us."""
    by_ssrc = next((m for m, r in section.rtx_ssrcs.items() if r == ssrc), None)
    if by_ssrc is not None:
        layer = path.layers.get(by_ssrc)
    else:
        index = _index(section, named.get(section.extensions.get(REPAIRED_RID, -1)))
        layers = path.layers_of(SourceId(path.id, section.kind))
        layer = next((one for one in layers if one.index == index), None)
    if layer is not None and layer not in path.repairs.values():
        path.repairs[ssrc] = layer


def _announced(sources: tuple[SourceSection, ...], ssrc: int) -> SourceSection | None:
    return next((s for s in sources if ssrc in s.ssrcs or ssrc in s.rtx_ssrcs.values()), None)


def _named(sources: tuple[SourceSection, ...], named: dict[int, bytes]) -> SourceSection | None:
    return next(
        (s for s in sources if named.get(s.extensions.get(MID, -1)) == s.mid.encode()), None
    )


def _only(sources: tuple[SourceSection, ...], payload_type: int) -> SourceSection | None:
    fitting = [
        s for s in sources
        if not s.rids and any(c.payload_type == payload_type and not c.is_rtx for c in s.codecs)
    ]  # fmt: skip
    return fitting[0] if len(fitting) == 1 and not fitting[0].ssrcs else None


def _index(section: SourceSection, rid: bytes | None) -> int | None:
    """Which encoding it is; without RIDs there is one."""
    if not section.rids:
        return 0
    name = (rid or b"").decode("latin-1")
    return section.rids.index(name) if name in section.rids else None

"""Sender and receiver reports: what a peer is told once a second of its streams and of its slots.

Source: RFC 3550 §6.4 (reports). Our sender reports tell our own clock, so that round trips can be taken from the
answers, and so that what appears in one slot after the other shares a clock.
"""

from collections.abc import Mapping

from teleward_contract.units import Seconds

from teleward_media.packetpath import rtcpwire
from teleward_media.packetpath.layer import Layer
from teleward_media.packetpath.peer_path import PeerPath
from teleward_media.packetpath.slot import Slot

OWN_SSRC = 1
"""Under which we report; nothing is sent under it. libwebrtc's, too, for who only receives
(kDefaultRtcpReceiverReportSsrc)."""
NTP_EPOCH = 1 << 32
"""Units of an NTP timestamp in a second (RFC 3550 §4)."""
MOST_BYTES = 1200
"""Of one compound packet: with 20 bytes of SRTCP and 48 of IPv6 and UDP it stays below 1,280, which no path of IPv6
splits (RFC 8200 §5)."""
UNSTAMPED_BPS = 2_500_000
"""What a publisher that knows no transport-wide feedback is allowed (REMB): libwebrtc's own bound for one picture
(GetMaxDefaultVideoBitrateKbps)."""


def ntp(now: Seconds) -> int:
    """Our clock as an NTP timestamp; its epoch is ours alone, as RFC 3550 §4 permits."""
    return int(now * NTP_EPOCH)


def write_reports(path: PeerPath, peers: Mapping[int, PeerPath], now: Seconds) -> list[bytes]:
    """Write the compound packets for one peer, each short enough for a datagram; none when there is nothing to say."""
    parts = [
        _write_sr(slot, slot.layer, peers, now)
        for slot in path.slots.values()
        if slot.layer is not None
    ]
    if path.layers:
        blocks = [layer.block(now, _behind(layer)) for layer in path.layers.values()]
        parts.append(rtcpwire.write_rr(OWN_SSRC, blocks))
    parts.append(write_cap(path))
    packets = [b""]
    for part in parts:
        if len(packets[-1]) + len(part) > MOST_BYTES:
            packets.append(b"")
        packets[-1] += part
    return [packet for packet in packets if packet]


def write_cap(path: PeerPath) -> bytes:
    """Write what a publisher may send in all; empty when there is nothing to say.

    A browser takes the lesser of this and of its own estimate from transport-wide feedback.
    """
    video = [ssrc for ssrc, one in path.layers.items() if one.source.kind != "microphone"]
    cap = path.cap_bps or (0 if path.stamp_in else UNSTAMPED_BPS)
    return rtcpwire.write_remb(OWN_SSRC, cap, video) if video and cap else b""


def _write_sr(slot: Slot, layer: Layer, peers: Mapping[int, PeerPath], now: Seconds) -> bytes:
    """Translate the publisher's clock pair to the slot's numbering and to our clock."""
    publisher = peers.get(layer.peer)
    if layer.report is None or publisher is None or publisher.clock_offset is None:
        return b""
    report, _ = layer.report
    elapsed = now - publisher.clock_offset - report.ntp / NTP_EPOCH
    rtp = report.rtp + int(elapsed * slot.clock_rate) + slot.present.timestamp
    return rtcpwire.write_sr(
        slot.section.ssrc, ntp(now), rtp & 0xFFFFFFFF, slot.packets, slot.octets
    )


def _behind(layer: Layer) -> int:
    """The worst loss of a voice behind us, so that its sender adds as much error correction as that receiver needs."""
    if layer.source.kind != "microphone":
        return 0
    return max((slot.fraction_lost for slot in layer.takers), default=0)

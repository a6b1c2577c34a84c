"""The packet path in Python: the reference that a native core is compared with.

It takes batches of SRTP datagrams of proven peers and hands batches of SRTP datagrams to `send`. It
decides nothing: the forwarding plan says who appears where. It never decodes.

Source: RFC 3550 (A.8 jitter, 6.4 reports), RFC 4588 (RTX), RFC 3711 §3.3.1 (first sequence number
below 2^15, so that a lost first packet cannot confuse the rollover counter).
"""

import secrets
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from pylibsrtp import Error as SrtpError
from teleward_contract.units import ParticipantId, Seconds

from teleward_media.core.answer import MID, RID, Negotiated, SlotSection, SourceSection
from teleward_media.core.forwarding import ForwardingPlan, Output, SourceId
from teleward_media.core.limiter import TokenBucket
from teleward_media.packetpath import rtpwire
from teleward_media.ports import SrtpSession

RING_PACKETS = 512
"""Sent video packets kept per slot for retransmission: about two seconds at 1.5 Mbit/s."""
REPAIR_RATE, REPAIR_BURST = 300.0, 150.0
"""Retransmissions a second to one receiver: a third of a picture of 1.7 Mbit/s, and a burst of one keyframe."""
MAX_STREAMS = 12
"""Incoming SSRCs of one peer: microphone, three camera encodings, screen, with RTX, and room."""
KEYFRAME_FLOOR_S = 0.5
REMB_BPS = 2_500_000
"""What a publisher is allowed until a real estimate exists."""
OWN_SSRC = 1


@dataclass(slots=True)
class Stream:
    """One incoming SSRC."""

    ssrc: int
    source: SourceId
    section: SourceSection
    clock_rate: int
    base: int
    highest: int
    received: int = 0
    expected_before: int = 0
    received_before: int = 0
    transit: float | None = None
    jitter: float = 0.0
    report: tuple[rtpwire.Report, float] | None = None

    def arrived(self, sequence: int, timestamp: int, now: float) -> None:
        """Count one packet (RFC 3550 A.1, A.8)."""
        ahead = (sequence - self.highest) & 0xFFFF
        if ahead < 0x8000:
            self.highest += ahead
        self.received += 1
        transit = now * self.clock_rate - timestamp
        if self.transit is not None:
            self.jitter += (abs(transit - self.transit) % 2**31 - self.jitter) / 16
        self.transit = transit

    def block(self, now: float) -> rtpwire.ReceptionBlock:
        """Make the report block since the last one."""
        expected = self.highest - self.base + 1
        span, got = expected - self.expected_before, self.received - self.received_before
        self.expected_before, self.received_before = expected, self.received
        lost = max(0, span - got)
        last, delay = 0, 0
        if self.report is not None:
            report, at = self.report
            last, delay = report.ntp >> 16 & 0xFFFFFFFF, int((now - at) * 65536)
        return rtpwire.ReceptionBlock(
            self.ssrc, min(255, lost * 256 // span) if span > 0 else 0,
            expected - self.received, self.highest, int(self.jitter), last, delay,
        )  # fmt: skip


@dataclass(slots=True)
class Slot:
    """One outgoing SSRC: its numbering goes on whoever appears in it."""

    section: SlotSection
    payload_types: dict[str, int]
    rtx_types: dict[int, int]
    clock_rate: int
    next_sequence: int
    stream: Stream | None = None
    """Compared by identity: two publishers may have chosen the same SSRC."""
    sequence_shift: int = 0
    timestamp_shift: int = 0
    last_timestamp: int = 0
    last_at: float = 0.0
    packets: int = 0
    octets: int = 0
    rtx_sequence: int = 0
    ring: dict[int, bytes] = field(default_factory=dict)
    order: deque[int] = field(default_factory=deque)

    def follow(self, stream: Stream, sequence: int, timestamp: int, now: float) -> None:
        """Begin to carry `stream` without a seam in sequence numbers and time."""
        elapsed = int((now - self.last_at) * self.clock_rate) if self.packets else 0
        self.sequence_shift = self.next_sequence - sequence
        self.timestamp_shift = self.last_timestamp + elapsed - timestamp
        self.stream = stream

    def keep(self, sequence: int, packet: bytes) -> None:
        """Remember a sent packet for retransmission."""
        self.ring[sequence] = packet
        self.order.append(sequence)
        if len(self.order) > RING_PACKETS:
            self.ring.pop(self.order.popleft(), None)


@dataclass(slots=True)
class PeerPath:
    """One connected peer."""

    id: ParticipantId
    receive: SrtpSession
    transmit: SrtpSession
    negotiated: Negotiated
    repair: TokenBucket
    """What its NACKs may still cost."""
    streams: dict[int, Stream] = field(default_factory=dict)
    slots: dict[str, Slot] = field(default_factory=dict)
    slots_by_ssrc: dict[int, Slot] = field(default_factory=dict)
    keyframe_asked: dict[str, float] = field(default_factory=dict)


class ReferencePath:
    """All peers of one media node.

    `send(participant, datagram)` is the egress; `count(event, n)` the metrics.
    """

    def __init__(
        self, send: Callable[[ParticipantId, bytes], None], count: Callable[[str, int], None]
    ) -> None:
        self._send = send
        self._count = count
        self._peers: dict[ParticipantId, PeerPath] = {}
        self._plan: ForwardingPlan = {}
        self._shown: dict[Output, SourceId] = {}
        self._wanted: set[SourceId] = set()
        """Sources somebody waits for a keyframe of; asked for as soon as the floor allows."""

    def add_peer(
        self,
        peer: ParticipantId,
        receive: SrtpSession,
        transmit: SrtpSession,
        negotiated: Negotiated,
    ) -> None:
        """Take in a peer whose DTLS handshake is done."""
        repair = TokenBucket.full(REPAIR_RATE, REPAIR_BURST, Seconds(0.0))
        path = PeerPath(peer, receive, transmit, negotiated, repair)
        for section in negotiated.slots:
            slot = Slot(
                section=section,
                payload_types={c.name: c.payload_type for c in reversed(section.codecs)},
                rtx_types={c.apt: c.payload_type for c in section.codecs if c.is_rtx},
                clock_rate=48000 if section.kind == "audio" else 90000,
                next_sequence=secrets.randbelow(0x8000),
                last_timestamp=secrets.randbits(31),
            )
            path.slots[section.mid] = slot
            path.slots_by_ssrc[section.ssrc] = slot
        self._peers[peer] = path
        for output, source in self._shown.items():
            if output.participant == peer:
                self._wanted.add(source)

    def remove_peer(self, peer: ParticipantId) -> None:
        """Forget a peer and its keys."""
        self._peers.pop(peer, None)

    def set_plan(self, plan: ForwardingPlan, now: Seconds) -> None:
        """Replace the forwarding plan; new appearances ask for a keyframe at once."""
        shown = {output: source for source, outputs in plan.items() for output in outputs}
        fresh = {source for output, source in shown.items() if self._shown.get(output) != source}
        for output in self._shown.keys() - shown.keys():
            receiver = self._peers.get(output.participant)
            if receiver is not None and output.mid in receiver.slots:
                receiver.slots[output.mid].stream = None  # what comes next begins without a gap
        self._plan, self._shown = plan, shown
        self._wanted = (self._wanted & plan.keys()) | fresh
        for source in fresh:
            self.ask_keyframe(source, now)

    def receive(self, batch: Iterable[tuple[ParticipantId, bytes]], now: Seconds) -> None:
        """Take in SRTP and SRTCP datagrams of proven peers."""
        for peer, datagram in batch:
            path = self._peers.get(peer)
            if path is None or len(datagram) < 12:
                self._count("drop_early" if path is None else "drop_short", 1)
                continue
            try:
                if rtpwire.is_rtcp(datagram):
                    self._rtcp(path, path.receive.unprotect_rtcp(datagram), now)
                else:
                    self._rtp(path, path.receive.unprotect(datagram), now)
            except SrtpError:
                self._count("drop_srtp", 1)

    def _rtp(self, path: PeerPath, packet: bytes, now: Seconds) -> None:
        bounds = rtpwire.payload_bounds(packet)
        if bounds is None:
            self._count("drop_malformed", 1)
            return
        extension, start, end = bounds
        ssrc = int.from_bytes(packet[8:12], "big")
        stream = path.streams.get(ssrc) or self._learn(path, packet, ssrc, extension, start)
        if stream is None:
            self._count("drop_unknown_ssrc", 1)
            return
        sequence = int.from_bytes(packet[2:4], "big")
        timestamp = int.from_bytes(packet[4:8], "big")
        stream.arrived(sequence, timestamp, now)
        self._count("received", 1)
        if stream.source in self._wanted:
            self.ask_keyframe(stream.source, now)
        outputs = self._plan.get(stream.source)
        if not outputs:
            self._count("drop_not_shown", 1)  # muted, held, or alone
            return
        name = next(
            (c.name for c in stream.section.codecs if c.payload_type == packet[1] & 0x7F), None
        )
        if name is None or name == "rtx":
            return
        payload = packet[start:]
        for output in outputs:
            receiver = self._peers.get(output.participant)
            slot = receiver.slots.get(output.mid) if receiver else None
            if receiver is None or slot is None or name not in slot.payload_types:
                continue
            if slot.stream is not stream:
                slot.follow(stream, sequence, timestamp, now)
                self.ask_keyframe(stream.source, now)
            if start == end:
                slot.sequence_shift -= 1
                continue
            self._forward(receiver, slot, packet, name, sequence, timestamp, payload, now)

    def _forward(
        self, receiver: PeerPath, slot: Slot, packet: bytes, name: str,
        sequence: int, timestamp: int, payload: bytes, now: float,
    ) -> None:  # fmt: skip
        out_sequence = (sequence + slot.sequence_shift) & 0xFFFF
        out_timestamp = (timestamp + slot.timestamp_shift) & 0xFFFFFFFF
        payload_type = slot.payload_types[name]
        out = rtpwire.write_rtp(
            packet[0] & 0xA0, packet[1] & 0x80 | payload_type, out_sequence, out_timestamp,
            slot.section.ssrc, payload,
        )  # fmt: skip
        if (out_sequence - slot.next_sequence) & 0xFFFF < 0x8000:
            slot.next_sequence = (out_sequence + 1) & 0xFFFF
            slot.last_timestamp, slot.last_at = out_timestamp, now
        slot.packets += 1
        slot.octets += len(payload)
        if slot.section.kind == "video":
            slot.keep(out_sequence, out)
        self._protect(receiver, out)

    def _protect(self, receiver: PeerPath, packet: bytes) -> None:
        try:
            self._send(receiver.id, receiver.transmit.protect(packet))
        except SrtpError:
            self._count("drop_protect", 1)
            return
        self._count("forwarded", 1)

    def _learn(
        self, path: PeerPath, packet: bytes, ssrc: int, extension: int, start: int
    ) -> Stream | None:
        """Tell which source an unknown SSRC is: announced in the offer, or by MID and RID."""
        if len(path.streams) >= MAX_STREAMS:
            return None
        section = next((s for s in path.negotiated.sources if ssrc in s.ssrcs), None)
        if section is None and extension:
            section = _by_mid(path.negotiated.sources, packet, extension, start)
        payload_type = packet[1] & 0x7F
        if section is None:
            candidates = [
                s for s in path.negotiated.sources
                if any(c.payload_type == payload_type for c in s.codecs) and not s.rids
            ]  # fmt: skip
            section = candidates[0] if len(candidates) == 1 and not candidates[0].ssrcs else None
        codec = next(
            (c for c in (section.codecs if section else ()) if c.payload_type == payload_type),
            None,
        )
        if section is None or codec is None or codec.is_rtx:
            return None
        first = int.from_bytes(packet[2:4], "big")
        stream = Stream(
            ssrc, SourceId(path.id, section.kind), section, codec.clock_rate, first, first - 1
        )
        path.streams[ssrc] = stream
        return stream

    def _rtcp(self, path: PeerPath, packet: bytes, now: Seconds) -> None:
        for part in rtpwire.read_rtcp(packet):
            match part:
                case rtpwire.Report():
                    self._sender_report(path, part, now)
                case rtpwire.KeyframeAsked():
                    slot = path.slots_by_ssrc.get(part.ssrc)
                    source = self._shown.get(Output(path.id, slot.section.mid)) if slot else None
                    if source is not None:
                        self.ask_keyframe(source, now)
                case rtpwire.Nacked():
                    self._retransmit(path, part, now)

    def _sender_report(self, path: PeerPath, report: rtpwire.Report, now: Seconds) -> None:
        stream = path.streams.get(report.ssrc)
        if stream is None:
            return
        stream.report = (report, now)
        for output in self._plan.get(stream.source, ()):
            receiver = self._peers.get(output.participant)
            slot = receiver.slots.get(output.mid) if receiver else None
            if receiver is None or slot is None or slot.stream is not stream:
                continue
            rtp = (report.rtp + slot.timestamp_shift) & 0xFFFFFFFF
            self._control(
                receiver,
                rtpwire.write_sr(slot.section.ssrc, report.ntp, rtp, slot.packets, slot.octets),
            )

    def _retransmit(self, path: PeerPath, nacked: rtpwire.Nacked, now: Seconds) -> None:
        slot = path.slots_by_ssrc.get(nacked.ssrc)
        if slot is None:
            return
        for sequence in nacked.sequences:
            packet = slot.ring.get(sequence)
            if packet is None:
                continue
            if not path.repair.allow(now):
                self._count("drop_nack_rate", 1)
                return
            rtx_type = slot.rtx_types.get(packet[1] & 0x7F)
            if rtx_type is not None and slot.section.rtx_ssrc is not None:
                slot.rtx_sequence = (slot.rtx_sequence + 1) & 0xFFFF
                packet = rtpwire.write_rtp(
                    packet[0], packet[1] & 0x80 | rtx_type, slot.rtx_sequence,
                    int.from_bytes(packet[4:8], "big"), slot.section.rtx_ssrc,
                    packet[2:4] + packet[12:],
                )  # fmt: skip
            self._count("retransmitted", 1)
            self._protect(path, packet)

    def _control(self, path: PeerPath, packet: bytes) -> None:
        try:
            self._send(path.id, path.transmit.protect_rtcp(packet))
        except SrtpError:
            self._count("drop_protect", 1)

    def ask_keyframe(self, source: SourceId, now: Seconds) -> None:
        """Ask a publisher for a keyframe, at most once per floor; what comes sooner is remembered."""
        path = self._peers.get(source.participant)
        streams = [s for s in path.streams.values() if s.source == source] if path else []
        if path is None or source.kind == "microphone":
            self._wanted.discard(source)
            return
        if not streams or now - path.keyframe_asked.get(source.kind, -1e9) < KEYFRAME_FLOOR_S:
            self._wanted.add(source)
            return
        self._wanted.discard(source)
        path.keyframe_asked[source.kind] = now
        for stream in streams:
            self._count("keyframe_requests", 1)
            self._control(path, rtpwire.write_pli(OWN_SSRC, stream.ssrc))

    def report(self, now: Seconds) -> None:
        """Send receiver reports and the allowed bitrate to every publisher; about once a second."""
        for path in self._peers.values():
            if not path.streams:
                continue
            blocks = [stream.block(now) for stream in path.streams.values()]
            packet = rtpwire.write_rr(OWN_SSRC, blocks)
            video = [s.ssrc for s in path.streams.values() if s.source.kind != "microphone"]
            if video:
                packet += rtpwire.write_remb(OWN_SSRC, REMB_BPS, video)
            self._control(path, packet)


def _by_mid(
    sources: tuple[SourceSection, ...], packet: bytes, extension: int, start: int
) -> SourceSection | None:
    found = dict(rtpwire.extensions(packet, extension, start))
    for section in sources:
        mid = found.get(section.extensions.get(MID, -1))
        if mid is not None and mid.rstrip(b"\0") == section.mid.encode():
            rid = found.get(section.extensions.get(RID, -1), b"").rstrip(b"\0").decode("latin-1")
            return section if not section.rids or rid in section.rids else None
    return None

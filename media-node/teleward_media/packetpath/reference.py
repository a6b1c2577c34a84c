"""The packet path in Python: the reference that a native core is compared with.

Read from top to bottom it follows one packet: from the block that the socket filled, through SRTP, its
layer's ring and its slots, into the arena, and out in runs. It decides nothing about people: the forwarding
plan says who appears where, steering says in which layer. It never decodes.

Source: RFC 3550 (RTP, RTCP), RFC 4588 (RTX), RFC 8852 (MID, RID and repaired RID in header extensions).
"""

import secrets
from collections.abc import Callable, Iterable
from typing import Any

from teleward_contract.units import ParticipantId, Seconds

from teleward_media.core.answer import (
    TRANSPORT_SEQUENCE,
    Negotiated,
)
from teleward_media.core.datagrams import STRIDE, Datagrams
from teleward_media.core.estimate import Sent
from teleward_media.core.forwarding import ForwardingPlan, Observed, Output, SourceId
from teleward_media.core.limiter import TokenBucket
from teleward_media.packetpath import rtcpwire, rtpwire, twcc
from teleward_media.packetpath.layer import TOO_OLD, Kept, Layer
from teleward_media.packetpath.learning import learn
from teleward_media.packetpath.outbox import Outbox
from teleward_media.packetpath.peer_path import PeerPath
from teleward_media.packetpath.reports import NTP_EPOCH, OWN_SSRC, ntp, write_reports
from teleward_media.packetpath.slot import Segment, Slot
from teleward_media.packetpath.srtp import REFUSED, SrtpContext
from teleward_media.ports import Egress

REPAIR_RATE, REPAIR_BURST = 300.0, 150.0
"""Retransmissions a second to one receiver: a third of a picture of 1.7 Mbit/s, and a burst of one keyframe."""
ALIVE_S = Seconds(1.0)
"""A layer that has been silent for longer is not chosen."""
LOOK_EVERY_S = Seconds(0.25)
"""Between two looks at which layers have fallen silent or come back."""
REPORT_EVERY_S = Seconds(1.0)
"""Between two reports to one peer (RFC 3550 §6.2 allows less than its five seconds where bandwidth does)."""
FEEDBACK_EVERY_S = Seconds(0.05)
"""Between two transport-wide feedbacks: libwebrtc's least interval."""
_HIGHEST_STAMP_ID = 14
"""A one-byte header extension has four bits of identifier (RFC 8285 §4.2); 15 is reserved."""


class ReferencePath:
    """All peers of one media node.

    `ingress` is the block that the socket fills; `egress` takes what leaves; `count(event, n)` the metrics;
    `keys(session, block)` makes an SRTP context of a session.
    """

    def __init__(
        self, ingress: Datagrams, egress: Egress, count: Callable[[str, int], None],
        keys: Callable[[Any, Datagrams], Any] = SrtpContext,
        random: Callable[[int], int] = secrets.randbelow,
    ) -> None:  # fmt: skip
        self._ingress, self._count = ingress, count
        self._keys, self._random = keys, random
        self._out = Outbox(egress, count)
        self._peers: dict[int, PeerPath] = {}
        self._by_id: dict[ParticipantId, PeerPath] = {}
        self._shown: dict[Output, SourceId] = {}
        self._wanted: dict[Output, int] = {}
        self._reported_at = self._fed_back_at = self._looked_at = Seconds(float("-inf"))

    # -- who is there --------------------------------------------------------------------------

    def add_peer(
        self, participant: ParticipantId, number: int, receive: Any, transmit: Any,
        negotiated: Negotiated, now: Seconds,
    ) -> None:  # fmt: skip
        """Take in a peer whose DTLS handshake is done; an earlier one of the participant ends."""
        self.remove_peer(participant)
        path = PeerPath(
            participant, number, self._keys(receive, self._ingress),
            self._keys(transmit, self._out.arena), negotiated,
            TokenBucket.full(REPAIR_RATE, REPAIR_BURST, Seconds(0.0)),
            next((_stamp_id(s.extensions) for s in negotiated.sources), 0),
        )  # fmt: skip
        for section in negotiated.slots:
            slot = Slot(
                participant, section, _stamp_id(section.extensions),
                self._random(0x8000), self._random(1 << 31),
            )  # fmt: skip
            path.slots[section.mid] = path.slots_by_ssrc[section.ssrc] = slot
            output = Output(participant, section.mid)
            slot.source = self._shown.get(output)
            slot.wanted_index = self._wanted.get(output, 0)
        self._peers[number] = self._by_id[participant] = path
        for slot in path.slots.values():
            self._aim(slot, now)

    def remove_peer(self, participant: ParticipantId) -> None:
        """Forget a peer, its keys and its rings."""
        path = self._by_id.pop(participant, None)
        if path is None:
            return
        del self._peers[path.number]
        path.pending.clear()
        for slot in path.slots.values():
            slot.wait_for(None)
            slot.stop()
        for layer in path.layers.values():
            for other in self._peers.values():
                for slot in other.slots.values():
                    slot.forget(layer)

    def set_plan(self, plan: ForwardingPlan, now: Seconds) -> None:
        """Replace the forwarding plan."""
        shown = {output: source for source, outputs in plan.items() for output in outputs}
        changed = [
            o for o in self._shown.keys() | shown.keys() if self._shown.get(o) != shown.get(o)
        ]
        self._shown = shown
        self._wanted = {o: index for o, index in self._wanted.items() if o in shown}
        for output in changed:
            slot = self._slot(output)
            if slot is not None:
                slot.source = shown.get(output)
                self._aim(slot, now)

    def steer(self, wanted: Iterable[tuple[Output, int]], now: Seconds) -> None:
        """Say which layer each output should carry; without a word it is the lowest."""
        for output, index in wanted:
            self._wanted[output] = index
            slot = self._slot(output)
            if slot is not None and slot.wanted_index != index:
                slot.wanted_index = index
                self._aim(slot, now)

    def look(self) -> Observed:
        """Hand over what was seen since the last call."""
        seen = Observed()
        for path in self._peers.values():
            if path.feedback.sizes:
                seen.feedback[path.id] = (path.feedback, path.round_trip_s)
                path.feedback = Sent()
            for layer in path.layers.values():
                seen.octets[layer.source, layer.index] = layer.octets
        return seen

    def _slot(self, output: Output) -> Slot | None:
        path = self._by_id.get(output.participant)
        return path.slots.get(output.mid) if path else None

    def _aim(self, slot: Slot, now: Seconds) -> None:
        """Choose the layer that a slot should carry, and wait for its next keyframe."""
        layer = self._choose(slot, now)
        if slot.layer is not None and slot.layer.source != slot.source:
            slot.stop()
        if layer is None or layer is slot.layer:
            slot.wait_for(None)
            return
        if layer is slot.awaited:
            return
        slot.wait_for(layer)
        self._ask_keyframe(layer, now)

    def _aim_all(self, source: SourceId, now: Seconds) -> None:
        for output, shown in self._shown.items():
            slot = self._slot(output) if shown == source else None
            if slot is not None:
                self._aim(slot, now)

    def _choose(self, slot: Slot, now: Seconds) -> Layer | None:
        publisher = self._by_id.get(slot.source.participant) if slot.source else None
        if slot.source is None or publisher is None:
            return None
        layers = [
            one for one in publisher.layers_of(slot.source) if one.codec in slot.payload_types
        ]
        alive = [one for one in layers if now - one.heard_at < ALIVE_S] or layers
        fitting = [one for one in alive if one.index <= slot.wanted_index]
        return fitting[-1] if fitting else alive[0] if alive else None

    # -- a packet comes ------------------------------------------------------------------------

    def receive(self, now: Seconds) -> None:
        """Take in the SRTP and SRTCP datagrams of proven peers that the ingress block holds."""
        block = self._ingress
        buffer, lengths, peers = block.buffer, block.lengths, block.peers
        for index in range(block.count):
            path = self._peers.get(peers[index])
            length = lengths[index]
            if path is None or length < rtpwire.HEADER_BYTES:
                self._count("drop_early" if path is None else "drop_short", 1)
                continue
            at = index * STRIDE
            if rtpwire.is_rtcp(buffer[at + 1]):
                length = path.receive.unprotect_rtcp(at, length)
                if length != REFUSED:
                    self._rtcp(path, at, at + length, now)
                    continue
            else:
                length = path.receive.unprotect(at, length)
                if length != REFUSED:
                    self._rtp(path, at, at + length, now)
                    continue
            self._count("drop_srtp", 1)
        block.count = 0
        self._out.flush()

    def _rtp(self, path: PeerPath, at: int, end: int, now: Seconds) -> None:
        buffer = self._ingress.buffer
        found = rtpwire.bounds(buffer, at, end)
        if found is None:
            self._count("drop_malformed", 1)
            return
        extension, start, stop = found
        ssrc = int.from_bytes(buffer[at + 8 : at + 12], "big")
        layer = path.layers.get(ssrc)
        if extension:
            self._extensions(path, layer, extension, start, now)
        if layer is None:
            layer = path.repairs.get(ssrc)
            if layer is not None:
                self._repair(path, layer, at, start, stop, now)
                return
            layer = learn(path, buffer, at, extension, start, now)
            if layer is None:
                self._count("drop_unknown_ssrc", 1)
                return
            self._aim_all(layer.source, now)
        self._count("received", 1)
        sequence = buffer[at + 2] << 8 | buffer[at + 3]
        timestamp = int.from_bytes(buffer[at + 4 : at + 8], "big")
        layer.count(timestamp, end - at, now)
        self._media(path, layer, sequence, timestamp, buffer[at + 1], start, stop, now)

    def _extensions(
        self, path: PeerPath, layer: Layer | None, extension: int, start: int, now: Seconds
    ) -> None:
        buffer = self._ingress.buffer
        level_id = layer.level_id if layer is not None else 0
        for identifier, at, length in rtpwire.extensions(buffer, extension, start):
            if identifier == path.stamp_in and length == 2:
                path.note_arrival(buffer[at] << 8 | buffer[at + 1], now)
            elif identifier == level_id and layer is not None:
                layer.levels.append(buffer[at] & 0x7F)

    def _repair(
        self, path: PeerPath, layer: Layer, at: int, start: int, stop: int, now: Seconds
    ) -> None:
        """Unwrap a retransmission (RFC 4588 §4); one without a payload is padding."""
        buffer = self._ingress.buffer
        if stop - start <= 2:
            return
        self._count("repaired", 1)
        layer.repaired += 1
        sequence = buffer[start] << 8 | buffer[start + 1]
        timestamp = int.from_bytes(buffer[at + 4 : at + 8], "big")
        marked = buffer[at + 1] & 0x80 | layer.payload_type
        self._media(path, layer, sequence, timestamp, marked, start + 2, stop, now)

    def _media(
        self, path: PeerPath, layer: Layer, sequence: int, timestamp: int, marked: int,
        start: int, stop: int, now: Seconds,
    ) -> None:  # fmt: skip
        if marked & 0x7F != layer.payload_type:
            self._count("drop_payload_type", 1)
            return
        extended = layer.place(sequence, now)
        if extended == TOO_OLD:
            self._count("drop_late", 1)
            return
        buffer = self._ingress.buffer
        if start == stop:
            for slot in layer.takers:
                slot.skip(extended)
            return
        descriptor = layer.read(buffer, start, stop)
        if descriptor is None:
            self._count("drop_malformed", 1)
            return
        payload = bytes(buffer[start:stop])
        kept = Kept(extended, timestamp, marked & 0x80, payload, descriptor)
        layer.keep(kept)
        if layer.waiting and descriptor.keyframe:
            self._switch(layer, kept, now)
        elif layer.takers:
            self._forward(layer, kept, layer.takers, now)
        else:
            self._count("drop_not_shown", 1)  # muted, held, alone, or another layer is shown

    def _switch(self, layer: Layer, kept: Kept, now: Seconds) -> None:
        """Let those who wait carry this layer, from this keyframe on."""
        self._forward(layer, kept, layer.takers, now)
        fresh = list(layer.waiting)
        for slot in fresh:
            out_timestamp = self._continued(slot, layer, kept.timestamp, now)
            slot.begin(layer, kept.extended, kept.timestamp, kept.descriptor, out_timestamp)
            self._count("switched", 1)
        for extended in range(
            kept.extended, layer.highest + 1
        ):  # a late one has followers already
            follower = layer.find(extended)
            if follower is not None:
                self._forward(layer, follower, fresh, now)

    def _continued(self, slot: Slot, layer: Layer, timestamp: int, now: Seconds) -> int:
        """What a slot's own clock shows when this layer's shows `timestamp`."""
        if not slot.packets:
            return slot.last_timestamp
        step = int((now - slot.last_at) * slot.clock_rate)
        before = slot.layer
        if before is not None and before.report and layer.report and before.source == layer.source:
            (old, _), (new, _) = before.report, layer.report
            captured = ((timestamp - new.rtp + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)
            between = (new.ntp - old.ntp) * slot.clock_rate >> 32
            exact = old.rtp + between + captured + slot.present.timestamp - slot.last_timestamp
            exact = ((exact + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)
            if abs(exact - step) < slot.clock_rate:
                step = exact
        return (slot.last_timestamp + max(1, step)) & 0xFFFFFFFF

    def _forward(self, layer: Layer, kept: Kept, slots: list[Slot], now: Seconds) -> None:
        extended, timestamp, marker, payload, descriptor = kept
        for slot in slots:
            segment = slot.segments[-1]
            if extended < segment.first:
                before = slot.carrying(layer, extended)
                if before is None:
                    continue
                segment = before
            number = extended + segment.sequence
            out_timestamp = (timestamp + segment.timestamp) & 0xFFFFFFFF
            if number >= slot.next:
                slot.sent(number, out_timestamp, len(payload), now)
                if descriptor.picture >= 0:
                    slot.last = segment.numbers(descriptor)
            slot.packets += 1
            slot.octets += len(payload)
            path = self._by_id[slot.peer]
            self._out.write(
                path, slot, marker | slot.payload_type, number & 0xFFFF, out_timestamp,
                slot.section.ssrc, b"", payload, now,
            )  # fmt: skip
            if segment.renumbers:
                self._out.renumber(path, segment, descriptor, len(payload))

    # -- control packets come ------------------------------------------------------------------

    def _rtcp(self, path: PeerPath, at: int, end: int, now: Seconds) -> None:
        for part in rtcpwire.read_rtcp(self._ingress.buffer, at, end):
            match part:
                case twcc.Feedback():
                    path.take_feedback(part)
                case rtcpwire.ReportBlock():
                    self._report_block(path, part, now)
                case rtcpwire.SenderReport():
                    self._sender_report(path, part, now)
                case rtcpwire.KeyframeAsked():
                    slot = path.slots_by_ssrc.get(part.ssrc)
                    if slot is not None and slot.layer is not None:
                        self._ask_keyframe(slot.layer, now)
                case rtcpwire.Nacked():
                    self._retransmit(path, part, now)

    def _sender_report(self, path: PeerPath, report: rtcpwire.SenderReport, now: Seconds) -> None:
        layer = path.layers.get(report.ssrc)
        if layer is None:
            return
        layer.report = (report, now)
        offset = now - report.ntp / NTP_EPOCH
        if path.clock_offset is None or abs(offset - path.clock_offset) > 1:
            path.clock_offset = offset
        path.clock_offset += (offset - path.clock_offset) / 8

    def _report_block(self, path: PeerPath, block: rtcpwire.ReportBlock, now: Seconds) -> None:
        slot = path.slots_by_ssrc.get(block.ssrc)
        if slot is None:
            return
        slot.fraction_lost = block.fraction_lost
        if block.last_report:
            elapsed = ((ntp(now) >> 16) - block.last_report - block.delay) & 0xFFFFFFFF
            if elapsed < 10 << 16:  # more is nonsense, or a report about somebody else's clock
                path.round_trip_s += (elapsed / 65536 - path.round_trip_s) / 4

    def _retransmit(self, path: PeerPath, nacked: rtcpwire.Nacked, now: Seconds) -> None:
        slot = path.slots_by_ssrc.get(nacked.ssrc)
        if slot is None or slot.section.rtx_ssrc is None:
            return  # the same number twice under one key would break AES-GCM: without RTX nothing is sent again
        for sequence in nacked.sequences:
            found = slot.asked(sequence)
            kept = found[0].layer.find(found[1]) if found else None
            if found is None or kept is None:
                continue
            if not path.repair.allow(now):
                self._count("drop_nack_rate", 1)
                return
            self._resend(path, slot, found[0], kept, sequence, now)

    def _resend(
        self, path: PeerPath, slot: Slot, segment: Segment, kept: Kept, sequence: int, now: Seconds
    ) -> None:
        """Send a packet of the ring again, as RTX."""
        rtx_type = slot.rtx_types.get(slot.payload_types[segment.layer.codec])
        if rtx_type is None or slot.section.rtx_ssrc is None:
            return
        slot.rtx_next += 1
        self._out.write(
            path, slot, kept.marker | rtx_type, slot.rtx_next & 0xFFFF,
            (kept.timestamp + segment.timestamp) & 0xFFFFFFFF, slot.section.rtx_ssrc,
            sequence.to_bytes(2, "big"), kept.payload, now,
        )  # fmt: skip
        if segment.renumbers:
            self._out.renumber(path, segment, kept.descriptor, len(kept.payload))
        self._count("retransmitted", 1)

    def _ask_keyframe(self, layer: Layer, now: Seconds) -> None:
        """Note that somebody needs a keyframe; ask the publisher if the floor allows."""
        if layer.source.kind != "microphone" and layer.keyframes.wish(now):
            self._send_keyframe_request(layer)

    def _send_keyframe_request(self, layer: Layer) -> None:
        path = self._by_id.get(layer.source.participant)
        if path is not None:
            self._count("keyframe_requests", 1)
            self._out.control(path, rtcpwire.write_pli(OWN_SSRC, layer.ssrc))

    # -- time ----------------------------------------------------------------------------------

    def tick(self, now: Seconds) -> None:
        """Do what is due by time: requests, feedback, reports. To be called every 10 ms or so."""
        for path in self._peers.values():
            for layer in path.layers.values():
                if layer.missing:
                    self._ask_missing(path, layer, now)
                if layer.keyframes.is_wanted and layer.keyframes.due(now, layer.heard_at):
                    self._send_keyframe_request(layer)
        if now - self._fed_back_at >= FEEDBACK_EVERY_S:
            self._fed_back_at = now
            for path in self._peers.values():
                for part in path.write_feedback(OWN_SSRC) if path.arrived else ():
                    self._out.control(path, part)
        if now - self._looked_at >= LOOK_EVERY_S:
            self._looked_at = now
            self._look(now)
        if now - self._reported_at >= REPORT_EVERY_S:
            self._reported_at = now
            self._report(now)
        self._out.flush()

    def _look(self, now: Seconds) -> None:
        """Aim anew where a layer may have fallen silent or come back."""
        for path in self._peers.values():
            for slot in path.slots.values():
                if slot.source is not None and slot.section.kind == "video":
                    self._aim(slot, now)

    def _ask_missing(self, path: PeerPath, layer: Layer, now: Seconds) -> None:
        asked = layer.to_ask(now, path.round_trip_s)
        if asked:
            self._count("asked_again", len(asked))
            self._out.control(path, rtcpwire.write_nack(OWN_SSRC, layer.ssrc, asked))

    def _report(self, now: Seconds) -> None:
        for path in self._peers.values():
            packet = write_reports(path, self._by_id, now)
            if packet:
                self._out.control(path, packet)


def _stamp_id(extensions: dict[str, int]) -> int:
    identifier = extensions.get(TRANSPORT_SEQUENCE, 0)
    return identifier if identifier <= _HIGHEST_STAMP_ID else 0

"""The packet path in Python: the reference that a native core is compared with.

Read from top to bottom it follows one packet: from the block that the socket filled, through SRTP, its
layer's ring and its slots, into the arena, and out in runs. It decides nothing about people: the forwarding
plan says who appears where, steering says in which layer. It never decodes.

Source: RFC 3550 (RTP, RTCP), RFC 4588 (RTX), RFC 8852 (MID, RID and repaired RID in header extensions).
"""

import secrets
from collections.abc import Callable
from typing import Any

from teleward_contract.units import ParticipantId, Seconds

from teleward_media.core.answer import TRANSPORT_SEQUENCE, Negotiated
from teleward_media.core.datagrams import STRIDE, Datagrams
from teleward_media.core.forwarding import ForwardingPlan, Heard, Observed, Orders, Quality
from teleward_media.core.limiter import TokenBucket
from teleward_media.packetpath import payloads, rtcpwire, rtpwire, twcc
from teleward_media.packetpath.casting import Casting
from teleward_media.packetpath.layer import RING, TOO_OLD, Kept, Layer
from teleward_media.packetpath.learning import learn
from teleward_media.packetpath.observing import look_at, take_heard, take_quality
from teleward_media.packetpath.outbox import Outbox
from teleward_media.packetpath.peer_path import MAX_SSRCS, WISH_BURST, WISH_RATE, PeerPath
from teleward_media.packetpath.repair import Repairs, make_budget, set_budget
from teleward_media.packetpath.reports import NTP_EPOCH, OWN_SSRC, ntp, write_cap, write_reports
from teleward_media.packetpath.slot import Slot
from teleward_media.packetpath.srtp import REFUSED, SrtpContext
from teleward_media.ports import Egress

STAMP_ALONE_BYTES = 8
"""Of a block of header extensions that holds a transport-wide sequence number and nothing else."""
VOICE_CLOCK = 48_000
"""Units a second of Opus' timestamps (RFC 7587 §4.1)."""
LOOK_EVERY_S = Seconds(0.25)
"""Between two looks at which layers have fallen silent or come back. Ours: half of `casting.ALIVE_S`, so that
a layer is left 0.75 s after its last frame at the latest."""
REFILL_EVERY_S = Seconds(0.1)
"""Between two times at which peers may send anew; the bursts they may send at once last longer. Ours."""
REPORT_EVERY_S = Seconds(1.0)
"""Between two reports to one peer (RFC 3550 §6.2 allows less than its five seconds where bandwidth does)."""
FEEDBACK_EVERY_S = Seconds(0.05)
"""Between two transport-wide feedbacks: libwebrtc's least interval (kMinInterval)."""
LONGEST_ROUND_TRIP_S = 2
"""What is longer is nonsense, or a report about somebody else's clock. Ours."""
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
        self._repairs = Repairs(self._out, count, self._begin_anew)
        self._casting = Casting(self._ask_keyframe)
        self._peers = self._casting.peers
        self._received = 0
        """Packets of this wake-up, to be counted together."""
        self._brought = Observed().octets
        """By layer: bytes that it brought, over all peers that sent it."""
        self._told: set[int] = set()
        """Numbers of the peers whose feedback has come."""
        self._reported_at = self._fed_back_at = self._looked_at = self._refilled_at = Seconds(
            float("-inf")
        )

    # -- who is there --------------------------------------------------------------------------

    def add_peer(
        self, participant: ParticipantId, number: int, receive: Any, transmit: Any,
        negotiated: Negotiated, now: Seconds,
    ) -> None:  # fmt: skip
        """Take in a peer whose DTLS handshake is done, beside what the participant has."""
        path = PeerPath(
            participant, number, self._keys(receive, self._ingress),
            self._keys(transmit, self._out.arena), negotiated, make_budget(now),
            TokenBucket.full(WISH_RATE, WISH_BURST, now),
            next(filter(None, (_stamp_id(s.extensions) for s in negotiated.sources)), 0),
        )  # fmt: skip
        path.tally.at = path.refilled_at = path.paced_at = now
        for section in negotiated.slots:
            path.slots[section.mid] = path.slots_by_ssrc[section.ssrc] = Slot(
                number, section, _stamp_id(section.extensions),
                self._random(0x8000), self._random(1 << 31),
            )  # fmt: skip
        self._casting.add(path, now)
        self._out.flush()  # who is shown to it is asked for a keyframe

    def remove_peer(self, number: int) -> None:
        """Forget a peer, its keys and its rings."""
        self._casting.remove(number)

    def set_plan(self, plan: ForwardingPlan, now: Seconds) -> None:
        """Replace the forwarding plan."""
        self._casting.set_plan(plan, now)
        self._out.flush()

    def steer(self, orders: Orders, now: Seconds) -> None:
        """Carry out what steering decided."""
        self._casting.steer(orders.layers, now)
        for participant, bps in orders.estimates.items():
            for path in self._casting.of(participant):
                set_budget(path, bps, now)
        for participant, cap in orders.caps.items():
            for path in self._casting.of(participant):
                path.cap_bps = int(cap)
                packet = write_cap(path)
                if packet:
                    self._out.control(path, packet)
        for participant, probe in orders.probes.items():
            for path in self._casting.of(participant)[-1:]:
                self._repairs.probe(path, probe)
        self._out.flush()

    def hear(self) -> Heard:
        """Hand over what receivers told since the last call of the packets sent to them."""
        told, self._told = self._told, set()
        paths = (self._peers.get(number) for number in sorted(told))
        return {  # of two peers of a participant the newer one counts
            path.id: take_heard(path) for path in paths if path is not None and path.feedback.sizes
        }

    def look(self) -> Observed:
        """Hand over what was seen since the last call."""
        seen = Observed()
        for path in self._peers.values():
            look_at(path, seen, self._brought)
        self._brought = {key: self._brought[key] for key in seen.octets}
        return seen

    def qualities(self, now: Seconds) -> dict[ParticipantId, Quality]:
        """Tell how each peer's path did since the last call."""
        return {path.id: take_quality(path, now) for path in self._peers.values()}

    # -- a packet comes ------------------------------------------------------------------------

    def receive(self, now: Seconds) -> None:
        """Take in the SRTP and SRTCP datagrams of proven peers that the ingress block holds."""
        try:
            self._take_in(now)
        finally:
            if self._received:
                self._count("received", self._received)
                self._received = 0
            self._ingress.count = 0  # a fault of ours costs this block, not every later one
        self._out.flush()

    def _take_in(self, now: Seconds) -> None:
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
                path.may_control -= 1
                if path.may_control < 0:
                    self._count("drop_control_rate", 1)
                    continue
                ssrc = int.from_bytes(buffer[at + 4 : at + 8], "big")
                if ssrc in path.ssrcs or len(path.ssrcs) < MAX_SSRCS:
                    length = path.receive.unprotect_rtcp(at, length)
                    if length != REFUSED:
                        path.is_alive = True
                        path.ssrcs.add(ssrc)
                        self._rtcp(path, at, at + length, now)
                        continue
            else:
                path.may_send -= 1
                if path.may_send < 0:
                    self._count("drop_media_rate", 1)
                    continue
                header = rtpwire.read_header(buffer, at)
                ssrc = header[4]
                if ssrc in path.ssrcs or len(path.ssrcs) < MAX_SSRCS:
                    length = path.receive.unprotect(at, length)
                    if length != REFUSED:
                        path.is_alive = True
                        path.ssrcs.add(ssrc)
                        self._rtp(path, header, at, at + length, now)
                        continue
            path.forged += 1
            self._count("drop_srtp", 1)

    def _rtp(
        self, path: PeerPath, header: rtpwire.Header, at: int, end: int, now: Seconds
    ) -> None:
        buffer = self._ingress.buffer
        _, marked, sequence, timestamp, ssrc = header
        found = rtpwire.bounds(buffer, at, end)
        if found is None:
            self._count("drop_malformed", 1)
            return
        extension, start, stop = found
        layer = path.layers.get(ssrc)
        if extension:
            self._extensions(path, layer, extension, start, now)
        if layer is None:
            layer = path.repairs.get(ssrc)
            if layer is not None:
                self._unwrap(layer, timestamp, marked, start, stop, now)
                return
            layer = learn(path, buffer, at, extension, start, now)
            if layer is None:
                self._count("drop_unknown_ssrc", 1)
                return
            self._casting.aim_all(layer.source, now)
        if self._is_flood(layer, stop - start):
            return
        self._received += 1
        layer.count(timestamp, end - at, now)
        self._media(layer, sequence, timestamp, marked, start, stop, now)

    def _is_flood(self, layer: Layer, size: int) -> bool:
        """Whether so many bytes are more than one stream may bring."""
        layer.may_bring -= size
        if layer.may_bring < 0:
            self._count("drop_stream_rate", 1)
        return layer.may_bring < 0

    def _extensions(
        self, path: PeerPath, layer: Layer | None, extension: int, start: int, now: Seconds
    ) -> None:
        buffer = self._ingress.buffer
        stamp_id, level_id = path.stamp_in, layer.level_id if layer is not None else 0
        if start - extension == STAMP_ALONE_BYTES and (
            buffer[extension] == 0xBE and buffer[extension + 4] == stamp_id << 4 | 1 and stamp_id
        ):  # nearly every packet of a picture
            at = extension + 5
            path.note_arrival(buffer[at] << 8 | buffer[at + 1], now)
            return
        for identifier, at, length in rtpwire.extensions(buffer, extension, start):
            if identifier == stamp_id and length == 2:
                path.note_arrival(buffer[at] << 8 | buffer[at + 1], now)
                stamp_id = 0  # a packet says each thing once, however often it says it
            elif identifier == level_id and layer is not None and length:
                layer.note_level(buffer[at] & 0x7F)
                level_id = 0

    def _unwrap(
        self, layer: Layer, timestamp: int, marked: int, start: int, stop: int, now: Seconds
    ) -> None:
        """Unwrap a retransmission (RFC 4588 §4); one without a payload is padding."""
        buffer = self._ingress.buffer
        if stop - start <= 2 or self._is_flood(layer, stop - start):
            return
        self._count("repaired", 1)
        layer.repaired += 1
        sequence = buffer[start] << 8 | buffer[start + 1]
        marked = marked & 0x80 | layer.payload_type
        self._media(layer, sequence, timestamp, marked, start + 2, stop, now)

    def _media(
        self, layer: Layer, sequence: int, timestamp: int, marked: int,
        start: int, stop: int, now: Seconds,
    ) -> None:  # fmt: skip
        buffer, whole = self._ingress.buffer, start
        if marked & 0x7F != layer.payload_type:
            start = self._primary(layer, marked & 0x7F, start, stop)
            if start < 0:
                return
        extended = layer.place(sequence, now)
        if extended == TOO_OLD:
            self._count("drop_late", 1)
            return
        if start == stop:
            for slot in layer.takers:
                slot.skip(extended)
            return
        descriptor = layer.read(buffer, start, stop)
        if descriptor is None:
            self._count("drop_malformed", 1)
            return
        payload = self._ingress.view[start:stop].tobytes()
        kept = payloads.made(Kept, (extended, timestamp, marked & 0x80, payload, descriptor))
        layer.keep(kept)
        if marked & 0x80 or layer.clock_rate == VOICE_CLOCK:
            layer.framed_at = now
        self._pass_on(layer, kept, bytes(buffer[whole:stop]) if whole < start else None, now)

    def _pass_on(self, layer: Layer, kept: Kept, red: bytes | None, now: Seconds) -> None:
        """Forward to those who carry the layer, with its redundancy if there is any; then let others begin."""
        if red is not None:
            self._forward_red(layer, kept, red, now)
        else:
            self._forward(layer, kept, layer.takers, now)
        if layer.waiting and kept.descriptor.keyframe:
            self._switch(layer, kept, now)
        elif not layer.takers:
            self._count("drop_not_shown", 1)  # muted, held, alone, or another layer is shown

    def _primary(self, layer: Layer, payload_type: int, start: int, stop: int) -> int:
        """Find where the newest audio of a redundant payload begins; -1 for what is no such payload."""
        if payload_type != layer.red_type:
            self._count("drop_payload_type", 1)
            return -1
        if start == stop:
            return start
        begun = payloads.find_primary(self._ingress.buffer, start, stop, layer.payload_type)
        if begun is None:
            self._count("drop_malformed", 1)
            return -1
        return begun

    def _forward_red(self, layer: Layer, kept: Kept, payload: bytes, now: Seconds) -> None:
        """Forward a voice with its redundancy to those who lose packets, and without to the others."""
        for slot in layer.takers:
            red_type = slot.red_type(layer, now)
            if red_type >= 0:
                plain, slot.payload_type = slot.payload_type, red_type
                self._forward(layer, kept._replace(payload=payload), [slot], now)
                slot.payload_type = plain
            else:
                self._forward(layer, kept, [slot], now)

    def _switch(self, layer: Layer, kept: Kept, now: Seconds) -> None:
        """Let those who wait carry this layer, from this keyframe on."""
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
            if extended + segment.sequence - slot.next > RING:
                segment = slot.leap(extended)
            number = extended + segment.sequence
            out_timestamp = (timestamp + segment.timestamp) & 0xFFFFFFFF
            if number >= slot.next:
                slot.next, slot.last_timestamp, slot.last_at = number + 1, out_timestamp, now
                if descriptor.keyframe:
                    slot.keyframe_at = number
                if descriptor.picture >= 0:
                    slot.newest = segment, descriptor
            slot.packets += 1
            slot.octets += len(payload)
            path = self._peers[slot.peer]
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
                    path.take_feedback(part, now)
                    self._told.add(path.number)
                case rtcpwire.ReportBlock():
                    self._report_block(path, part, now)
                case rtcpwire.SenderReport():
                    self._sender_report(path, part, now)
                case rtcpwire.KeyframeAsked():
                    slot = path.slots_by_ssrc.get(part.ssrc)
                    if slot is not None and slot.layer is not None:
                        self._asked_keyframe(path, slot.layer, now)
                case rtcpwire.Nacked():
                    self._repairs.asked(path, part, now)
                case rtcpwire.Remb():
                    path.remb_bps = part.bitrate_bps

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
        slot.note_report(block.fraction_lost, block.jitter, now)
        if block.last_report:
            elapsed = ((ntp(now) >> 16) - block.last_report - block.delay) & 0xFFFFFFFF
            if elapsed < LONGEST_ROUND_TRIP_S << 16:
                path.round_trip_s += (elapsed / 65536 - path.round_trip_s) / 4
                path.has_round_trip = True

    def _asked_keyframe(self, path: PeerPath, layer: Layer, now: Seconds) -> None:
        """Pass on what a receiver asks for, unless it asks for ever: a keyframe costs everybody."""
        leads_to_one = layer.keyframes.may_ask(now) or not layer.keyframes.is_wanted
        if leads_to_one and not path.wishes.allow(now):
            self._count("drop_keyframe_rate", 1)
            return
        self._ask_keyframe(layer, now)

    def _begin_anew(self, path: PeerPath, slot: Slot, now: Seconds) -> None:
        """Give up mending what a receiver lacks; it counts as its wish, as storms would ask for ever."""
        if slot.layer is not None:
            self._asked_keyframe(path, slot.layer, now)

    def _ask_keyframe(self, layer: Layer, now: Seconds) -> None:
        """Note that somebody needs a keyframe; ask the publisher if the floor allows."""
        if layer.source.kind != "microphone" and layer.keyframes.wish(now):
            self._send_keyframe_request(layer)

    def _send_keyframe_request(self, layer: Layer) -> None:
        path = self._peers.get(layer.peer)
        if path is not None:
            self._count("keyframe_requests", 1)
            self._out.control(path, rtcpwire.write_pli(OWN_SSRC, layer.ssrc))

    # -- time ----------------------------------------------------------------------------------

    def tick(self, now: Seconds) -> None:
        """Do what is due by time: requests, feedback, reports. To be called every 10 ms or so."""
        for path in self._peers.values():
            if path.queue or path.probe is not None:
                self._repairs.tick(path, now)
            self._ask_again(path, now)
        if now - self._refilled_at >= REFILL_EVERY_S:
            self._refilled_at = now
            for path in self._peers.values():
                path.refill(now)
        if now - self._fed_back_at >= FEEDBACK_EVERY_S:
            self._fed_back_at = now
            for path in self._peers.values():
                for part in path.write_feedback(OWN_SSRC) if path.arrived else ():
                    self._out.control(path, part)
        if now - self._looked_at >= LOOK_EVERY_S:
            self._looked_at = now
            self._casting.aim_pictures(now)
        if now - self._reported_at >= REPORT_EVERY_S:
            self._reported_at = now
            self._report(now)
        self._out.flush()

    def _ask_again(self, path: PeerPath, now: Seconds) -> None:
        for layer in path.layers.values():
            asked = layer.to_ask(now, path.round_trip_s) if layer.missing else None
            if asked:
                self._count("asked_again", len(asked))
                self._out.control(path, rtcpwire.write_nack(OWN_SSRC, layer.ssrc, asked))
            if layer.keyframes.is_wanted and layer.keyframes.due(now, layer.heard_at):
                self._send_keyframe_request(layer)

    def _report(self, now: Seconds) -> None:
        for path in self._peers.values():
            for packet in write_reports(path, self._peers, now):
                self._out.control(path, packet)


def _stamp_id(extensions: dict[str, int]) -> int:
    identifier = extensions.get(TRANSPORT_SEQUENCE, 0)
    return identifier if identifier <= _HIGHEST_STAMP_ID else 0

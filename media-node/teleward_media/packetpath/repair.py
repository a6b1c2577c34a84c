"""Sending again: what a receiver asks for, and probes, both as RTX, both within what its path can take.

A burst of repairs would kill the path that it should mend, so that repairs have a budget of bytes that follows the
estimate, and what exceeds it waits for the next tick. A probe is a repair that nobody asked for: recent packets
again, so that its bytes are of use, or padding where there are none.

Source: RFC 4588 (RTX); libwebrtc sends probes as RTX of recent packets, too (rtp_packet_history.h).
"""

from collections.abc import Callable

from teleward_contract.units import Seconds

from teleward_media.core.estimate import PROBE_S, Probe
from teleward_media.core.limiter import TokenBucket
from teleward_media.packetpath import rtcpwire
from teleward_media.packetpath.layer import Kept
from teleward_media.packetpath.outbox import Outbox
from teleward_media.packetpath.peer_path import PeerPath
from teleward_media.packetpath.slot import Segment, Slot

LEAST_REPAIR_BPS = 60_000
"""What repairs may always use: a path whose estimate fell to nothing still mends its lowest layer. Ours."""
REPAIR_SHARE = 0.3
"""Of the estimate, that repairs may use at the most: at 20 % loss, a quarter of what is sent is sent again. Ours."""
PACE_SMOOTHING = 0.2
"""Weight of the last tenth of a second in the rate of new packets: a frame is a third of that, a keyframe all of it."""
REPAIR_BURST_S = 0.3
"""Of that rate at once: what a keyframe lost whole needs. Ours."""
MAX_QUEUE = 64
"""Repairs that wait for their turn. Where more are missing, the budget would take seconds: a keyframe is cheaper."""
COOLDOWN_S = Seconds(0.02)
"""One packet is not sent again to one receiver sooner, nor before a round trip with the queue that stands on the path
has passed: the answer may be on its way (libwebrtc's rtp_packet_history.h waits for a round trip, too)."""
LOOK_BYTES = 40
"""What a number costs for which there is nothing: looking for it is work, too, and asking for it is free. Ours."""
PADDING_BYTES = 220
"""Of a packet that is nothing but padding: one byte tells the length, and evening out may add up to 32."""
PROBE_PACKETS = 64
"""Packets of one probe at the most, in one tick. Ours."""


def make_budget(now: Seconds) -> TokenBucket:
    """The budget of a new peer, in bytes."""
    rate = LEAST_REPAIR_BPS / 8
    return TokenBucket.full(rate, rate * REPAIR_BURST_S, now)


def set_budget(path: PeerPath, estimate_bps: float, now: Seconds) -> None:
    """Let the budget follow the receiver's estimate, of which new packets have their part first."""
    octets = sum(slot.octets for slot in path.slots.values())
    span = now - path.paced_at
    if span > 0:
        path.media_bps += (
            (octets - path.paced_octets) * 8 / span - path.media_bps
        ) * PACE_SMOOTHING
        path.paced_at, path.paced_octets = now, octets
    left = min(REPAIR_SHARE * estimate_bps, estimate_bps - path.media_bps)
    rate = max(LEAST_REPAIR_BPS, left) / 8
    path.repair.resize(rate, rate * REPAIR_BURST_S, now)


class Repairs:
    """Answers NACKs and sends probes, for all peers."""

    def __init__(
        self, out: Outbox, count: Callable[[str, int], None],
        begin_anew: Callable[[PeerPath, Slot, Seconds], None],
    ) -> None:  # fmt: skip
        self._out, self._count, self._begin_anew = out, count, begin_anew

    def asked(self, path: PeerPath, nacked: rtcpwire.Nacked, now: Seconds) -> None:
        """Take in a NACK. Without RTX nothing is sent again: one nonce twice under one key would break AES-GCM."""
        slot = path.slots_by_ssrc.get(nacked.ssrc)
        if slot is None or slot.section.rtx_ssrc is None or slot.is_falling:
            return
        path.queue.extend((slot, n) for n in nacked.sequences if not slot.is_superseded(n))
        self.drain(path, now)
        if len(path.queue) > MAX_QUEUE:
            self._count("drop_nack_rate", len(path.queue))
            path.queue.clear()
            self._begin_anew(path, slot, now)

    def drain(self, path: PeerPath, now: Seconds) -> None:
        """Send what waits, as far as the budget reaches."""
        while path.queue:
            slot, sequence = path.queue[0]
            if not slot.is_superseded(sequence) and _is_due(path, slot, sequence, now):
                found = slot.asked(sequence)
                kept = found[0].layer.find(found[1]) if found else None
                if not path.repair.allow(now, len(kept.payload) if kept else LOOK_BYTES):
                    return
                if found is not None and kept is not None:
                    self._resend(path, slot, found[0], kept, sequence, now)
                    slot.resent[sequence] = now
            path.queue.popleft()

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

    # -- probes --------------------------------------------------------------------------------

    def probe(self, path: PeerPath, probe: Probe) -> None:
        """Begin a probe; `tick` sends it."""
        path.probe, path.probed_bytes = probe, 0
        self._count("probes", 1)

    def tick(self, path: PeerPath, now: Seconds) -> None:
        """Send what is due of repairs and of the probe."""
        if path.queue:
            self.drain(path, now)
        probe = path.probe
        if probe is None:
            return
        if now - probe.begun > PROBE_S:
            path.probe = None
            return
        due = int(probe.bps / 8 * (now - probe.begun + PROBE_S / 5)) - path.probed_bytes
        slot = next((s for s in path.slots.values() if _can_probe(s)), None)
        for _ in range(PROBE_PACKETS):
            if slot is None or due <= 0:
                return
            size = self._pad(path, slot, now)
            path.probed_bytes += size
            due -= size

    def _pad(self, path: PeerPath, slot: Slot, now: Seconds) -> int:
        """Send something that nobody asked for; its bytes."""
        number = slot.next - 1 - path.probed_bytes // 1000 % 32
        found = slot.asked(number & 0xFFFF)
        kept = found[0].layer.find(found[1]) if found else None
        if found is not None and kept is not None and slot.rtx_types:
            self._resend(path, slot, found[0], kept, number & 0xFFFF, now)
            return len(kept.payload)
        slot.rtx_next += 1
        rtx_type = next(iter(slot.rtx_types.values()))
        self._out.write_padding(
            path, slot, rtx_type, slot.rtx_next & 0xFFFF, slot.last_timestamp, PADDING_BYTES, now
        )
        return PADDING_BYTES


def _can_probe(slot: Slot) -> bool:
    return slot.layer is not None and bool(slot.rtx_types) and slot.section.rtx_ssrc is not None


def _is_due(path: PeerPath, slot: Slot, sequence: int, now: Seconds) -> bool:
    """Whether it was not sent again just now."""
    cooldown = max(COOLDOWN_S, path.response_s)
    if len(slot.resent) >= MAX_QUEUE:
        slot.resent = {s: at for s, at in slot.resent.items() if now - at < cooldown}
    return now - slot.resent.get(sequence, float("-inf")) >= cooldown

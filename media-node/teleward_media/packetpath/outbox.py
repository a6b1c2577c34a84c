"""Packets on their way out: written into an arena, evened out, protected in place, sent in runs."""

from collections.abc import Callable

from teleward_contract.units import Seconds

from teleward_media.core.datagrams import STRIDE, Datagrams
from teleward_media.packetpath import rtpwire
from teleward_media.packetpath.egress import runs
from teleward_media.packetpath.payloads import Descriptor, renumber_vp8
from teleward_media.packetpath.peer_path import PeerPath
from teleward_media.packetpath.slot import Segment, Slot
from teleward_media.packetpath.srtp import REFUSED
from teleward_media.ports import Egress

ARENA = 512
"""Packets written in one wake-up before they must leave: 1 MB."""


class Outbox:
    """What one wake-up sends. `flush` ends it."""

    def __init__(self, egress: Egress, count: Callable[[str, int], None]) -> None:
        self._egress, self._count = egress, count
        self.arena = Datagrams(ARENA)
        self._dirty: list[PeerPath] = []

    def write(
        self, path: PeerPath, slot: Slot, marked: int, sequence: int, timestamp: int, ssrc: int,
        head: bytes, payload: bytes, now: Seconds,
    ) -> None:  # fmt: skip
        """Write a packet into the arena; it leaves with the flush."""
        arena = self.arena
        if arena.count == arena.capacity:
            self.flush()
        index = arena.count
        arena.count = index + 1
        at = index * STRIDE
        if slot.stamp_id:
            stamp = path.stamp_next
            path.stamp_next = stamp + 1
            start = rtpwire.write_stamped(
                arena.buffer, at, marked, sequence, timestamp, ssrc, slot.stamp_id, stamp & 0xFFFF
            )
            size = start - at + len(payload)
            path.note_sent(stamp, now, size)
        else:
            start = rtpwire.write_header(arena.buffer, at, 0x80, marked, sequence, timestamp, ssrc)
        if head:
            arena.view[start : start + len(head)] = head
            start += len(head)
        end = start + len(payload)
        arena.view[start:end] = payload
        arena.lengths[index] = end - at
        if not path.pending:
            self._dirty.append(path)
        path.pending.append(index)

    def renumber(
        self, path: PeerPath, segment: Segment, descriptor: Descriptor, size: int
    ) -> None:
        """Put the slot's own VP8 numbers into the packet that was written last."""
        index = path.pending[-1]
        at = index * STRIDE + self.arena.lengths[index] - size
        renumber_vp8(self.arena.buffer, at, descriptor, *segment.numbers(descriptor))

    def write_padding(
        self, path: PeerPath, slot: Slot, rtx_type: int, sequence: int, timestamp: int,
        size: int, now: Seconds,
    ) -> None:  # fmt: skip
        """Write a packet that is nothing but `size` bytes of RTP padding, on the slot's RTX stream."""
        rtx_ssrc = slot.section.rtx_ssrc
        assert rtx_ssrc is not None
        self.write(path, slot, rtx_type, sequence, timestamp, rtx_ssrc, b"", bytes(size), now)
        index = path.pending[-1]
        at = index * STRIDE
        self.arena.buffer[at] |= 0x20
        self.arena.buffer[at + self.arena.lengths[index] - 1] = size

    def flush(self) -> None:
        """Send everything in the arena: per receiver, in runs of equal size."""
        forwarded, lengths = 0, self.arena.lengths
        for path in self._dirty:
            pending, path.pending = path.pending, []
            sizes = [lengths[index] for index in pending]
            for first, end, size in runs(sizes):
                forwarded += self._send(path, pending[first:end], size)
        self._dirty.clear()
        if forwarded:
            self._count("forwarded", forwarded)
        if self.arena.count:
            self._egress.flush()
            self.arena.count = 0

    def _send(self, path: PeerPath, indexes: list[int], size: int) -> int:
        """Even out, protect and hand over; how many."""
        buffer, lengths, protect = self.arena.buffer, self.arena.lengths, path.transmit.protect
        last, protected = indexes[-1], []
        for index in indexes:
            at, length = index * STRIDE, lengths[index]
            if length < size and index != last:
                rtpwire.pad(buffer, at, at + length, size)
                self._count("padding_bytes", size - length)
                length = size
            lengths[index] = length = protect(at, length)
            if length == REFUSED:
                self._count("drop_protect", 1)
            else:
                protected.append(index)
        if protected:
            self._egress.send(path.number, self.arena, protected)
        return len(protected)

    def control(self, path: PeerPath, packet: bytes) -> None:
        """Write RTCP; it leaves with the flush, before the media of the same wake-up."""
        arena = self.arena
        if arena.count == arena.capacity:
            self.flush()
        index = arena.count
        at = index * STRIDE
        arena.view[at : at + len(packet)] = packet
        length = path.transmit.protect_rtcp(at, len(packet))
        if length == REFUSED:
            self._count("drop_protect", 1)
            return
        arena.lengths[index] = length
        arena.count = index + 1
        self._egress.send(path.number, arena, (index,))

"""Targets over single parsers: any bytes become a value or one typed error, and what is written is read back.

A target takes bytes and returns nothing; an `AssertionError`, or any other exception, is a finding.
"""

import struct
from collections.abc import Callable

from aiortc.rtp import RtpPacket
from teleward_contract import signalling
from teleward_contract.errors import FrameRefusedError
from teleward_media.core.answer import LocalTransport, negotiate, write_answer
from teleward_media.core.offer import parse_offer
from teleward_media.errors import OfferRefusedError
from teleward_media.packetpath import rtcpwire, rtpwire, twcc
from teleward_media.packetpath.payloads import (
    READERS,
    Descriptor,
    find_primary,
    read_vp8,
    renumber_vp8,
)

BEFORE, BEHIND = b"\x90\xbe\xde" * 3, b"\x00\x5f\xbe\xde" * 10
"""Bytes around a packet in its block: a reader that leaves its bounds finds something tempting there."""
ANSWER_FACTOR, ANSWER_SECTION_BYTES = 2, 2000
"""An answer is at most twice its offer, and so much for each section: transport, feedback, SSRC lines."""


def rtp(data: bytes) -> None:
    """RTP header, header extensions and payload descriptors stay inside; aiortc sees the same payload."""
    block, at, end = BEFORE + data + BEHIND, len(BEFORE), len(BEFORE) + len(data)
    found = rtpwire.bounds(block, at, end)
    _like_aiortc(data, None if found is None else block[found[1] : found[2]])
    if found is None:
        return
    extension, start, stop = found
    assert at + rtpwire.HEADER_BYTES <= start <= stop <= end
    if extension:
        assert at + rtpwire.HEADER_BYTES <= extension <= start - 4
        for number, where, length in rtpwire.extensions(block, extension, start):
            assert 0 < number < 256
            assert extension + 4 < where <= where + length <= start
    for read in READERS.values():
        descriptor = read(block, start, stop)
        assert descriptor == read(block[:stop], start, stop), "what is behind a packet matters"
        assert descriptor is None or start < stop
    primary = find_primary(block, start, stop, block[start] & 0x7F) if start < stop else None
    assert primary is None or start < primary < stop
    _renumber(block[start:stop])


def _like_aiortc(data: bytes, payload: bytes | None) -> None:
    """Whatever aiortc reads we read alike; it also takes packets of other versions, and refuses other extensions."""
    try:
        theirs = RtpPacket.parse(data)
    except (ValueError, IndexError, struct.error):
        return
    assert payload == theirs.payload


def _renumber(payload: bytes) -> None:
    before = read_vp8(payload, 0, len(payload))
    if before is None:
        return
    out = bytearray(BEFORE + payload + BEHIND)
    renumber_vp8(out, len(BEFORE), before, 0x1234, 0x56, 0x19)
    end = len(BEFORE) + len(payload)
    assert bytes(out[: len(BEFORE)] + out[end:]) == BEFORE + BEHIND
    after = read_vp8(out, len(BEFORE), end)
    assert after == Descriptor(
        before.starts_frame, before.keyframe, before.temporal, before.is_switch,
        -1 if before.picture < 0 else 0x1234 if before.is_long else 0x34, before.picture_at,
        before.is_long, -1 if before.tl0 < 0 else 0x56, before.tl0_at,
        -1 if before.key < 0 else 0x19, before.key_at,
    )  # fmt: skip


def rtcp(data: bytes) -> None:
    """A compound packet yields a bounded number of parts, whose numbers have their ranges."""
    block, at = BEFORE + data + BEHIND, len(BEFORE)
    parts = list(rtcpwire.read_rtcp(block, at, at + len(data)))
    assert parts == list(rtcpwire.read_rtcp(data, 0, len(data))), "what is around a packet matters"
    assert len(parts) <= rtcpwire.MAX_PARTS * rtcpwire.MAX_BLOCKS
    items = 0
    for part in parts:
        match part:
            case rtcpwire.ReportBlock():
                again = rtcpwire.write_rr(1, [part])
                assert list(rtcpwire.read_rtcp(again, 0, len(again))) == [part]
            case rtcpwire.Nacked():
                items += len(part.sequences)
                assert all(0 <= n < 0x10000 for n in part.sequences)
            case twcc.Feedback():
                items += len(part.arrivals)
                assert 0 <= part.base < 0x10000
            case rtcpwire.Remb():
                assert part.bitrate_bps >= 0
    assert items <= rtcpwire.MAX_ITEMS


def feedback(data: bytes) -> None:
    """Arrivals at any times, in any order, are written into datagrams that are read as they were meant."""
    now = 1 << 20
    ticks: list[int | None] = [now]
    for (step,) in struct.iter_unpack("!h", data[: len(data) & ~1]):
        now = max(0, now + step * (abs(step) if step & 2 else 1))
        ticks.append(None if step & 1 else now)
    told = 0
    while told < len(ticks):
        first = next((tick for tick in ticks[told : told + 100] if tick is not None), None)
        if first is None:  # one that arrived is always told
            told += 1
            continue
        packet, count = twcc.write(1, 2, told, told, ticks[told:])
        assert count > 0
        assert len(packet) <= 1420
        (read,) = rtcpwire.read_rtcp(packet, 0, len(packet))
        assert isinstance(read, twcc.Feedback)
        moved = first - next(tick for tick in read.arrivals if tick is not None)
        meant = ticks[told : told + count]
        assert [None if t is None else t + moved for t in read.arrivals] == meant
        told += count


def sdp(data: bytes) -> None:
    """An offer is refused with one error, or answered section by section in lines of its own and within a bound."""
    text = data.decode("utf-8", "replace")
    try:
        offer = parse_offer(text)
    except OfferRefusedError as err:
        _says_little(err)
        return
    ssrcs = iter(range(1000, 2000))
    negotiated = negotiate(offer, lambda: next(ssrcs))
    local = LocalTransport("ufrag", "password", "AB:CD", "192.0.2.1", 50000)
    answer = write_answer(offer, negotiated, local)
    assert len(answer) <= ANSWER_FACTOR * len(text) + ANSWER_SECTION_BYTES * len(offer.sections)
    lines = answer.split("\r\n")
    assert lines.pop() == ""
    assert lines == answer.splitlines(), "something of the offer breaks the answer's lines"
    assert all(line[:2] in ("v=", "o=", "s=", "t=", "m=", "c=", "a=") for line in lines)
    assert sum(line.startswith("m=") for line in lines) == len(offer.sections)
    assert len(negotiated.sources) <= 3
    assert len({slot.mid for slot in negotiated.slots}) == len(negotiated.slots)


def frames(data: bytes) -> None:
    """A frame of any side is refused with one error that says little, or read, written and read again."""
    parsers: tuple[Callable[[bytes], signalling.Frame], ...] = (
        signalling.parse_client_frame, signalling.parse_server_frame, signalling.parse_control_frame,
    )  # fmt: skip
    for parse in parsers:
        try:
            frame = parse(data)
        except FrameRefusedError as err:
            _says_little(err)
            continue
        assert parse(signalling.encode(frame).encode()) == frame


def _says_little(err: Exception) -> None:
    """A refusal goes back to who sent it, and must not grow with what was sent."""
    assert len(str(err)) < 200

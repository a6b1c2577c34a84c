"""Targets over the whole packet path: a peer that sends anything at all, beside two who make a call.

The bytes are a script: records of an operation, a number and a body. What Ada and Ben get is compared with what they
get when nobody else is there.
"""

import struct
from collections.abc import Callable, Iterator
from functools import cache

from teleward_media.core.keyframes import LOW_FLOOR_S
from teleward_media.packetpath import rtcpwire, twcc

from teleward_testing.fuzzing import bounds
from teleward_testing.packet_call import (
    CAMERA_RTX_SSRC,
    CAMERA_SSRC,
    DELTA,
    H264,
    KEY,
    MIC_SSRC,
    OPUS,
    PLAIN_SECTIONS,
    RED,
    RTX,
    SIMULCAST_SECTIONS,
    STAMP_ID,
    VP8,
    PacketCall,
    named,
    padding_only,
    red,
    rtp,
)

STEPS, STEP_S = 12, 0.02
"""Turns of the healthy call, and how long one lasts: a voice packet each."""
MAX_RECORDS = 60
"""Records taken of one script."""
VOICE_SLOT, PICTURE_SLOT, PICTURE_RTX = 1000, 1001, 1002
_KINDS = (
    (MIC_SSRC, OPUS),
    (CAMERA_SSRC, VP8),
    (CAMERA_RTX_SSRC, RTX),
    (31, VP8),
    (32, H264),
    (33, VP8),
    (34, RTX),
    (MIC_SSRC, RED),
)
_RIDS = ("h", "m", "l", "x")

Record = tuple[int, int, bytes]
"""Operation, number, body."""


def records(script: bytes) -> Iterator[Record]:
    """Cut a script into records: one byte of operation, two of number, one of length, the body."""
    at = 0
    for _ in range(MAX_RECORDS):
        if at + 4 > len(script):
            return
        operation, number, length = struct.unpack_from("!BHB", script, at)
        yield operation, number, script[at + 4 : at + 4 + length]
        at += 4 + length


def isolation(script: bytes) -> None:
    """A call gets to the byte what it would get if the other call on its media node were not there."""
    call = _stage(("eve", "camera", "mallory", "v0"), ("mallory", "camera", "eve", "v0"))
    call.join("mallory")
    _play(call, script, feedback=True)
    got = {name: call.got(name) for name in ("ada", "ben")}
    assert got == _undisturbed()


def company(script: bytes) -> None:
    """In one call with somebody hostile, what Ada sends reaches Ben unchanged, and Ada is asked for few keyframes."""
    call = _stage(
        ("ada", "camera", "eve", "v0"), ("ada", "microphone", "eve", "a0"),
        ("ben", "camera", "eve", "v1"), ("eve", "camera", "ben", "v1"), ("eve", "camera", "ada", "v1"),
    )  # fmt: skip
    _play(call, script, feedback=False)
    heard = [
        one for one in call.media_for("ben") if one[0] in (VOICE_SLOT, PICTURE_SLOT, PICTURE_RTX)
    ]
    assert heard == _media_undisturbed()
    asked = [part for part in call.control_for("ada") if isinstance(part, rtcpwire.KeyframeAsked)]
    assert len(asked) <= 2 + STEPS * STEP_S / LOW_FLOOR_S
    assert all(part.ssrc == CAMERA_SSRC for part in asked)


@cache
def _undisturbed() -> dict[str, list[bytes]]:
    call = _stage()
    _play(call, b"", feedback=True)
    return {name: call.got(name) for name in ("ada", "ben")}


@cache
def _media_undisturbed() -> list[tuple[int, int, bytes]]:
    call = _stage()
    _play(call, b"", feedback=False)
    return call.media_for("ben")


def _stage(*more: tuple[str, str, str, str]) -> PacketCall:
    call = PacketCall()
    for name in ("ada", "ben", "eve"):
        call.join(name)
    call.plan(("ada", "camera", "ben", "v0"), ("ada", "microphone", "ben", "a0"), *more)
    return call


def _play(call: PacketCall, script: bytes, *, feedback: bool) -> None:
    steps = iter(range(STEPS))
    for operation, number, body in records(script):
        _OPERATIONS[operation & 7](call, operation >> 3 & 15, number, body)
        if operation & 0x80:
            _step(call, next(steps, None), feedback=feedback)
    for step in steps:
        _step(call, step, feedback=feedback)
    call.wait(1.0)
    bounds.check(call)


def _step(call: PacketCall, step: int | None, *, feedback: bool) -> None:
    """One turn of the healthy call: a voice and a picture packet, of which some are lost and asked for again."""
    if step is None:
        return
    voice = (OPUS, b"voice%d" % step) if step & 1 else (RED, red(b"before", b"voice%d" % step))
    call.put("ada", rtp(step, voice[1], ssrc=MIC_SSRC, kind=voice[0], timestamp=960 * step))
    if step != 5:
        payload = (KEY if step == 0 else DELTA) + b"%d" % step
        stamp = ((STAMP_ID, struct.pack("!H", step)),)
        call.put("ada", rtp(step, payload, timestamp=3000 * step, elements=stamp))
    call.take()
    if step == 7:
        call.send("ada", rtcpwire.write_sr(CAMERA_SSRC, 9 << 32, 3000 * step, 7, 700))
        call.send("ben", rtcpwire.write_nack(1, PICTURE_SLOT, [9, 10]))
    if step == 9 and feedback:
        told, _ = twcc.write(1, PICTURE_SLOT, 0, 0, [80 * n for n in range(10)])
        call.send("ben", told)
        call.send(
            "ben", rtcpwire.write_rr(1, [rtcpwire.ReportBlock(PICTURE_SLOT, 9, 1, 7, 3, 0, 0)])
        )
    call.wait(STEP_S)
    if step % 4 == 3:
        call.steer()


# -- what Eve can do: each takes four bits of choice, a number and a body ------------------------------


def _media(call: PacketCall, choice: int, number: int, body: bytes) -> None:
    ssrc, kind = _KINDS[choice & 7]
    call.send("eve", rtp(number, body, ssrc=ssrc, kind=kind, timestamp=number * 977))


def _named_media(call: PacketCall, choice: int, number: int, body: bytes) -> None:
    ssrc, kind = _KINDS[choice & 7]
    elements = (
        *named(_RIDS[choice & 3], repaired=kind == RTX),
        (STAMP_ID, struct.pack("!H", number)),
    )
    call.send("eve", rtp(number, body, ssrc=ssrc, kind=kind, elements=elements))


def _padding(call: PacketCall, choice: int, number: int, body: bytes) -> None:
    ssrc, kind = _KINDS[choice & 7]
    call.send("eve", padding_only(number, ssrc=ssrc, kind=kind))
    if body:
        call.send("eve", rtp(number + 1, body, ssrc=ssrc, kind=kind))


def _raw(call: PacketCall, choice: int, number: int, body: bytes) -> None:
    call.send("eve", bytes([0x80 | number & 0x3F]) + body * (1 + choice))


def _nack(call: PacketCall, choice: int, number: int, body: bytes) -> None:
    pairs = body[: len(body) & ~3] or struct.pack("!HH", number, 0xFFFF)
    head = struct.pack("!BBHII", 0x81, 205, 2 + len(pairs) // 4, 1, VOICE_SLOT + choice)
    call.send("eve", (head + pairs) * (1 + (number & 7)))


def _control(call: PacketCall, choice: int, number: int, body: bytes) -> None:
    body += bytes(-len(body) % 4)
    head = struct.pack("!BBH", 0x80 | number & 0x3F, 200 + choice % 8, len(body) // 4)
    call.send("eve", (head + body) * (1 + (number >> 6 & 7)))


def _report(call: PacketCall, choice: int, number: int, body: bytes) -> None:
    """Claim arrivals, clocks and bandwidths; the numbers are taken from the body as they are."""
    body = body.ljust(16, b"\xff")
    told, _ = twcc.write(
        1,
        2,
        number,
        choice,
        [int.from_bytes(body[:8], "big"), None, *[int.from_bytes(body[8:], "big")] * 9],
    )
    ntp, stamp = struct.unpack_from("!QI", body)
    parts = (
        told, rtcpwire.write_sr(_KINDS[choice & 7][0], ntp, stamp, number, number),
        rtcpwire.write_pli(1, VOICE_SLOT + choice), rtcpwire.write_remb(1, number << choice, [number]),
    )  # fmt: skip
    for part in parts:
        call.send("eve", part)


def _return(call: PacketCall, choice: int, number: int, body: bytes) -> None:
    """Leave and come back, in the same or another shape."""
    call.leave("eve")
    if choice & 3:
        sections = (PLAIN_SECTIONS, SIMULCAST_SECTIONS, PLAIN_SECTIONS[:2])[(choice & 3) - 1]
        call.join("eve", sections)


_OPERATIONS: tuple[Callable[[PacketCall, int, int, bytes], None], ...] = (
    _media, _named_media, _padding, _raw, _nack, _control, _report, _return,
)  # fmt: skip


def script(*steps: Record) -> bytes:
    """Write records as a script."""
    return b"".join(
        struct.pack("!BHB", op, number, len(body)) + body for op, number, body in steps
    )


def scripts() -> list[bytes]:
    """Scripts to begin with: a publisher, one in three encodings, a storm, one who comes and goes."""
    publishes = [(0x80 | 1 << 3, n, KEY) for n in range(6)]
    return [
        script(*publishes),
        script((7 | 2 << 3, 0, b""), *[(1 | n << 3, n, KEY) for n in (3, 4, 5)] * 2),
        script((1 << 3, 1, KEY), (0x82 | 1 << 3, 5, b""), (0x84 | 1 << 3, 7, bytes(40)), (1 << 3, 2, KEY)),
        script((5 | 6 << 3, 1, bytes(8)), (0x86, 0, bytes(range(16))), (7 | 1 << 3, 0, b""), (1 << 3, 9, KEY)),
        script((3, 0, rtp(1, KEY)[1:]), (0x83, 0, rtcpwire.write_pli(1, 1001)[1:])),
    ]  # fmt: skip

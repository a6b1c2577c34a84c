"""Every target by name: what it reads, where it begins, how long its inputs may be."""

from collections.abc import Callable
from dataclasses import dataclass

from teleward_testing.fuzzing import parsers, paths, rooms, sealed, seeds, states, transport


@dataclass(frozen=True, slots=True)
class Target:
    """One function of bytes that must not raise."""

    run: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]
    most_bytes: int
    """Length of the longest input: what could arrive, or what one script needs."""
    words: tuple[bytes, ...] = ()
    """What mutations may put in: the words of a language in text."""


PARSERS = {
    "stun": Target(transport.binding, transport.requests, 1200),
    "rtp": Target(parsers.rtp, seeds.rtp_packets, 1500),
    "rtcp": Target(parsers.rtcp, seeds.rtcp_packets, 1500),
    "sdp": Target(parsers.sdp, seeds.offers, 16_384, seeds.words(seeds.offers())),
    "frames": Target(parsers.frames, seeds.frames, 4096, seeds.words(seeds.frames())),
    "srtp": Target(sealed.srtp, sealed.srtp_seeds, 1500),
    "tickets": Target(sealed.tickets, sealed.ticket_seeds, 1024),
}
"""Single readers: thousands of inputs a second, and more."""
SCRIPTS = {
    "feedback": Target(parsers.feedback, seeds.arrivals, 2200),
    "ice": Target(transport.ice, transport.scripts, 1024),
    "calls": Target(rooms.calls, rooms.scripts, 4096),
    "isolation": Target(paths.isolation, paths.scripts, 1024),
    "company": Target(paths.company, paths.scripts, 1024),
    "states": Target(states.states, states.scripts, 800),
}
"""What an input does one thing after the other to: hundreds of inputs a second."""
TARGETS = PARSERS | SCRIPTS


def planted(data: bytes) -> None:
    """Break at one input in four thousand million, to which only coverage leads: shows that a run finds faults."""
    if data[:1] == b"o" and data[1:2] == b"o" and data[2:3] == b"p" and data[3:4] == b"s":
        raise AssertionError(data)


PLANTED = Target(planted, lambda: [b"a"], 64)
"""Is no target of ours; only the test of the engine runs it."""

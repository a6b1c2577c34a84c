"""What a waiting page found out about its device before the call; words of a closed list and nothing else."""

from typing import Annotated, Literal, TypeAlias, get_args

from pydantic import BeforeValidator
from teleward_contract.placements import Record

UNKNOWN = "unknown"

Kind: TypeAlias = Literal["phone", "tablet", "computer", "unknown"]
Browser: TypeAlias = Literal[
    "chrome", "edge", "firefox", "safari", "samsung", "opera", "other", "unknown"
]
Camera: TypeAlias = Literal[
    "on", "off", "asking", "blocked", "blocked_by_system", "in_use", "absent", "unsupported", "unknown",
]  # fmt: skip
Microphone: TypeAlias = Literal[
    "on", "silent", "off", "asking", "blocked", "blocked_by_system", "in_use", "absent", "unsupported",
    "unknown",
]  # fmt: skip
Calls: TypeAlias = Literal["ready", "no_udp", "no_codec", "unsupported", "unknown"]
Network: TypeAlias = Literal["good", "fair", "slow", "unknown"]


def _one_of(words: object) -> BeforeValidator:
    """Take a word of the list; whatever else a page says, an older or a hostile one, is `unknown`."""
    known = frozenset(get_args(words))
    return BeforeValidator(
        lambda value: value if isinstance(value, str) and value in known else UNKNOWN
    )


class DeviceReport(Record):
    """The result of a page's own test."""

    device: Annotated[Kind, _one_of(Kind)] = "unknown"
    browser: Annotated[Browser, _one_of(Browser)] = "unknown"
    camera: Annotated[Camera, _one_of(Camera)] = "unknown"
    microphone: Annotated[Microphone, _one_of(Microphone)] = "unknown"
    """`silent`: it is on, and nothing was heard."""
    calls: Annotated[Calls, _one_of(Calls)] = "unknown"
    """Whether the browser can lead a call; `no_udp`: it offers no address for UDP, without which there is no media."""
    network: Annotated[Network, _one_of(Network)] = "unknown"
    """By the round trip to the gateway; the way to a media node is known when the call begins."""

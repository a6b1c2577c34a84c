"""Calls on media nodes, and how they are."""

from collections.abc import AsyncIterator, Iterable
from typing import Protocol

from teleward_contract.placements import Placement
from teleward_contract.signalling import QualityView
from teleward_contract.tickets import MediaTicket
from teleward_contract.units import Namespace

QUALITY_S = 15
"""How long a report counts: three times the interval in which media nodes send them."""


class Qualities(Protocol):
    """How the patients of running consultations are heard and seen, as their media nodes told last.

    Every implementation passes `tests/contract/test_gateway_qualities.py`.

    Raises (every method): RoutingUnavailableError.
    """

    async def note(self, namespace: Namespace, visit: str, quality: QualityView) -> None:
        """Note the newest report of a visit; it is forgotten after `QUALITY_S`."""
        ...

    async def newest(self, namespace: Namespace, visits: Iterable[str]) -> dict[str, QualityView]:
        """The reports of these visits: visit → report; those without one are left out."""
        ...


class Control(Protocol):
    """An authenticated control socket to a media node; text frames."""

    resumable: bool

    async def send(self, frame: str) -> None:
        """Send one frame. Raises ControlLostError."""
        ...

    def frames(self) -> AsyncIterator[str]:
        """Receive frames until the socket breaks, which raises ControlLostError."""
        ...

    async def close(self) -> None:
        """Close it."""
        ...


class ControlPorts(Protocol):
    """Opens control sockets."""

    async def open(self, placement: Placement, ticket: MediaTicket) -> Control:
        """Open and authenticate; nonce, media node and boot of `ticket` are filled in.

        Raises:
            ControlLostError: The media node does not answer.
            ControlRefusedError: It refused.
        """
        ...


class BrowserSocket(Protocol):
    """The browser's side of a call socket; text frames."""

    async def send_text(self, text: str) -> None:
        """Send one frame. Raises BrowserGoneError, also for a browser that does not read."""
        ...

    async def receive_text(self) -> str:
        """Receive one frame of legal size.

        Raises:
            BrowserGoneError: There will be no more.
            FrameRefusedError: It is no text, or too large.
        """
        ...

"""The doors of the gateway's decisions to the outside."""

from collections.abc import AsyncIterator
from typing import Protocol

from teleward_contract.placements import Placement
from teleward_contract.tickets import MediaTicket
from teleward_contract.units import Namespace

from teleward_gateway.core.visits import Personal, Visit, VisitAction, Waiting


class Visits(Protocol):
    """Visits and queues; every implementation passes `tests/contract/test_gateway_visits.py`.

    Raises (every method): RoutingUnavailableError.
    """

    async def enter(self, visit: Visit, personal: Personal, keep_s: int) -> Visit:
        """Store a visit unless it is known already; answers what is stored (atomic, idempotent).

        A visit that is over is answered as it is, without personal data. It is forgotten `keep_s`
        after it was last heard of.
        """
        ...

    async def life(self) -> str:
        """Name the present life of the store: another name after it was emptied."""
        ...

    async def get(self, namespace: Namespace, visit: str) -> Visit | None:
        """Look up a visit; one that is over is remembered for the retention time."""
        ...

    async def change(
        self, namespace: Namespace, visit: str, action: VisitAction, by: str = ""
    ) -> tuple[bool, Visit | None]:
        """Carry out a transition atomically: whether it was allowed, and the visit as it is now.

        When the visit is over its personal data is gone with the same step.
        """
        ...

    async def heard(self, namespace: Namespace, visit: str, socket: str, keep_s: int) -> bool:
        """Note that the waiting page is there; False when `socket` is not the newest any more."""
        ...

    async def claim(self, namespace: Namespace, visit: str, socket: str) -> None:
        """Make `socket` the newest waiting socket of the visit."""
        ...

    async def queue(self, namespace: Namespace, clinic_uid: str) -> tuple[Waiting, ...]:
        """List the visits of a clinic that are not over, in order of arrival."""
        ...


class Control(Protocol):
    """An authenticated control socket to a media node; text frames."""

    resumable: bool

    async def send(self, frame: str) -> None:
        """Send one frame. Raises ControlLostError."""
        ...

    def frames(self) -> AsyncIterator[str]:
        """Receive frames until the socket closes. Raises ControlLostError when it breaks."""
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

    async def send(self, frame: str) -> None:
        """Send one frame; a browser that is gone is no error."""
        ...

    async def receive(self) -> str | None:
        """Receive one frame; None when the browser is gone."""
        ...

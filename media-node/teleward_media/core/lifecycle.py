"""The life of a media node: Active → Cordoned → Draining → Empty."""

from dataclasses import dataclass

from teleward_contract.media_nodes import MediaNodeState
from teleward_contract.units import Seconds


@dataclass(slots=True)
class Lifecycle:
    """Decides what the media node takes on. Feed it events and time."""

    state: MediaNodeState = MediaNodeState.ACTIVE
    deadline: Seconds | None = None

    @property
    def accepts_new(self) -> bool:
        """Whether a new call may be placed here."""
        return self.state is MediaNodeState.ACTIVE

    def cordon(self, *, cordoned: bool) -> None:
        """Follow the routing state's cordon; draining is never taken back."""
        if self.state is MediaNodeState.ACTIVE and cordoned:
            self.state = MediaNodeState.CORDONED
        elif self.state is MediaNodeState.CORDONED and not cordoned:
            self.state = MediaNodeState.ACTIVE

    def drain(self, now: Seconds, grace: Seconds) -> None:
        """Begin to drain; a second request does not extend the deadline."""
        if self.state in (MediaNodeState.DRAINING, MediaNodeState.EMPTY):
            return
        self.state = MediaNodeState.DRAINING
        self.deadline = Seconds(now + grace)

    def settle(self, calls: int, now: Seconds) -> bool:
        """Whether the media node may stop: it drains, and is empty or out of time."""
        if self.state is MediaNodeState.DRAINING and calls == 0:
            self.state = MediaNodeState.EMPTY
        return self.state is MediaNodeState.EMPTY or (
            self.deadline is not None and now >= self.deadline
        )

"""What every door asks and counts."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from teleward_gateway.core.limits import Bucket


class Limits(Protocol):
    """Buckets of tokens; every implementation passes `tests/contract/test_gateway_limits.py`."""

    async def take(self, tag: str, wanted: Sequence[tuple[str, Bucket]]) -> float:
        """Take a token out of each bucket, or none out of any (atomic).

        Args:
            tag: Whose buckets they are; those of one tag lie together.
            wanted: Name and size of each.

        Returns:
            How many seconds to wait; 0 when they were taken.

        Raises:
            RoutingUnavailableError: The store did not answer.
        """
        ...


class Meter(Protocol):
    """What is counted. Labels are bounded: never a person, a visit or a clinic."""

    def entered(self, outcome: str) -> None:
        """An attempt to enter came to this."""
        ...

    def signed_in(self, outcome: str) -> None:
        """A sign-in came to this."""
        ...

    def called_in(self, outcome: str) -> None:
        """A call-in came to this."""
        ...

    def webhook(self, outcome: str) -> None:
        """A webhook came to this."""
        ...

    def frame_refused(self, code: str) -> None:
        """A browser's frame was refused."""
        ...

    def refused(self, code: str) -> None:
        """A request or a socket was refused."""
        ...

    def moved(self, what: str) -> None:
        """A media node was `suspected`, or a call `replaced`."""
        ...

    def answered(self, route: str, elapsed_s: float) -> None:
        """A request was answered."""
        ...

    def socket(self, kind: str) -> AbstractContextManager[None]:
        """A socket is open for as long as this lasts."""
        ...

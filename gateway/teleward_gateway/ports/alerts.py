"""Who is at work, and where arrivals are told."""

from typing import Protocol

from teleward_contract.units import Namespace

from teleward_gateway.core.staff import StaffSession

AT_WORK_S = 900
"""Who has looked at a queue within this time may be given a visit; dashboards note theirs fifteen times as often."""


class AtWork(Protocol):
    """Which staff have lately looked at a clinic's queue, as they were signed in; known to all gateways.

    Every implementation passes `tests/contract/test_gateway_at_work.py`.

    Raises (every method): RoutingUnavailableError.
    """

    async def seen(self, namespace: Namespace, clinic_uid: str, who: StaffSession) -> None:
        """Note somebody; unless noted again they are forgotten after `AT_WORK_S`."""
        ...

    async def lately(self, namespace: Namespace, clinic_uid: str) -> tuple[StaffSession, ...]:
        """Everybody who is noted, each once and as noted last."""
        ...


class Webhooks(Protocol):
    """Calls addresses outside, at hosts that the gateway's own settings allow."""

    def is_allowed(self, url: str) -> bool:
        """Whether this address may be called at all."""
        ...

    async def call(self, url: str, body: bytes) -> bool:
        """Post a JSON body once, within bounds: whether it was taken.

        Raises:
            WebhookLostError: It may be tried again.
        """
        ...

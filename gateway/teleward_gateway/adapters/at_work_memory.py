"""Who is at work, in memory."""

from collections.abc import Callable

from teleward_contract.units import Namespace

from teleward_gateway.core.staff import StaffSession
from teleward_gateway.ports.alerts import AT_WORK_S


class MemoryAtWork:
    """See `AtWork`."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now = now_ms
        self._seen: dict[tuple[Namespace, str], dict[str, tuple[StaffSession, int]]] = {}

    async def seen(self, namespace: Namespace, clinic_uid: str, who: StaffSession) -> None:
        """See `AtWork`."""
        self._seen.setdefault((namespace, clinic_uid), {})[who.identity] = (who, self._now())

    async def lately(self, namespace: Namespace, clinic_uid: str) -> tuple[StaffSession, ...]:
        """See `AtWork`."""
        here = self._seen.get((namespace, clinic_uid), {}).values()
        return tuple(who for who, at in here if self._now() - at < AT_WORK_S * 1000)

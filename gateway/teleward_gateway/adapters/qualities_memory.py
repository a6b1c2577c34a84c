"""Reports on patients' paths in memory."""

from collections.abc import Callable, Iterable

from teleward_contract.signalling import QualityView
from teleward_contract.units import Namespace

from teleward_gateway.ports.calls import QUALITY_S


class MemoryQualities:
    """See `Qualities`."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now = now_ms
        self._noted: dict[tuple[Namespace, str], tuple[int, QualityView]] = {}

    async def note(self, namespace: Namespace, visit: str, quality: QualityView) -> None:
        """See `Qualities`."""
        self._noted[namespace, visit] = self._now(), quality

    async def newest(self, namespace: Namespace, visits: Iterable[str]) -> dict[str, QualityView]:
        """See `Qualities`."""
        now = self._now()
        self._noted = {
            key: item for key, item in self._noted.items() if now - item[0] < QUALITY_S * 1000
        }
        return {
            visit: self._noted[namespace, visit][1]
            for visit in visits
            if (namespace, visit) in self._noted
        }

"""Presence in memory."""

from collections.abc import Callable

from teleward_contract.units import Namespace, ParticipantId

from teleward_gateway.ports.visits import PRESENT_S

_Clinic = tuple[Namespace, str]


class MemoryPresence:
    """See `Presence`."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now = now_ms
        self._seen: dict[_Clinic, dict[tuple[str, ParticipantId], tuple[int, str]]] = {}

    async def seen(
        self, namespace: Namespace, clinic_uid: str, room_uid: str, participant: ParticipantId,
        name: str = "",
    ) -> None:  # fmt: skip
        """See `Presence`."""
        noted = self._seen.setdefault((namespace, clinic_uid), {})
        noted[room_uid, participant] = (self._now(), name)

    async def gone(
        self, namespace: Namespace, clinic_uid: str, room_uid: str, participant: ParticipantId
    ) -> None:
        """See `Presence`."""
        self._seen.get((namespace, clinic_uid), {}).pop((room_uid, participant), None)

    async def present(
        self, namespace: Namespace, clinic_uid: str
    ) -> dict[str, dict[ParticipantId, str]]:
        """See `Presence`."""
        found: dict[str, dict[ParticipantId, str]] = {}
        for (room, who), (seen, name) in self._seen.get((namespace, clinic_uid), {}).items():
            if self._now() - seen < PRESENT_S * 1000:
                found.setdefault(room, {})[who] = name
        return found

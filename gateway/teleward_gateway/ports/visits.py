"""Visits, and what is kept beside them."""

from collections.abc import AsyncIterator, Mapping
from typing import Protocol

from teleward_contract.units import CallId, Namespace, ParticipantId

from teleward_gateway.core.device import DeviceReport
from teleward_gateway.core.guests import Guest, GuestAction
from teleward_gateway.core.visits import (
    NOTHING_CARRIED,
    Carried,
    Personal,
    Visit,
    VisitAction,
    Waiting,
    Words,
)

PRESENT_S = 15
"""How long a participant counts as present after it was noted; call sockets note theirs three times as often."""


class Visits(Protocol):
    """Visits, one step each; every implementation passes `tests/contract/test_gateway_visit*.py`.

    Raises (every method): RoutingUnavailableError.
    """

    async def life(self) -> str:
        """Name the present life of the store: another name after it was emptied."""
        ...

    async def enter(
        self, visit: Visit, personal: Personal, keep_s: int, at_most: int | None = None
    ) -> Visit:
        """Store a visit unless it is known already; answers what is stored (atomic, idempotent).

        Personal data are those of the last call: a patient who enters again may have corrected them. A visit
        that is over is answered as it is, without personal data. One without a time of arrival arrives now, by the
        store's clock. It is forgotten `keep_s` after it was last heard of.

        Raises:
            QueueFullError: It is new, and `at_most` visits or more of its clinic wait.
        """
        ...

    async def get(self, namespace: Namespace, visit: str) -> Visit | None:
        """Look up a visit; one that is over is remembered for the retention time."""
        ...

    async def personal(self, namespace: Namespace, visit: str) -> Personal | None:
        """What the patient said; None once the visit is over."""
        ...

    async def words(self, namespace: Namespace, visit: str) -> Words | None:
        """What staff wrote to the patient last; of a visit that is over, the words of its refusal alone."""
        ...

    async def change(
        self, namespace: Namespace, visit: str, action: VisitAction, by: str = "",
        carried: Carried = NOTHING_CARRIED,
    ) -> tuple[bool, Visit | None]:  # fmt: skip
        """Take a step atomically, as `core.visits.take` has it: whether it was allowed, and the visit as it is now.

        When the visit is over its personal data is gone with the same step. A visit that is transferred stands in the
        other clinic's queue, at its time of arrival, with the same step; what was written before is gone.

        An adding is not allowed unless the consultation runs still, as `core.visits.takes_in` has it.

        Raises:
            QueueFullError: It is a transfer, and as many visits as may wait there.
        """
        ...

    async def in_call(
        self, namespace: Namespace, clinic_uid: str, call: CallId
    ) -> tuple[Visit, ...]:
        """The visits of a clinic that are in this call: their patients are called, there, or on hold."""
        ...

    async def tell_all(self, namespace: Namespace, clinic_uid: str, words: Words) -> int:
        """Write to every patient of a clinic who may be written to, in one step; answers how many."""
        ...

    async def count_message(self, namespace: Namespace, clinic_uid: str, within_s: int) -> int:
        """Count a message of this clinic; answers how many, with this one, since the first of the last `within_s`."""
        ...


class Queues(Protocol):
    """Who waits where, and which of a patient's waiting sockets counts; same suite, same errors as `Visits`."""

    async def claim(
        self, namespace: Namespace, visit: str, socket: str, keep_s: int
    ) -> Visit | None:
        """Make `socket` the newest waiting socket of the visit, and note that it is there.

        Nothing changes for a visit that is over.
        """
        ...

    async def heard(self, namespace: Namespace, visit: str, socket: str, keep_s: int) -> bool:
        """Note that the waiting page is there; False when `socket` is not the newest any more."""
        ...

    async def report(
        self, namespace: Namespace, visit: str, clinic_uid: str, device: DeviceReport
    ) -> None:
        """Keep what the waiting page found out about its device, with what the patient said.

        Nothing changes for a visit that is over, or is not in this clinic.
        """
        ...

    async def waiting(
        self, namespace: Namespace, clinic_uid: str, stale_after_s: int | None = None
    ) -> tuple[Waiting, ...]:
        """List the visits of a clinic that are not over, in order of arrival.

        Who was not heard of for `stale_after_s`, by the store's clock, is silent; None: nobody is.
        """
        ...

    async def now_ms(self, namespace: Namespace) -> int:
        """Tell the store clock of an organisation, by which its visits arrive and its pages are heard."""
        ...

    async def sweep(self, namespace: Namespace) -> int:
        """Take vanished visits away and count each of them once, however many gateways sweep; answers how many.

        A visit has vanished when it was not heard of for as long as it is kept: nobody finds it from then on.
        """
        ...


class GuestLinks(Protocol):
    """Links for people from outside, and what became of each.

    Every implementation passes `tests/contract/test_gateway_guest_links.py`. Each method is one atomic step. Unknown,
    expired, revoked and used by somebody else are one answer.

    Raises (every method): RoutingUnavailableError.
    """

    async def invite(self, guest: Guest, good_s: int) -> bool:
        """Store a link that is good for so long; False when the clinic has as many as it may."""
        ...

    async def redeem(
        self, namespace: Namespace, clinic_uid: str, guest: str, claim: str,
        changed: Mapping[str, str | int | bool],
    ) -> Guest | None:  # fmt: skip
        """Use a link of this clinic up for whoever holds `claim`, who may ask again; None for everybody else."""
        ...

    async def get(self, namespace: Namespace, guest: str) -> Guest | None:
        """Look a link up."""
        ...

    async def change(
        self, namespace: Namespace, guest: str, action: GuestAction,
        changed: Mapping[str, str | int | bool],
    ) -> tuple[bool, Guest | None]:  # fmt: skip
        """Take a step of `GUEST_TRANSITIONS`: whether it was allowed, and the guest as it is now."""
        ...

    async def revoke(self, namespace: Namespace, clinic_uid: str, guest: str) -> Guest | None:
        """Take a link of this clinic away with all that is known of its guest; answers what it was."""
        ...

    async def claim(self, namespace: Namespace, guest: str, socket: str) -> Guest | None:
        """Make `socket` the guest's newest, and note that it is there."""
        ...

    async def heard(self, namespace: Namespace, guest: str, socket: str) -> bool:
        """Note that the guest's page is there; False when `socket` is not the newest any more."""
        ...

    async def of_clinic(self, namespace: Namespace, clinic_uid: str) -> tuple[Guest, ...]:
        """List the links of a clinic, the oldest first.

        A link whose visit is over, or has gone to another clinic, is taken away by this; who was not heard of for
        `GONE_S` has left, without a name.
        """
        ...


class Presence(Protocol):
    """Who is in which room, as far as call sockets tell; counts across all gateways.

    Every implementation passes `tests/contract/test_gateway_presence.py`.

    Raises (every method): RoutingUnavailableError.
    """

    async def seen(
        self, namespace: Namespace, clinic_uid: str, room_uid: str, participant: ParticipantId,
        name: str = "",
    ) -> None:  # fmt: skip
        """Note a participant, and what others see as the name; unless noted again gone after `PRESENT_S`."""
        ...

    async def gone(
        self, namespace: Namespace, clinic_uid: str, room_uid: str, participant: ParticipantId
    ) -> None:
        """Take a participant out at once (idempotent)."""
        ...

    async def present(
        self, namespace: Namespace, clinic_uid: str
    ) -> dict[str, dict[ParticipantId, str]]:
        """Who is in the rooms of a clinic: room uid → participant → name; empty rooms are left out."""
        ...


class Hints(Protocol):
    """Changes of visits, heard from all gateways: hints to look again, which may get lost."""

    def listen(self) -> AsyncIterator[str]:
        """Yield the clinic uid of each change, for ever; while the store is away, nothing."""
        ...

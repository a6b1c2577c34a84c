"""What `teleward status` shows: read live from the processes and the routing state.

The JSON is documented in `docs/status.md`; fields are only ever added.
"""

import asyncio
import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

from teleward_contract.media_nodes import MediaNodes, MediaNodeView
from teleward_contract.projections import (
    ClinicProjection,
    OrganisationProjection,
    Projections,
    RoomKind,
    TeamMember,
)
from teleward_contract.units import PoolId


class State(StrEnum):
    """The instance as a whole."""

    STARTING = "starting"
    READY = "ready"
    DEGRADED = "degraded"
    """It was ready, and something is not right now."""
    STOPPING = "stopping"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class MediaNodeStatus:
    """One media node of the table."""

    id: str
    pool: str
    udp: str
    control: str
    state: str
    calls: int


@dataclass(frozen=True, slots=True)
class ClinicStatus:
    """One clinic and its two doors."""

    namespace: str
    name: str
    patient_url: str
    staff_url: str


@dataclass(frozen=True, slots=True)
class RoomStatus:
    """One standing room."""

    namespace: str
    name: str
    kind: str
    url: str


@dataclass(frozen=True, slots=True)
class RoleStatus:
    """A role in one clinic, `namespace/name`."""

    clinic: str
    role: str


@dataclass(frozen=True, slots=True)
class AccountStatus:
    """One account of the development sign-in."""

    user: str
    url: str
    roles: tuple[RoleStatus, ...]


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """One process."""

    name: str
    pid: int | None
    state: str
    metrics: str | None
    log: str | None


@dataclass(frozen=True, slots=True)
class Status:
    """The whole answer."""

    state: State
    version: str
    data_dir: str
    gateway: str | None = None
    kubeconfig: str | None = None
    redis: str | None = None
    media_nodes: Sequence[MediaNodeStatus] = ()
    clinics: Sequence[ClinicStatus] = ()
    rooms: Sequence[RoomStatus] = ()
    sign_in: Sequence[AccountStatus] = ()
    processes: Sequence[ProcessStatus] = ()

    def document(self) -> dict[str, object]:
        """As JSON has it."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, slots=True)
class Picture:
    """What the routing state holds at one moment."""

    is_complete: bool = False
    """Whether the operator has projected everything."""
    organisations: Sequence[OrganisationProjection] = ()
    clinics: Sequence[ClinicProjection] = ()
    media_nodes: Sequence[MediaNodeView] = field(default=())


def stopped(data: Path) -> Status:
    """What is shown when nothing runs."""
    return Status(State.STOPPED, version("teleward"), str(data.resolve()))


async def look(projections: Projections, media_nodes: MediaNodes, pools: Iterable[str]) -> Picture:
    """Read the routing state once.

    Raises:
        RoutingUnavailableError: It did not answer.
    """
    clinics = await projections.clinics()
    projected = {pool.pool for pool in await projections.pools()}
    listed = sorted(projected | {PoolId(pool) for pool in pools})
    namespaces = sorted({clinic.namespace for clinic in clinics})
    views = await asyncio.gather(*(media_nodes.views(pool) for pool in listed))
    found = await asyncio.gather(*(projections.organisation(one) for one in namespaces))
    return Picture(
        await projections.is_complete(),
        [one for one in found if one is not None],
        clinics,
        [view for pool in views for view in pool],
    )


def media_nodes_of(picture: Picture) -> list[MediaNodeStatus]:
    """List the media nodes."""
    return [
        MediaNodeStatus(
            view.media_node, view.pool, view.udp, view.control_url,
            view.state.value if view.alive else "Lost", view.calls,
        )
        for view in picture.media_nodes
    ]  # fmt: skip


def clinics_of(picture: Picture, base: str) -> list[ClinicStatus]:
    """List the clinics with their links."""
    return [
        ClinicStatus(
            clinic.namespace, clinic.name,
            f"{base}/c/{clinic.namespace}/{clinic.name}",
            f"{base}/staff/{clinic.namespace}/{clinic.name}",
        )
        for clinic in picture.clinics
    ]  # fmt: skip


def rooms_of(picture: Picture, base: str) -> list[RoomStatus]:
    """List the rooms with their links."""
    words = {RoomKind.MEETING_ROOM: "meeting", RoomKind.USER_ROOM: "user"}
    return [
        RoomStatus(
            clinic.namespace, room.name, room.kind.value,
            f"{base}/staff/{clinic.namespace}/{clinic.name}/{words[room.kind]}/{room.name}",
        )
        for clinic in picture.clinics
        for room in clinic.rooms
    ]  # fmt: skip


def accounts_of(picture: Picture, base: str) -> list[AccountStatus]:
    """List who may sign in, and as what: clinics' teams, and organisations' in each of their clinics."""
    above = {one.namespace: one.team for one in picture.organisations}
    roles: dict[str, list[RoleStatus]] = {}
    for clinic in picture.clinics:
        members: Iterable[TeamMember] = (*clinic.team, *above.get(clinic.namespace, ()))
        for member in members:
            if member.user:
                role = RoleStatus(f"{clinic.namespace}/{clinic.name}", member.role.value)
                roles.setdefault(member.user, []).append(role)
    return [
        AccountStatus(user, f"{base}/sign-in/development?user={quote(user)}", tuple(held))
        for user, held in sorted(roles.items())
    ]

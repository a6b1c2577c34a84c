"""What the operator projects from the Kubernetes API for the gateway and for placing.

One document per clinic, replaced atomically; the organisation and each pool's policy likewise. The
operator alone writes them, fenced by its leader epoch; everybody else reads. No patient's data.
"""

from enum import StrEnum
from typing import Literal, NamedTuple, Protocol

from teleward_contract.placements import Record
from teleward_contract.units import CapacityUnits, LeaderEpoch, Namespace, PoolId

LocaleMap = dict[str, str]
"""Text per locale: BCP 47 tag → text."""


class Role(StrEnum):
    """What a member of staff may be, in an organisation or a clinic."""

    ORGANISATION_ADMIN = "OrganisationAdmin"
    ORGANISATION_REPORTER = "OrganisationReporter"
    CLINIC_ADMIN = "ClinicAdmin"
    CLINICIAN = "Clinician"
    RECEPTIONIST = "Receptionist"
    REFERRER = "Referrer"
    INTERPRETER = "Interpreter"


class TeamMember(Record):
    """A user or a group of an issuer, and its role. Exactly one of `user` and `group` is set."""

    role: Role
    issuer: str = ""
    """Name of the sign-in issuer; empty means any."""
    user: str | None = None
    group: str | None = None
    display_name: str = ""


class TimeRange(Record):
    """`HH:MM` to `HH:MM` local time, end excluded; an end not after the start is the next day."""

    start: str
    end: str


class DayHours(Record):
    """The open ranges of some weekdays (`Mon` … `Sun`)."""

    days: tuple[Literal["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"], ...]
    ranges: tuple[TimeRange, ...]


class DateHours(Record):
    """An exception: the open ranges of one date (`YYYY-MM-DD`); none means closed all day."""

    date: str
    ranges: tuple[TimeRange, ...] = ()


class OpeningHours(Record):
    """Rules, not results: the gateway evaluates them at the second that matters."""

    time_zone: str
    weekly: tuple[DayHours, ...] = ()
    exceptions: tuple[DateHours, ...] = ()


class EntryField(Record):
    """A question of the clinic on the entry form, beside the name."""

    name: str
    label: LocaleMap
    kind: Literal["Text", "Phone", "Date", "Choice", "Consent"] = "Text"
    required: bool = False
    choices: tuple[str, ...] = ()


class Suspension(Record):
    """The clinic is suspended: what each side reads."""

    message_for_patients: LocaleMap = {}
    message_for_staff: LocaleMap = {}


class WaitingAreaProjection(Record):
    """The public door of a clinic."""

    uid: str
    generation: int
    enabled: bool = True
    hours: OpeningHours | None = None
    """None means always open."""
    entry_fields: tuple[EntryField, ...] = ()
    information_page: LocaleMap = {}
    """Shown before entering."""
    terms: LocaleMap = {}
    """To be accepted before entering, if there are any."""
    confirm_identity: bool = False
    """Whether who calls in confirms whom they call."""
    order: Literal["Arrival", "Priority"] = "Arrival"
    max_waiting: int = 200
    max_wait_minutes: int = 240
    stale_after_s: int = 60
    long_after_minutes: int = 15
    """From when on staff see a wait as long."""
    very_long_after_minutes: int = 30
    """The same as very long."""
    show_position: bool = False
    notice: LocaleMap = {}
    """Shown while waiting."""
    ready_messages: tuple[LocaleMap, ...] = ()
    """What staff may write to patients without writing it themselves."""
    alert_repeat_s: int = 30
    """How often staff are reminded of an arrival until somebody reacts."""
    alert_webhook: str = ""
    """Address that is called on an arrival; only at a host that the gateway's own settings allow."""
    closing_message: LocaleMap = {}
    """Last words after a consultation."""
    closing_link: str = ""
    """Where a patient may go after a consultation."""
    closed_message: LocaleMap = {}
    fallback_phone: str = ""


class RoomKind(StrEnum):
    """The two standing rooms."""

    MEETING_ROOM = "MeetingRoom"
    USER_ROOM = "UserRoom"


class RoomProjection(Record):
    """A meeting room or a user room."""

    kind: RoomKind
    name: str
    uid: str
    generation: int
    display_name: str
    max_participants: int = 6
    owner: str | None = None
    """User rooms: the only person who hosts there (the user's claim value)."""
    owner_issuer: str = ""
    """Name of that person's sign-in issuer; empty means any."""
    guest_entry: Literal["Knock", "Open"] = "Knock"
    locked: bool = False
    patients_allowed: bool = False


class ClinicProjection(Record):
    """Everything the gateway may know of one clinic, replaced as a whole."""

    namespace: Namespace
    name: str
    uid: str
    generation: int
    display_name: str
    slug: str = ""
    """Short name of its links, if it has one to itself."""
    hostname: str = ""
    """Host name of its own link, if it has one to itself."""
    time_zone: str = "UTC"
    locales: tuple[str, ...] = ("en",)
    """First is the default."""
    pool: PoolId | None = None
    """None while the pool is missing or not permitted: entering works, calling in answers Full."""
    team: tuple[TeamMember, ...] = ()
    suspended: Suspension | None = None
    waiting_area: WaitingAreaProjection | None = None
    rooms: tuple[RoomProjection, ...] = ()


class Issuer(Record):
    """An OpenID Connect issuer of staff; its client secret is the gateway's own."""

    name: str
    url: str
    client_id: str
    user_claim: str = "email"
    groups_claim: str = "groups"


class OrganisationProjection(Record):
    """The organisation of one namespace."""

    namespace: Namespace
    uid: str
    generation: int
    display_name: str
    support_contact: str = ""
    default_locale: str = "en"
    team: tuple[TeamMember, ...] = ()
    issuers: tuple[Issuer, ...] = ()


class PoolPolicy(StrEnum):
    """How a media node is picked."""

    PACK = "Pack"
    SPREAD = "Spread"
    TWO_CHOICES = "TwoChoices"


class PoolProjection(Record):
    """What placing needs to know of a pool."""

    pool: PoolId
    uid: str
    generation: int
    policy: PoolPolicy = PoolPolicy.PACK
    units_per_media_node: CapacityUnits


class ProjectionKind(StrEnum):
    """The three documents."""

    ORGANISATION = "organisation"
    CLINIC = "clinic"
    POOL = "pool"


Projection = OrganisationProjection | ClinicProjection | PoolProjection


class Stored(NamedTuple):
    """A document as it stands, however it came there."""

    uid: str
    """Of the object it was made from; empty when it cannot be read."""
    document: Projection | None
    """None when it cannot be read: somebody else wrote it."""


class ProjectionWriter(Protocol):
    """The operator's side.

    Raises: StaleLeaderError, RoutingUnavailableError.
    """

    async def put(self, document: Projection, leader: LeaderEpoch) -> None:
        """Replace one document atomically and tell readers to look again."""
        ...

    async def remove(
        self, kind: ProjectionKind, namespace: Namespace, name: str, uid: str, leader: LeaderEpoch
    ) -> None:
        """Remove a document, unless one of another uid has taken its place (idempotent)."""
        ...

    async def stored(self) -> dict[tuple[ProjectionKind, Namespace, str], Stored]:
        """List the stored by (kind, namespace, name); organisations are named `organisation`."""
        ...

    async def mark(self, leader: LeaderEpoch) -> None:
        """Note that a full projection is complete in this very store."""
        ...

    async def is_marked(self) -> bool:
        """Whether the note is there and of this very store.

        When not, the store was emptied, restarted, or replaced by one that may have missed the last
        writes: compare everything.
        """
        ...


class Projections(Protocol):
    """The readers' side.

    Raises: RoutingUnavailableError.
    """

    async def organisation(self, namespace: Namespace) -> OrganisationProjection | None:
        """The organisation of `namespace`."""
        ...

    async def clinic(self, namespace: Namespace, name: str) -> ClinicProjection | None:
        """One clinic."""
        ...

    async def clinics(self) -> tuple[ClinicProjection, ...]:
        """Every clinic, ordered by namespace and name."""
        ...

    async def pools(self) -> tuple[PoolProjection, ...]:
        """Every pool, ordered by id."""
        ...

    async def is_complete(self) -> bool:
        """Whether a full projection has been written since the store was last emptied.

        While False, a clinic that is not found may only not be projected yet: say "one moment".
        """
        ...

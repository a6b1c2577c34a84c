"""Pydantic mirrors of the kinds in `crds/`, as far as programs read them; the YAML is the source.

Unknown fields are ignored: the API server has already refused what does not belong.
"""

from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from teleward_contract.projections import LocaleMap, PoolPolicy, Role

GROUP, VERSION = "teleward.io", "v1alpha1"
ORGANISATION_NAME = "organisation"
DEFAULT_POOL = "default"
DRAIN_FINALIZER = "teleward.io/drain"
SKIP_DRAIN = "teleward.io/skip-drain"
"""Annotation of a MediaPool; `true` ends the calls of a pool that is being deleted."""


class Mirror(BaseModel):
    """A part of a resource."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True
    )


class Member(Mirror):
    """A member of a team."""

    role: Role
    issuer: str = ""
    user: str | None = None
    group: str | None = None
    display_name: str = ""


class LocalReference(Mirror):
    """A reference by name, in the same namespace."""

    name: str


class Reference(Mirror):
    """A reference by name, in the same namespace unless it says another."""

    name: str
    namespace: str | None = None


class Branding(Mirror):
    """How pages look."""

    colour: str | None = None


class Issuer(Mirror):
    """An OpenID Connect issuer."""

    name: str
    url: str
    client_id: str
    user_claim: str = "email"
    groups_claim: str = "groups"


class SignIn(Mirror):
    """Where staff sign in."""

    issuers: tuple[Issuer, ...] = ()


class OrganisationDefaults(Mirror):
    """What clinics inherit."""

    time_zone: str | None = None
    locales: tuple[str, ...] = ()
    max_participants: int | None = None
    media_pool_ref: Reference | None = None


class OrganisationSpec(Mirror):
    """See crds/organisations.teleward.io.yaml."""

    display_name: str = ""
    support_contact: str = ""
    branding: Branding | None = None
    default_locale: str = "en"
    sign_in: SignIn | None = None
    team: tuple[Member, ...] = ()
    defaults: OrganisationDefaults = OrganisationDefaults()


class Suspended(Mirror):
    """The clinic is suspended."""

    message_for_patients: LocaleMap = {}
    message_for_staff: LocaleMap = {}


class ClinicDefaults(Mirror):
    """What rooms inherit."""

    max_participants: int | None = None


class ClinicSpec(Mirror):
    """See crds/clinics.teleward.io.yaml."""

    display_name: str = ""
    time_zone: str | None = None
    locales: tuple[str, ...] = ()
    slug: str | None = None
    hostname: str | None = None
    media_pool_ref: Reference | None = None
    team: tuple[Member, ...] = ()
    defaults: ClinicDefaults = ClinicDefaults()
    suspended: Suspended | None = None


class Range(Mirror):
    """From start to end."""

    start: str
    end: str


class Weekly(Mirror):
    """Some weekdays and their ranges."""

    days: tuple[Literal["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"], ...]
    ranges: tuple[Range, ...]


class ExceptionDate(Mirror):
    """One date that differs."""

    date: str
    ranges: tuple[Range, ...] = ()


class Hours(Mirror):
    """When the door is open."""

    time_zone: str | None = None
    weekly: tuple[Weekly, ...] = ()
    exceptions: tuple[ExceptionDate, ...] = ()


class Question(Mirror):
    """A question on the entry form."""

    name: str
    label: LocaleMap
    kind: Literal["Text", "Phone", "Date", "Choice", "Consent"] = "Text"
    required: bool = False
    choices: tuple[str, ...] = ()


class Queue(Mirror):
    """How the queue behaves."""

    order: Literal["Arrival", "Priority"] = "Arrival"
    max_waiting: int = 200
    max_wait_minutes: int = 240
    show_position: bool = False
    stale_after_seconds: int = 60
    long_after_minutes: int = 15
    very_long_after_minutes: int = 30


class Alerts(Mirror):
    """How arrivals are told."""

    repeat_seconds: int = 30
    webhook: str | None = None


class Closing(Mirror):
    """After the consultation."""

    message: LocaleMap = {}
    redirect: str | None = None


class WaitingAreaSpec(Mirror):
    """See crds/waitingareas.teleward.io.yaml."""

    clinic_ref: LocalReference
    enabled: bool = True
    hours: Hours | None = None
    entry_fields: tuple[Question, ...] = ()
    information_page: LocaleMap = {}
    terms: LocaleMap = {}
    queue: Queue = Queue()
    confirm_identity: bool = False
    notices: LocaleMap = {}
    ready_messages: tuple[LocaleMap, ...] = ()
    alerts: Alerts = Alerts()
    closing: Closing = Closing()
    closed_message: LocaleMap = {}
    fallback_phone: str = ""


class MeetingRoomSpec(Mirror):
    """See crds/meetingrooms.teleward.io.yaml."""

    clinic_ref: LocalReference
    display_name: str = ""
    max_participants: int | None = None
    guest_entry: Literal["Knock", "Open"] = "Knock"
    locked: bool = False


class Owner(Mirror):
    """Whose user room it is."""

    user: str
    issuer: str = ""


class UserRoomSpec(Mirror):
    """See crds/userrooms.teleward.io.yaml."""

    clinic_ref: LocalReference
    owner: Owner
    display_name: str = ""
    max_participants: int | None = None
    guest_entry: Literal["Knock", "Open"] = "Knock"
    patients_allowed: bool = False


class Autoscaling(Mirror):
    """Scale by demand."""

    min: int = 1
    max: int
    target_utilization_percent: int = 70


class Capacity(Mirror):
    """What one media node holds."""

    units_per_media_node: int = 200


class Scheduling(Mirror):
    """How calls are placed."""

    policy: PoolPolicy = PoolPolicy.PACK


class PortRange(Mirror):
    """UDP ports, both ends included."""

    first: int
    last: int


class Exposure(Mirror):
    """How browsers reach media nodes in a cluster."""

    mode: Literal["NodePort", "HostPort", "HostNetwork", "LoadBalancer"] = "NodePort"
    address: str | None = None
    ports: PortRange | None = None
    port: int | None = None
    service_annotations: dict[str, str] = {}
    load_balancer_class: str | None = None


class Drain(Mirror):
    """How media nodes are emptied."""

    timeout_seconds: int = 3600


class Toleration(Mirror):
    """One toleration, as in a pod."""

    key: str | None = None
    operator: Literal["Exists", "Equal"] | None = None
    value: str | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    toleration_seconds: int | None = None


class Template(Mirror):
    """What a media node's pod gets in a cluster."""

    image: str | None = None
    cpu: str = "1"
    memory: str = "512Mi"
    node_selector: dict[str, str] = {}
    tolerations: tuple[Toleration, ...] = ()
    priority_class_name: str | None = None
    annotations: dict[str, str] = {}
    labels: dict[str, str] = {}


class Selector(Mirror):
    """Labels of namespaces."""

    match_labels: dict[str, str] = {}


class AllowedNamespaces(Mirror):
    """Whose clinics may use the pool."""

    from_: Literal["Same", "All", "Selector"] = Field(default="Same", alias="from")
    selector: Selector | None = None


class MediaPoolSpec(Mirror):
    """See crds/mediapools.teleward.io.yaml."""

    replicas: int | None = None
    autoscaling: Autoscaling | None = None
    capacity: Capacity = Capacity()
    scheduling: Scheduling = Scheduling()
    exposure: Exposure = Exposure()
    drain: Drain = Drain()
    template: Template = Template()
    allowed_namespaces: AllowedNamespaces = AllowedNamespaces()


class Condition(Mirror):
    """One condition of a status."""

    type: str
    status: Literal["True", "False", "Unknown"]
    observed_generation: int = 0
    last_transition_time: str = ""
    reason: str
    message: str = ""


class Metadata(Mirror):
    """What programs read of an object's metadata."""

    name: str
    namespace: str
    uid: str
    generation: int = 1
    resource_version: str = ""
    creation_timestamp: str = ""
    deletion_timestamp: str | None = None
    finalizers: tuple[str, ...] = ()
    annotations: dict[str, str] = {}


_S = TypeVar("_S", bound=Mirror)


class Resource(Mirror, Generic[_S]):
    """An object of one of our kinds; the status is kept as it stands."""

    kind: str
    metadata: Metadata
    spec: _S
    status: dict[str, object] = {}


class Organisation(Resource[OrganisationSpec]):
    """An Organisation object."""


class Clinic(Resource[ClinicSpec]):
    """A Clinic object."""


class WaitingArea(Resource[WaitingAreaSpec]):
    """A WaitingArea object."""


class MeetingRoom(Resource[MeetingRoomSpec]):
    """A MeetingRoom object."""


class UserRoom(Resource[UserRoomSpec]):
    """A UserRoom object."""


class MediaPool(Resource[MediaPoolSpec]):
    """A MediaPool object."""


AnyResource = Organisation | Clinic | WaitingArea | MeetingRoom | UserRoom | MediaPool


class Unreadable(Resource[Mirror]):
    """An object that this release does not understand: another release's definitions let it in."""

    faults: tuple[str, ...]
    """`spec.queue.order: Input should be …`, without what stands there."""


Seen = AnyResource | Unreadable

KINDS: dict[str, tuple[str, type[AnyResource]]] = {
    "Organisation": ("organisations", Organisation),
    "Clinic": ("clinics", Clinic),
    "WaitingArea": ("waitingareas", WaitingArea),
    "MeetingRoom": ("meetingrooms", MeetingRoom),
    "UserRoom": ("userrooms", UserRoom),
    "MediaPool": ("mediapools", MediaPool),
}
"""kind → (plural, mirror)."""


def read_resource(document: dict[str, object]) -> AnyResource:
    """Read an object as the API server sends it.

    Raises:
        KeyError: The kind is not ours.
        pydantic.ValidationError: It is not as the API server would have let it in.
    """
    return KINDS[str(document["kind"])][1].model_validate(document)


def read_seen(document: dict[str, object]) -> Seen:
    """Read an object as the API server sends it, even one that we do not understand.

    Raises:
        KeyError: The kind is not ours.
    """
    try:
        return read_resource(document)
    except ValidationError as err:
        faults = [f"{_path(fault['loc'])}: {fault['msg']}" for fault in err.errors()]
        return Unreadable.model_validate({**document, "spec": {}, "faults": faults})


def _path(location: tuple[int | str, ...]) -> str:
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return "".join(parts).removeprefix(".")

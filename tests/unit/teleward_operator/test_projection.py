"""A projection is what was declared, with every default and inheritance carried out, and nothing more."""

from teleward_contract.projections import (
    ClinicProjection,
    DateHours,
    DayHours,
    EntryField,
    Issuer,
    OpeningHours,
    OrganisationProjection,
    Role,
    RoomKind,
    RoomProjection,
    Suspension,
    TeamMember,
    TimeRange,
    WaitingAreaProjection,
)
from teleward_contract.resources import Hours
from teleward_contract.units import Namespace, PoolId
from teleward_operator.core.inheritance import settle
from teleward_operator.core.projection import (
    project_clinic,
    project_hours,
    project_organisation,
)
from teleward_testing.declared import (
    NAMESPACE,
    clinic,
    meeting_room,
    organisation,
    user_room,
    waiting_area,
)

POOL = PoolId(f"{NAMESPACE}/default")
ADA = TeamMember(role=Role.CLINICIAN, user="ada@example.org", display_name="Dr Ada")
ADA_DECLARED = {"role": "Clinician", "user": "ada@example.org", "displayName": "Dr Ada"}


def test_a_clinic_with_nothing_said_has_usable_defaults() -> None:
    assert project_clinic(clinic(), settle(clinic(), None), None, None, ()) == ClinicProjection(
        namespace=Namespace(NAMESPACE), name="cardiology", uid="uid-Clinic-cardiology",
        generation=1, display_name="cardiology", time_zone="UTC", locales=("en",),
    )  # fmt: skip


def test_a_clinic_inherits_what_it_does_not_say() -> None:
    defaults = {"defaults": {"timeZone": "Australia/Sydney", "locales": ["ar", "en"]}}

    settings = settle(clinic(), organisation(defaults))
    document = project_clinic(clinic(), settings, POOL, None, ())

    assert (document.time_zone, document.locales) == ("Australia/Sydney", ("ar", "en"))
    assert document.pool == POOL


def test_a_clinic_says_more_than_its_organisation() -> None:
    own = {
        "displayName": "عيادة القلب", "timeZone": "Asia/Kabul", "locales": ["fa"],
        "team": [ADA_DECLARED, {"role": "ClinicAdmin", "group": "admins", "issuer": "hospital"}],
        "suspended": {"messageForPatients": {"en": "Back soon"}, "messageForStaff": {"en": "Flood"}},
    }  # fmt: skip
    defaults = {"defaults": {"timeZone": "Australia/Sydney", "locales": ["ar", "en"]}}

    settings = settle(clinic(own), organisation(defaults))
    assert project_clinic(clinic(own), settings, None, None, ()) == ClinicProjection(
        namespace=Namespace(NAMESPACE), name="cardiology", uid="uid-Clinic-cardiology",
        generation=1, display_name="عيادة القلب", time_zone="Asia/Kabul", locales=("fa",),
        team=(ADA, TeamMember(role=Role.CLINIC_ADMIN, group="admins", issuer="hospital")),
        suspended=Suspension(
            message_for_patients={"en": "Back soon"}, message_for_staff={"en": "Flood"}
        ),
    )  # fmt: skip


def test_an_unknown_time_zone_of_the_hours_counts_as_unsaid() -> None:
    assert project_hours(Hours(time_zone="Atlantis"), "Asia/Kabul").time_zone == "Asia/Kabul"
    assert project_hours(Hours(time_zone="Africa/Accra"), "Asia/Kabul").time_zone == "Africa/Accra"


def test_a_waiting_area_is_projected_with_its_hours_and_questions() -> None:
    spec: dict[str, object] = {
        "enabled": False,
        "hours": {
            "weekly": [{"days": ["Mon"], "ranges": [{"start": "09:00", "end": "12:00"}]}],
            "exceptions": [{"date": "2026-12-25"}],
        },
        "entryFields": [
            {"name": "why", "label": {"en": "Why?"}, "kind": "Choice", "choices": ["a", "b"]}
        ],
        "queue": {
            "order": "Priority", "maxWaiting": 5, "maxWaitMinutes": 30, "showPosition": True,
            "staleAfterSeconds": 90, "longAfterMinutes": 5, "veryLongAfterMinutes": 20,
        },
        "readyMessages": [{"en": "Ten minutes"}, {"ar": "قريبا"}],
        "notices": {"en": "Stay here"}, "closedMessage": {"en": "Closed"},
        "fallbackPhone": "+61 491 570 156",
        "informationPage": {"en": "How it works"}, "terms": {"en": "I agree"},
        "confirmIdentity": True,
        "alerts": {"repeatSeconds": 60, "webhook": "https://pager.example.org/arrival"},
        "closing": {"message": {"en": "Thank you"}, "redirect": "https://survey.example.org"},
    }  # fmt: skip

    document = project_clinic(clinic(), settle(clinic(), None), None, waiting_area(spec), ())

    assert document.waiting_area == WaitingAreaProjection(
        uid="uid-WaitingArea-cardiology", generation=1, enabled=False,
        hours=OpeningHours(
            time_zone="UTC",
            weekly=(DayHours(days=("Mon",), ranges=(TimeRange(start="09:00", end="12:00"),)),),
            exceptions=(DateHours(date="2026-12-25"),),
        ),
        entry_fields=(
            EntryField(name="why", label={"en": "Why?"}, kind="Choice", choices=("a", "b")),
        ),
        order="Priority", max_waiting=5, max_wait_minutes=30, stale_after_s=90, show_position=True,
        long_after_minutes=5, very_long_after_minutes=20,
        ready_messages=({"en": "Ten minutes"}, {"ar": "قريبا"}),
        notice={"en": "Stay here"}, closed_message={"en": "Closed"},
        fallback_phone="+61 491 570 156",
        information_page={"en": "How it works"}, terms={"en": "I agree"}, confirm_identity=True,
        alert_repeat_s=60, alert_webhook="https://pager.example.org/arrival",
        closing_message={"en": "Thank you"}, closing_link="https://survey.example.org",
    )  # fmt: skip


def test_a_waiting_area_without_hours_is_always_open() -> None:
    document = project_clinic(clinic(), settle(clinic(), None), None, waiting_area(), ())

    assert document.waiting_area == WaitingAreaProjection(
        uid="uid-WaitingArea-cardiology", generation=1
    )


def test_rooms_keep_their_order_and_say_whose_they_are() -> None:
    rooms = (
        meeting_room({"locked": True, "guestEntry": "Open", "displayName": "Handover"}),
        user_room({"patientsAllowed": True, "maxParticipants": 3}),
    )

    assert project_clinic(clinic(), settle(clinic(), None), None, None, rooms).rooms == (
        RoomProjection(
            kind=RoomKind.MEETING_ROOM, name="handover", uid="uid-MeetingRoom-handover",
            generation=1, display_name="Handover", guest_entry="Open", locked=True,
        ),
        RoomProjection(
            kind=RoomKind.USER_ROOM, name="ada", uid="uid-UserRoom-ada", generation=1,
            display_name="ada", max_participants=3, owner="ada@example.org", patients_allowed=True,
        ),
    )  # fmt: skip


def test_a_user_room_says_at_which_issuer_its_owner_signs_in() -> None:
    room = user_room({"owner": {"user": "ada@example.org", "issuer": "hospital"}})

    (projected,) = project_clinic(clinic(), settle(clinic(), None), None, None, (room,)).rooms

    assert (projected.owner, projected.owner_issuer) == ("ada@example.org", "hospital")


def test_a_room_is_as_large_as_it_says_else_as_its_clinic_says_else_for_six() -> None:
    rooms = (meeting_room(name="plain"), meeting_room({"maxParticipants": 12}, name="large"))
    small = clinic({"defaults": {"maxParticipants": 4}})

    def sizes(of: ClinicProjection) -> list[int]:
        return [room.max_participants for room in of.rooms]

    assert sizes(project_clinic(clinic(), settle(clinic(), None), None, None, rooms)) == [6, 12]
    assert sizes(project_clinic(small, settle(small, None), None, None, rooms)) == [4, 12]


def test_an_organisation_is_projected_without_what_the_gateway_does_not_need() -> None:
    spec: dict[str, object] = {
        "displayName": "Harbour Health", "supportContact": "+61 491 570 156",
        "defaultLocale": "ar", "team": [ADA_DECLARED],
        "signIn": {"issuers": [{"name": "hospital", "url": "https://id.example.org", "clientId": "t"}]},
    }  # fmt: skip

    assert project_organisation(organisation(spec)) == OrganisationProjection(
        namespace=Namespace(NAMESPACE), uid="uid-Organisation-organisation", generation=1,
        display_name="Harbour Health", support_contact="+61 491 570 156", default_locale="ar",
        team=(ADA,),
        issuers=(Issuer(name="hospital", url="https://id.example.org", client_id="t"),),
    )  # fmt: skip
    assert project_organisation(organisation()).display_name == NAMESPACE

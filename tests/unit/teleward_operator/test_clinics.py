"""A clinic's objects say whether they work and what to do; what is wrong with one disturbs no other."""

from dataclasses import replace
from typing import Any

import pytest
from teleward_contract.occupancy import ClinicOccupancy
from teleward_contract.units import Namespace
from teleward_operator.core.clinics import (
    ClinicSnapshot,
    plan_clinic,
    plan_organisation,
)
from teleward_operator.core.statuses import StatusWrite
from teleward_testing.declared import (
    NAMESPACE,
    NOW,
    clinic,
    media_pool,
    meeting_room,
    organisation,
    user_room,
    waiting_area,
)

WHOLE = ClinicSnapshot(
    namespace=Namespace(NAMESPACE),
    name="cardiology",
    clinic=clinic(),
    organisation=organisation(),
    pool=media_pool(),
    waiting_area=waiting_area(),
    rooms=(meeting_room(), user_room()),
    occupancy=None,
    public_url="https://clinic.example",
    now=NOW,
)

SHARED = {"mediaPoolRef": {"name": "shared", "namespace": "media"}}
FOREIGN: dict[str, Any] = {"namespace": "media"}


def said(write: StatusWrite) -> dict[str, str]:
    """Condition → reason."""
    listed = write.status["conditions"]
    assert isinstance(listed, list)
    return {c["type"]: c["reason"] for c in listed}


def by_kind(seen: ClinicSnapshot) -> dict[str, StatusWrite]:
    return {write.resource.kind: write for write in plan_clinic(seen).statuses}


def ready(seen: ClinicSnapshot, kind: str = "Clinic") -> str:
    return said(by_kind(seen)[kind])["Ready"]


def test_a_whole_clinic_is_ready_with_everything_in_it() -> None:
    found = by_kind(WHOLE)

    assert {kind: said(write)["Ready"] for kind, write in found.items()} == {
        "Clinic": "Ready",
        "WaitingArea": "Ready",
        "MeetingRoom": "Ready",
        "UserRoom": "Ready",
    }


def test_statuses_show_links_and_numbers() -> None:
    found = {kind: dict(write.status) for kind, write in by_kind(WHOLE).items()}
    for status in found.values():
        del status["conditions"]
    del found["Clinic"]["settings"]

    base = "https://clinic.example"
    door, rooms = f"{base}/c/{NAMESPACE}/cardiology", f"{base}/staff/{NAMESPACE}/cardiology"
    assert found == {
        "Clinic": {
            "observedGeneration": 1, "rooms": 2, "url": door, "pool": f"{NAMESPACE}/default",
        },
        "WaitingArea": {
            "observedGeneration": 1, "url": door, "open": True, "waiting": 0,
            "inConsultation": 0,
        },
        "MeetingRoom": {
            "observedGeneration": 1, "url": f"{rooms}/meeting/handover", "participants": 0,
        },
        "UserRoom": {"observedGeneration": 1, "url": f"{rooms}/user/ada", "participants": 0},
    }  # fmt: skip


def test_counters_come_from_occupancy() -> None:
    counts = ClinicOccupancy(
        namespace=Namespace(NAMESPACE), clinic="cardiology", waiting=4, in_consultation=2,
        longest_waiting_since="2026-11-24T08:30:00Z", rooms={"uid-UserRoom-ada": 3},
    )  # fmt: skip

    found = by_kind(replace(WHOLE, occupancy=counts))

    area = found["WaitingArea"].status
    assert (area["waiting"], area["inConsultation"]) == (4, 2)
    assert area["longestWaitingSince"] == "2026-11-24T08:30:00Z"
    assert found["UserRoom"].status["participants"] == 3
    assert found["MeetingRoom"].status["participants"] == 0


def test_nobody_waiting_has_waited_longest() -> None:
    counts = ClinicOccupancy(namespace=Namespace(NAMESPACE), clinic="cardiology")

    found = by_kind(replace(WHOLE, occupancy=counts))

    assert "longestWaitingSince" not in found["WaitingArea"].status


@pytest.mark.parametrize(
    ("what", "seen", "reason"),
    [
        ("no organisation", replace(WHOLE, organisation=None), "OrganisationMissing"),
        ("no pool", replace(WHOLE, pool=None), "MediaPoolNotFound"),
        (
            "a pool of another namespace",
            replace(WHOLE, clinic=clinic(SHARED), pool=media_pool(**FOREIGN)),
            "MediaPoolNotPermitted",
        ),
        ("no waiting area", replace(WHOLE, waiting_area=None), "WaitingAreaMissing"),
        ("a suspension", replace(WHOLE, clinic=clinic({"suspended": {}})), "Suspended"),
        (
            "an unknown time zone",
            replace(WHOLE, clinic=clinic({"timeZone": "Atlantis"})),
            "TimeZoneUnknown",
        ),
    ],
)
def test_what_is_wrong_with_a_clinic_is_said(what: str, seen: ClinicSnapshot, reason: str) -> None:
    write = by_kind(seen)["Clinic"]
    listed = write.status["conditions"]
    assert isinstance(listed, list)

    assert said(write)["Ready"] == reason, what
    assert said(write)["Programmed"] == "Programmed"
    assert all(c["message"].endswith(".") for c in listed if c["status"] == "False")
    assert ready(seen, "MeetingRoom") == "Ready", "its rooms are not disturbed"


@pytest.mark.parametrize(
    ("what", "allowed", "is_permitted"),
    [
        ("by default", {}, False),
        ("all", {"from": "All"}, True),
        ("same", {"from": "Same"}, False),
        (
            "a selector that matches",
            {"from": "Selector", "selector": {"matchLabels": {"tier": "public"}}}, True,
        ),
        (
            "a selector that does not",
            {"from": "Selector", "selector": {"matchLabels": {"tier": "other"}}}, False,
        ),
        ("a selector of nothing", {"from": "Selector", "selector": {}}, False),
        ("no selector", {"from": "Selector"}, False),
    ],
)  # fmt: skip
def test_a_pool_says_whose_clinics_may_use_it(
    what: str, allowed: dict[str, object], is_permitted: bool
) -> None:
    seen = replace(
        WHOLE,
        clinic=clinic(SHARED),
        pool=media_pool({"allowedNamespaces": allowed}, **FOREIGN),
        namespace_labels={"tier": "public", "more": "yes"},
    )

    plan = plan_clinic(seen)

    assert plan.projection is not None
    assert plan.projection.pool == ("media/shared" if is_permitted else None), what


def test_a_clinic_without_an_organisation_keeps_its_pool() -> None:
    plan = plan_clinic(replace(WHOLE, organisation=None))

    assert plan.projection is not None
    assert plan.projection.pool == f"{NAMESPACE}/default"


def test_without_its_clinic_nothing_is_projected_and_everything_says_so() -> None:
    seen = replace(WHOLE, clinic=None)
    plan = plan_clinic(seen)

    assert plan.projection is None
    assert {write.resource.kind: said(write) for write in plan.statuses} == {
        kind: {
            "Accepted": "Accepted",
            "ResolvedRefs": "ClinicNotFound",
            "Programmed": "NotProgrammed",
            "Ready": "ClinicNotFound",
        }
        for kind in ("WaitingArea", "MeetingRoom", "UserRoom")
    }
    assert plan_clinic(replace(seen, waiting_area=None, rooms=())).statuses == ()


@pytest.mark.parametrize(
    ("what", "clinic_spec", "area_spec", "door"),
    [
        ("always", {}, {}, {"open": True}),
        ("disabled", {}, {"enabled": False}, {"open": False}),
        ("suspended", {"suspended": {}}, {}, {"open": False}),
        (
            "in its hours",
            {"timeZone": "Australia/Sydney"},
            {"hours": {"weekly": [{"days": ["Tue"], "ranges": [{"start": "09:00", "end": "21:00"}]}]}},
            {"open": True, "nextChange": "2026-11-24T10:00:00Z"},
        ),
        (
            "never open",
            {"timeZone": "Australia/Sydney"},
            {"hours": {"timeZone": "UTC"}},
            {"open": False},
        ),
    ],
)  # fmt: skip
def test_the_door_is_shown(
    what: str,
    clinic_spec: dict[str, object],
    area_spec: dict[str, object],
    door: dict[str, object],
) -> None:
    seen = replace(WHOLE, clinic=clinic(clinic_spec), waiting_area=waiting_area(area_spec))

    status = by_kind(seen)["WaitingArea"].status

    assert {key: status[key] for key in ("open", "nextChange") if key in status} == door, what


def test_an_unknown_time_zone_of_the_hours_is_the_waiting_areas_trouble() -> None:
    seen = replace(WHOLE, waiting_area=waiting_area({"hours": {"timeZone": "Atlantis"}}))

    assert ready(seen, "WaitingArea") == "TimeZoneUnknown"
    assert ready(seen, "Clinic") == "Ready"


def test_a_silent_routing_state_is_said_by_what_it_never_held() -> None:
    standing = by_kind(WHOLE)["Clinic"].status
    seen = replace(WHOLE, clinic=clinic(status=standing), is_routing_up=False)

    found = by_kind(seen)

    assert set(found) == {"WaitingArea", "MeetingRoom", "UserRoom"}
    assert {said(write)["Programmed"] for write in found.values()} == {"RoutingUnavailable"}


CLAIMING = {"slug": "heart", "hostname": "heart.example.org"}


def test_who_had_a_slug_and_a_host_name_first_has_them() -> None:
    plan = plan_clinic(replace(WHOLE, clinic=clinic(CLAIMING)))

    assert plan.projection is not None
    assert (plan.projection.slug, plan.projection.hostname) == ("heart", "heart.example.org")


@pytest.mark.parametrize(
    ("holder", "reason"), [("slug_holder", "SlugTaken"), ("hostname_holder", "HostnameTaken")]
)
def test_the_second_claimant_is_told_who_has_it_and_goes_without(holder: str, reason: str) -> None:
    taken: dict[str, Any] = {holder: "other/clinic"}
    seen = replace(WHOLE, clinic=clinic(CLAIMING), **taken)

    plan = plan_clinic(seen)

    assert said(plan.statuses[0])["Accepted"] == reason
    assert "other/clinic" in str(plan.statuses[0].status["conditions"])
    assert plan.projection is not None
    assert "" in (plan.projection.slug, plan.projection.hostname)
    assert plan.projection.waiting_area is not None, "its door stays as it is"


def test_a_clinic_shows_where_each_setting_comes_from() -> None:
    status = by_kind(WHOLE)["Clinic"].status

    assert {"name": "timeZone", "value": "UTC", "from": "Default"} in list(status["settings"])  # type: ignore[call-overload]  # a list


def test_an_organisation_counts_its_clinics() -> None:
    (write,) = plan_organisation(organisation(), 3, NOW)

    assert write.status["clinics"] == 3
    assert said(write)["Ready"] == "Ready"


def test_an_organisation_with_an_unknown_time_zone_says_so() -> None:
    (write,) = plan_organisation(organisation({"defaults": {"timeZone": "Atlantis"}}), 0, NOW)

    assert said(write)["Accepted"] == "TimeZoneUnknown"


def test_an_organisation_that_was_never_programmed_says_that_the_routing_state_is_silent() -> None:
    (write,) = plan_organisation(organisation(), 0, NOW, is_routing_up=False)

    assert said(write)["Ready"] == "RoutingUnavailable"

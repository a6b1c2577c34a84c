"""A clinic's own word counts, then its organisation's, then a default; and it can be seen whose it was."""

import pytest
from teleward_operator.core.inheritance import ClinicSettings, settle
from teleward_testing.declared import NAMESPACE, clinic, organisation

OWN = {
    "timeZone": "Asia/Kabul", "locales": ["fa"], "defaults": {"maxParticipants": 4},
    "mediaPoolRef": {"name": "own"},
}  # fmt: skip
INHERITED = {
    "timeZone": "Australia/Sydney", "locales": ["ar", "en"], "maxParticipants": 8,
    "mediaPoolRef": {"name": "shared", "namespace": "media"},
}  # fmt: skip


def shown(settings: ClinicSettings) -> tuple[object, ...]:
    return settings.time_zone, settings.locales, settings.max_participants, settings.pool


def sources(settings: ClinicSettings) -> set[str]:
    return {source for _, _, source in settings.sources}


def test_a_clinics_own_word_counts_first() -> None:
    found = settle(clinic(OWN), organisation({"defaults": INHERITED}))

    assert shown(found) == ("Asia/Kabul", ("fa",), 4, f"{NAMESPACE}/own")
    assert sources(found) == {"Clinic"}


def test_what_it_does_not_say_is_its_organisations() -> None:
    found = settle(clinic(), organisation({"defaults": INHERITED}))

    assert shown(found) == ("Australia/Sydney", ("ar", "en"), 8, "media/shared")
    assert sources(found) == {"Organisation"}


@pytest.mark.parametrize("of", [None, organisation()])
def test_what_nobody_says_has_a_default(of: None) -> None:
    found = settle(clinic(), of)

    assert shown(found) == ("UTC", ("en",), 6, f"{NAMESPACE}/default")
    assert sources(found) == {"Default"}


def test_a_time_zone_that_is_not_known_counts_as_unsaid() -> None:
    wrong = clinic({"timeZone": "Atlantis"})

    assert settle(wrong, None).time_zone == "UTC"
    assert settle(wrong, organisation({"defaults": INHERITED})).time_zone == "Australia/Sydney"


def test_settings_are_listed_by_name_as_in_the_api() -> None:
    listed = settle(clinic(OWN), None).sources

    assert [name for name, _, _ in listed] == [
        "locales",
        "maxParticipants",
        "mediaPoolRef",
        "timeZone",
    ]
    assert ("locales", "fa", "Clinic") in listed

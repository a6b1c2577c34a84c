"""A door is open, closed, suspended or full, in this order of weight, and says it in the clinic's words."""

from datetime import UTC, datetime

import pytest
from teleward_contract.projections import (
    ClinicProjection,
    OpeningHours,
    Suspension,
    WaitingAreaProjection,
)
from teleward_contract.units import Namespace
from teleward_gateway.core.door import DoorState, door_message, door_state, text_for

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
AREA = WaitingAreaProjection(
    uid="w", generation=1, max_waiting=2, closed_message={"en": "Phone us.", "ar": "اتصل بنا."}
)
CLINIC = ClinicProjection(
    namespace=Namespace("harbour"), name="cardiology", uid="c", generation=1,
    display_name="Cardiology", waiting_area=AREA,
)  # fmt: skip
SUSPENDED = CLINIC.model_copy(
    update={"suspended": Suspension(message_for_patients={"en": "We have moved."})}
)
CLOSED = CLINIC.model_copy(
    update={"waiting_area": AREA.model_copy(update={"hours": OpeningHours(time_zone="UTC")})}
)


@pytest.mark.parametrize(
    ("clinic", "waiting", "expected"),
    [
        (CLINIC, 1, DoorState.OPEN),
        (CLINIC, 2, DoorState.FULL),
        (CLOSED, 0, DoorState.CLOSED),
        (CLOSED, 2, DoorState.CLOSED),
        (SUSPENDED, 2, DoorState.SUSPENDED),
        (CLINIC.model_copy(update={"waiting_area": None}), 0, DoorState.CLOSED),
        (
            CLINIC.model_copy(update={"waiting_area": AREA.model_copy(update={"enabled": False})}),
            0,
            DoorState.CLOSED,
        ),
    ],
)
def test_a_door_has_one_state(clinic: ClinicProjection, waiting: int, expected: DoorState) -> None:
    assert door_state(clinic, waiting, NOW) is expected


def test_a_door_that_is_shut_speaks_the_clinics_words() -> None:
    assert door_message(CLOSED, DoorState.CLOSED, "ar") == "اتصل بنا."
    assert door_message(SUSPENDED, DoorState.SUSPENDED, "en") == "We have moved."


def test_a_door_without_words_of_its_own_says_nothing() -> None:
    bare = CLINIC.model_copy(update={"waiting_area": None})

    assert door_message(CLINIC, DoorState.OPEN, "en") == ""
    assert door_message(CLINIC, DoorState.FULL, "en") == ""
    assert door_message(bare, DoorState.CLOSED, "en") == ""
    assert door_message(CLINIC, DoorState.SUSPENDED, "en") == ""


@pytest.mark.parametrize(
    ("texts", "locale", "expected"),
    [
        ({"en": "a", "ar": "b"}, "ar", "b"),
        ({"en": "a", "ar": "b"}, "ar-EG", "b"),
        ({"en": "a", "pt-BR": "b"}, "pt-BR", "b"),
        ({"en": "a", "ar": "b"}, "fr", "a"),
        ({"ar": "b"}, "fr", "b"),
        ({}, "en", ""),
    ],
)
def test_a_text_is_found_in_the_language_nearest_to_the_one_asked_for(
    texts: dict[str, str], locale: str, expected: str
) -> None:
    assert text_for(texts, locale) == expected

"""A patient is told of their own visit, in their language, and of nobody else's."""

import pytest
from teleward_contract.projections import ClinicProjection, WaitingAreaProjection
from teleward_contract.units import Namespace
from teleward_gateway.core.frames import (
    ClinicShown,
    ClosingShown,
    MessageShown,
    over_frame,
    visit_frame,
)
from teleward_gateway.core.visits import OWN_WORDS, Visit, VisitState, Words

VISIT = Visit(id="v", namespace=Namespace("n"), clinic="c", clinic_uid="u", arrived_ms=0)
AREA = WaitingAreaProjection(
    uid="w", generation=1, notice={"en": "Soon.", "ar": "قريبا."}, fallback_phone="+1 555"
)
CLINIC = ClinicProjection(
    namespace=Namespace("n"), name="c", uid="u", generation=1, display_name="Cardiology",
    waiting_area=AREA,
)  # fmt: skip


def test_a_waiting_page_shows_the_clinics_words_in_the_patients_language() -> None:
    frame = visit_frame(CLINIC, VISIT, "ar")

    assert frame.clinic == ClinicShown(display_name="Cardiology", notice="قريبا.", phone="+1 555")
    assert (frame.state, frame.arrived_at) == (VisitState.WAITING, "1970-01-01T00:00:00.000Z")


def test_the_position_is_told_only_where_the_clinic_switched_it_on() -> None:
    shown = AREA.model_copy(update={"show_position": True})

    assert visit_frame(CLINIC, VISIT, "en", 3).position is None
    assert (
        visit_frame(CLINIC.model_copy(update={"waiting_area": shown}), VISIT, "en", 3).position
        == 3
    )


def test_a_clinic_that_has_lost_its_waiting_area_has_a_name_still() -> None:
    bare = CLINIC.model_copy(update={"waiting_area": None})

    assert visit_frame(bare, VISIT, "en", 1).clinic == ClinicShown(display_name="Cardiology")


def test_of_a_visit_that_is_over_its_end_is_told_and_nothing_else() -> None:
    ended = VISIT.model_copy(update={"state": VisitState.ENDED})

    frame = over_frame(ended, "en")
    assert (frame.clinic, frame.state, frame.message) == (ClinicShown(), VisitState.ENDED, None)


def test_a_ready_made_text_is_read_in_the_patients_language_and_own_words_as_they_are() -> None:
    ready = Words(texts={"en": "Ten minutes.", "ar": "عشر دقائق."}, at_ms=1)
    own = Words(texts={OWN_WORDS: "Ring 5."}, at_ms=2)
    at = "1970-01-01T00:00:00.00"

    assert visit_frame(CLINIC, VISIT, "ar", words=ready).message == MessageShown(
        text="عشر دقائق.", at=f"{at}1Z"
    )
    assert over_frame(VISIT, "ar", own).message == MessageShown(text="Ring 5.", at=f"{at}2Z")


def closing(link: str = "", **message: str) -> ClinicProjection:
    area = AREA.model_copy(update={"closing_message": message, "closing_link": link})
    return CLINIC.model_copy(update={"waiting_area": area})


def test_the_clinics_last_words_follow_a_consultation_that_ended_and_nothing_else() -> None:
    said = closing("https://survey.example.org/?q=1", en="Get well.", ar="سلامتك.")
    ended = VISIT.model_copy(update={"state": VisitState.ENDED})
    refused = VISIT.model_copy(update={"state": VisitState.REFUSED})

    assert over_frame(ended, "ar", clinic=said).closing == ClosingShown(
        message="سلامتك.", link="https://survey.example.org/?q=1"
    )
    assert over_frame(refused, "ar", clinic=said).closing is None
    assert over_frame(ended, "ar", clinic=CLINIC).closing is None
    bare = CLINIC.model_copy(update={"waiting_area": None})
    assert over_frame(ended, "ar", clinic=bare).closing is None


@pytest.mark.parametrize("link", ["http://x.org", "javascript:alert(1)", "//x.org", "data:,x"])
def test_a_link_that_is_not_https_is_not_told(link: str) -> None:
    ended = VISIT.model_copy(update={"state": VisitState.ENDED})

    assert over_frame(ended, "en", clinic=closing(link)).closing == ClosingShown()


def test_a_patient_for_whom_there_was_no_place_is_told_while_they_wait() -> None:
    delayed = VISIT.model_copy(update={"is_delayed": True})
    called = delayed.model_copy(update={"state": VisitState.CALLED})

    assert visit_frame(CLINIC, delayed, "en").delayed
    assert not visit_frame(CLINIC, called, "en").delayed
    assert not visit_frame(CLINIC, VISIT, "en").delayed

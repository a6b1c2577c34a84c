"""What staff write is bounded and clean, and a ready-made text is one that the clinic has."""

import pytest
from teleward_contract.projections import ClinicProjection, WaitingAreaProjection
from teleward_contract.units import Namespace
from teleward_gateway.core.visits import OWN_WORDS
from teleward_gateway.core.words import MAX_WORDS, ready_texts, texts_of
from teleward_gateway.errors import RefusedError

LATE = {"en": "Ten minutes.", "ar": "عشر دقائق."}
OFFERED = ({"en": "Soon."}, LATE)


def test_own_words_are_kept_as_one_clean_line() -> None:
    assert texts_of(" Come \n to\u202e desk 5 ", "", OFFERED) == {OWN_WORDS: "Come to desk 5"}


@pytest.mark.parametrize("nothing", ["", " \n", "\u200d"])
def test_what_cannot_be_read_is_nothing(nothing: str) -> None:
    assert texts_of(nothing, "", OFFERED) is None


@pytest.mark.parametrize("shown", LATE.values())
def test_a_ready_made_text_counts_in_every_language_it_has(shown: str) -> None:
    assert texts_of("own words", shown, OFFERED) == LATE


def test_a_text_that_the_clinic_has_not_any_more_is_refused() -> None:
    with pytest.raises(RefusedError) as refused:
        texts_of("", "Never.", OFFERED)

    assert (refused.value.status, refused.value.code) == (422, "unknown_text")


def test_words_have_a_greatest_length() -> None:
    assert texts_of("x" * MAX_WORDS, "", ()) is not None
    with pytest.raises(RefusedError) as refused:
        texts_of("x" * (MAX_WORDS + 1), "", ())

    assert (refused.value.status, refused.value.code) == (422, "too_long")


def test_the_clinics_texts_stand_in_its_waiting_area() -> None:
    area = WaitingAreaProjection(uid="w", generation=1, ready_messages=OFFERED)
    clinic = ClinicProjection(
        namespace=Namespace("n"), name="c", uid="u", generation=1, display_name="C"
    )

    assert ready_texts(clinic) == ()
    assert ready_texts(clinic.model_copy(update={"waiting_area": area})) == OFFERED

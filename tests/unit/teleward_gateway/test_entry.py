"""An entry is taken as it was meant, or refused field by field with a reason that a page can word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from teleward_contract.projections import EntryField
from teleward_gateway.core.entry import (
    MAX_ANSWER,
    MAX_NAME,
    Checked,
    Said,
    SpeakerSaid,
    check_entry,
)
from teleward_gateway.core.visits import Personal, Speaker

QUESTIONS = (
    EntryField(name="reason", label={"en": "Reason"}),
    EntryField(name="phone", label={"en": "Phone"}, kind="Phone", required=True),
    EntryField(name="born", label={"en": "Born"}, kind="Date"),
    EntryField(name="language", label={"en": "Language"}, kind="Choice", choices=("en", "ar")),
    EntryField(name="consent", label={"en": "I agree"}, kind="Consent", required=True),
)
NOON_MS = 1_795_003_200_000
"""2026-11-18T12:00Z."""
GOOD = {"phone": "+43 (1) 234/56-7", "consent": "true"}


def check(name: str = "Ada", locale: str = "en", **answers: str) -> Checked:
    said = Said.model_construct(name=name, fields=GOOD | answers, locale=locale)
    return check_entry(said, QUESTIONS, NOON_MS)


def test_a_complete_entry_is_taken() -> None:
    assert check(reason="cough", born="1950-02-28", language="ar") == Checked(
        Personal(
            name="Ada",
            fields={**GOOD, "reason": "cough", "born": "1950-02-28", "language": "ar"},
            locale="en",
        )
    )


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"name": ""}, "required"),
        ({"name": " \u200b\t\n "}, "required"),
        ({"name": "x" * (MAX_NAME + 1)}, "too_long"),
        ({"phone": ""}, "required"),
        ({"phone": "12"}, "not_a_phone"),
        ({"phone": "call me"}, "not_a_phone"),
        ({"phone": "+1+2345"}, "not_a_phone"),
        ({"born": "28.2.1950"}, "not_a_date"),
        ({"born": "1950-02-30"}, "not_a_date"),
        ({"born": "19500228"}, "not_a_date"),
        ({"language": "fr"}, "not_a_choice"),
        ({"consent": "false"}, "required"),
        ({"reason": "x" * (MAX_ANSWER + 1)}, "too_long"),
    ],
)
def test_what_is_wrong_is_named_by_field(wrong: dict[str, str], reason: str) -> None:
    checked = check(**wrong)

    (field,) = wrong
    assert checked == Checked(None, {field: reason})


def test_every_wrong_field_is_named_at_once() -> None:
    assert check(name="", phone="", born="soon").problems == {
        "name": "required",
        "phone": "required",
        "born": "not_a_date",
    }


def test_answers_that_nobody_asked_for_are_dropped_and_empty_ones_are_not_kept() -> None:
    checked = check(shoe_size="44", reason="  ")

    assert checked.personal is not None
    assert checked.personal.fields == GOOD


def test_white_space_is_folded_and_lines_become_one() -> None:
    checked = check(name="  Ada\tKing \n Lovelace ")

    assert checked.personal is not None
    assert checked.personal.name == "Ada King Lovelace"


def test_what_turns_a_line_round_is_dropped_and_what_names_need_stays() -> None:
    checked = check(name="\u202eevil\u2066 نرگس\u200cزاده\u200f\x00\x1b[31m\ud800")

    assert checked.personal is not None
    assert checked.personal.name == "evil نرگس\u200cزاده\u200f[31m"


def test_equal_names_are_equal_however_they_were_typed() -> None:
    assert check(name="Ame\u0301lie").personal == check(name="Am\u00e9lie").personal


@pytest.mark.parametrize(
    ("locale", "kept"), [("ar", "ar"), ("pt-BR", "pt-BR"), ("", "en"), ("<b>", "en")]
)
def test_a_locale_that_is_none_is_english(locale: str, kept: str) -> None:
    checked = check(locale=locale)

    assert checked.personal is not None
    assert checked.personal.locale == kept


@given(
    st.text(), st.dictionaries(st.sampled_from([q.name for q in QUESTIONS]), st.text()), st.text()
)
def test_whatever_is_typed_is_taken_as_storable_text_or_refused(
    name: str, answers: dict[str, str], locale: str
) -> None:
    said = Said.model_construct(name=name, fields=answers, locale=locale)
    checked = check_entry(said, QUESTIONS, NOON_MS)

    assert (checked.personal is None) is bool(checked.problems)
    if checked.personal is not None:
        assert Personal.model_validate_json(checked.personal.model_dump_json()) == checked.personal


def test_who_speaks_for_the_patient_is_named_like_the_patient() -> None:
    def speaks(name: str) -> Checked:
        said = Said(name="Ada", speaker=SpeakerSaid(name=name, role="interpreter"))
        return check_entry(said, (), NOON_MS)

    assert speaks(" Mia\tNovak ") == Checked(
        Personal(name="Ada", speaker=Speaker(name="Mia Novak", role="interpreter"))
    )
    assert speaks("\u200b").problems == {"speaker_name": "required"}
    assert speaks("x" * (MAX_NAME + 1)).problems == {"speaker_name": "too_long"}


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("2026-11-18T10:30Z", "2026-11-18T10:30:00Z"),
        ("2026-11-18T21:30:00+11:00", "2026-11-18T10:30:00Z"),
        ("2026-11-19T12:00:00.000Z", "2026-11-19T12:00:00Z"),
        ("2026-11-19T12:00:01Z", ""),
        ("2026-11-17T11:59:59Z", ""),
        ("2026-11-18T10:30", ""),
        ("2026-11-18 10:30Z", ""),
        ("2026-02-30T10:30Z", ""),
        ("0001-01-01T00:00:00+23:59", ""),
        ("10:30", ""),
        ("<b>", ""),
        ("", ""),
    ],
)
def test_an_appointment_is_a_moment_of_the_same_day_or_none(told: str, kept: str) -> None:
    checked = check_entry(Said(name="Ada", appointment=told), (), NOON_MS)

    assert checked.personal is not None
    assert checked.personal.appointment == kept


@given(st.text(max_size=40))
def test_whatever_a_link_says_of_an_appointment_nobody_is_kept_out(told: str) -> None:
    checked = check_entry(Said(name="Ada", appointment=told), (), NOON_MS)

    assert checked.personal is not None

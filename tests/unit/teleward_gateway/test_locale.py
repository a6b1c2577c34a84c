"""A page speaks the language of the link, else of the browser, else of the clinic, else English."""

import pytest
from teleward_gateway.core.locale import choose_locale, direction


@pytest.mark.parametrize(
    ("asked", "accepted", "clinic", "expected"),
    [
        ("ar", "en", ("en",), "ar"),
        ("ar-EG", "en", ("en",), "ar"),
        ("", "ar;q=0.5, en;q=0.9", (), "en"),
        ("", "fr, ar;q=0.5", (), "ar"),
        ("", "fr", ("ar", "en"), "ar"),
        ("xx", "", (), "en"),
        ("", "en;q=nonsense, ar;q=0.1", (), "ar"),
        ("", "en;level=1", ("ar",), "en"),
        ("", "*", ("ar",), "ar"),
    ],
)
def test_the_nearest_wish_that_can_be_met_wins(
    asked: str, accepted: str, clinic: tuple[str, ...], expected: str
) -> None:
    assert choose_locale(asked, accepted, clinic) == expected


def test_a_header_of_any_length_is_read_no_further_than_twenty_tags() -> None:
    assert choose_locale("", "fr," * 20 + "ar", ()) == "en"


@pytest.mark.parametrize(
    ("locale", "expected"), [("ar", "rtl"), ("ar-EG", "rtl"), ("ur", "rtl"), ("en", "ltr")]
)
def test_direction_follows_the_language(locale: str, expected: str) -> None:
    assert direction(locale) == expected

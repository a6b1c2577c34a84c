"""Of what a page says about its device nothing is kept but words of a closed list."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from teleward_gateway.core.device import DeviceReport

FIELDS = tuple(name for name in DeviceReport.model_fields if name != "v")


def test_a_report_is_kept_as_it_was_told() -> None:
    told = {
        "device": "phone", "browser": "firefox", "camera": "blocked", "microphone": "silent",
        "calls": "no_udp", "network": "slow",
    }  # fmt: skip

    assert DeviceReport.model_validate(told).model_dump(exclude={"v"}) == told


def test_what_was_not_told_is_unknown() -> None:
    assert set(DeviceReport().model_dump(exclude={"v"}).values()) == {"unknown"}


@pytest.mark.parametrize("told", ["Mozilla/5.0 (X11; Linux)", "", "PHONE", None, 7, ["phone"], {}])
def test_what_is_no_word_of_the_list_is_unknown(told: object) -> None:
    report = DeviceReport.model_validate(dict.fromkeys(FIELDS, told))

    assert report == DeviceReport()


@given(st.dictionaries(st.sampled_from(FIELDS), st.text() | st.none() | st.integers()))
def test_no_text_of_a_page_is_ever_kept(told: dict[str, object]) -> None:
    kept = DeviceReport.model_validate(told).model_dump(exclude={"v"})

    assert all(value == "unknown" or told[name] == value for name, value in kept.items())
    assert all(len(value) <= 20 for value in kept.values())

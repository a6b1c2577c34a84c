"""Reading on in the audit begins at an id that a store gives, and at nothing else."""

import pytest
from teleward_gateway.core.audit import is_id


@pytest.mark.parametrize("text", ["1795000000000-0", "1-9999999999"])
def test_an_id_is_a_time_and_a_number(text: str) -> None:
    assert is_id(text)


@pytest.mark.parametrize(
    "text", ["", "1", "-", "0-0", "0-1", "1-", "1-x", "1-12345678901", "1-0 "]
)
def test_what_no_store_gives_is_no_id(text: str) -> None:
    """Before `0-0` there is nothing that a store could be asked for: it would answer by an error."""
    assert not is_id(text)

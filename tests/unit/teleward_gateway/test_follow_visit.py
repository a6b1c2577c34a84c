"""A waiting page is noted as there often enough never to look stale, and no more often."""

import pytest
from teleward_contract.projections import ClinicProjection, WaitingAreaProjection
from teleward_contract.units import Namespace
from teleward_gateway.usecases.follow_visit import heard_every_s

CLINIC = ClinicProjection(
    namespace=Namespace("n"), name="c", uid="u", generation=1, display_name="Cardiology"
)


@pytest.mark.parametrize(
    ("stale_after_s", "every_s"), [(10, 5), (20, 5), (40, 10), (60, 15), (80, 20), (600, 20)]
)
def test_it_is_noted_twice_at_least_before_it_would_look_stale(
    stale_after_s: int, every_s: float
) -> None:
    area = WaitingAreaProjection(uid="a", generation=1, stale_after_s=stale_after_s)

    assert heard_every_s((CLINIC.model_copy(update={"waiting_area": area}), None)) == every_s
    assert every_s <= stale_after_s / 2


def test_without_a_waiting_area_it_is_noted_as_often_as_anywhere() -> None:
    assert heard_every_s((CLINIC, None)) == 5
    assert heard_every_s(None) == 5

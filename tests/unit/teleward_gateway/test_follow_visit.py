"""A waiting page is noted as there often enough never to look stale, and no more often; in doubt it is looked after."""

import pytest
from teleward_contract.projections import ClinicProjection, WaitingAreaProjection
from teleward_contract.signalling import WaitReason
from teleward_contract.units import Namespace
from teleward_gateway.core.frames import PatientFrame, WaitFrame, visit_frame
from teleward_gateway.core.visits import Personal, Visit, Waiting
from teleward_gateway.usecases.follow_visit import RETRY_S, heard_every_s, look_again_s
from teleward_gateway.usecases.watch_clinics import ClinicView

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


VISIT = Visit(id="v", namespace=Namespace("n"), clinic="c", clinic_uid="u", arrived_ms=1)
TOLD = visit_frame(CLINIC, VISIT, "en", None, None)
KNOWN = {"v": Waiting(visit=VISIT, personal=Personal(name="Ann"))}


@pytest.mark.parametrize(
    ("frame", "queue", "after_s"),
    [
        (TOLD, KNOWN, heard_every_s((CLINIC, None))),
        (TOLD, {}, RETRY_S),
        (WaitFrame(reason=WaitReason.UNAVAILABLE), KNOWN, RETRY_S),
    ],
)
def test_a_visit_that_was_never_read_is_looked_after_soon(
    frame: PatientFrame, queue: dict[str, Waiting], after_s: float
) -> None:
    """Made a moment before the store was emptied, it is missed by nobody but its page."""
    assert look_again_s(frame, "v", ClinicView(found=(CLINIC, None), queue=queue)) == after_s

"""What a waiting page found out about its device stands beside what the patient said, and goes with it.

Every clause holds for the memory implementation and for the script on a real store of each kind.
"""

from teleward_gateway.core.device import DeviceReport
from teleward_gateway.core.visits import (
    Carried,
    Destination,
    Personal,
    Speaker,
    VisitAction,
    VisitState,
)
from teleward_testing.visiting import ADA, HARBOUR, HILLS, KEEP_S, UNHEARD_S, ClockedVisits, visit

PHONE = DeviceReport(device="phone", browser="firefox", camera="blocked", network="slow")


async def test_a_report_is_read_with_the_queue_and_the_newest_counts(
    visits: ClockedVisits,
) -> None:
    await visits.ports.enter(visit(), ADA, KEEP_S)

    await visits.ports.report(HARBOUR, "v", "uid-1", DeviceReport(camera="asking"))
    await visits.ports.report(HARBOUR, "v", "uid-1", PHONE)

    (row,) = await visits.other.waiting(HARBOUR, "uid-1")
    assert row.personal == ADA.model_copy(update={"device": PHONE})
    assert await visits.other.personal(HARBOUR, "v") == row.personal


async def test_a_report_changes_nothing_that_the_patient_said(visits: ClockedVisits) -> None:
    said = Personal(
        name='Ada "/\\" نرگس', locale="ar", speaker=Speaker(name="Mía", role="interpreter"),
        appointment="2026-11-18T10:30:00Z",
    )  # fmt: skip
    await visits.ports.enter(visit(), said, KEEP_S)

    await visits.ports.report(HARBOUR, "v", "uid-1", PHONE)

    assert await visits.ports.personal(HARBOUR, "v") == said.model_copy(update={"device": PHONE})


async def test_a_report_of_a_page_that_is_nowhere_or_elsewhere_changes_nothing(
    visits: ClockedVisits,
) -> None:
    await visits.ports.report(HARBOUR, "v", "uid-1", PHONE)
    assert await visits.ports.personal(HARBOUR, "v") is None
    await visits.ports.enter(visit(), ADA, KEEP_S)

    await visits.ports.report(HARBOUR, "v", "uid-2", PHONE)
    await visits.ports.report(HILLS, "v", "uid-1", PHONE)

    assert await visits.ports.personal(HARBOUR, "v") == ADA


async def test_a_report_goes_with_the_patient_to_another_clinic(visits: ClockedVisits) -> None:
    await visits.ports.enter(visit(), ADA, KEEP_S)
    await visits.ports.report(HARBOUR, "v", "uid-1", PHONE)
    to = Destination(
        clinic="eyes", clinic_uid="uid-2", at_most=9, came_from="C", came_from_uid="u"
    )
    await visits.ports.change(HARBOUR, "v", VisitAction.TRANSFER, "grace", Carried(to=to))

    (row,) = await visits.ports.waiting(HARBOUR, "uid-2")
    assert row.personal.device == PHONE


async def test_no_report_brings_anything_back_of_a_visit_that_is_over(
    visits: ClockedVisits,
) -> None:
    await visits.bring(VisitState.ENDED)

    await visits.ports.report(HARBOUR, "v", "uid-1", PHONE)

    assert await visits.ports.personal(HARBOUR, "v") is None


async def test_a_report_does_not_keep_what_would_have_been_forgotten(
    visits: ClockedVisits,
) -> None:
    await visits.ports.enter(visit(), ADA, KEEP_S)
    await visits.pass_s(UNHEARD_S)
    await visits.ports.report(HARBOUR, "v", "uid-1", PHONE)

    await visits.pass_s(61)

    assert await visits.ports.personal(HARBOUR, "v") is None
    assert await visits.queue() == []

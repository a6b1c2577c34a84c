"""A visit is brought back as it was after the store was emptied, and nobody is brought into a call by that."""

import pytest
from teleward_contract.placements import Placement
from teleward_contract.projections import ClinicProjection
from teleward_contract.tickets import MediaTicket
from teleward_contract.units import Namespace, call_cost
from teleward_gateway.adapters.guests_memory import MemoryGuestLinks
from teleward_gateway.adapters.pseudonyms import KeyedPseudonyms
from teleward_gateway.adapters.visits_memory import MemoryVisits
from teleward_gateway.core.participants import Participants
from teleward_gateway.core.tickets import Ticket
from teleward_gateway.core.visits import Personal, Visit, VisitState, call_of
from teleward_gateway.errors import RefusedError
from teleward_gateway.ports.calls import Control
from teleward_gateway.usecases.consult import Consulting
from teleward_gateway.usecases.place_calls import Calls
from teleward_testing.routing import POOL, Clock, ClockedRouting, heartbeat, placed

NAMESPACE = Namespace("harbour")
CLINIC = ClinicProjection(
    namespace=NAMESPACE, name="cardiology", uid="uid-1", generation=1, display_name="Cardiology",
    pool=POOL,
)  # fmt: skip
TICKET = Ticket(
    visit="v", namespace=NAMESPACE, clinic="cardiology", clinic_uid="uid-1", arrived_ms=7,
    life="an earlier one", expires=0,
)  # fmt: skip
ADA = Personal(name="Ada")


class NoControlPorts:
    """No media node is asked for anything."""

    async def open(self, placement: Placement, ticket: MediaTicket) -> Control:
        raise AssertionError("nothing is to be done in a call")


class House:
    """A clinic, its visits and a media node."""

    def __init__(self) -> None:
        self.routing = ClockedRouting("memory", None)
        self.visits = MemoryVisits(Clock(), 600)
        guests = MemoryGuestLinks(Clock(), self.visits)
        calls = Calls(self.routing.ports, NoControlPorts())
        self.consulting = Consulting(
            self.visits,
            guests,
            self.routing.ports,
            calls,
            Participants(b""),
            KeyedPseudonyms(b"key"),
        )

    async def begin(self) -> None:
        await self.routing.ports.beat(heartbeat())
        await self.routing.recovered()
        await self.routing.ports.beat(heartbeat())

    async def rebuild(self, told: VisitState | None) -> Visit:
        visit = await self.consulting.rebuild((CLINIC, None), TICKET, ADA, told)
        assert visit is not None
        return visit


@pytest.fixture
async def house() -> House:
    made = House()
    await made.begin()
    return made


@pytest.mark.parametrize(
    ("told", "state"),
    [
        (VisitState.WAITING, VisitState.WAITING),
        (VisitState.CALLED, VisitState.IN_CONSULTATION),
        (VisitState.IN_CONSULTATION, VisitState.IN_CONSULTATION),
        (VisitState.ON_HOLD, VisitState.ON_HOLD),
        (None, VisitState.ON_HOLD),
    ],
)
async def test_whose_call_is_live_is_in_it_again_if_that_was_told_last(
    house: House, told: VisitState | None, state: VisitState
) -> None:
    placed(await house.routing.ports.reserve(POOL, call_of("v"), call_cost(2)))

    visit = await house.rebuild(told)

    assert (visit.state, visit.arrived_ms) == (state, 7)


@pytest.mark.parametrize("told", [*VisitState, None])
async def test_whose_call_is_gone_waits_whatever_the_page_says(
    house: House, told: VisitState | None
) -> None:
    assert (await house.rebuild(told)).state is VisitState.WAITING


async def test_who_waited_waits_again_before_it_is_known_which_calls_go_on() -> None:
    assert (await House().rebuild(VisitState.WAITING)).state is VisitState.WAITING
    with pytest.raises(RefusedError) as refused:
        await House().rebuild(None)
    assert refused.value.is_temporary


async def test_who_has_called_in_elsewhere_meanwhile_has_not_called_in_here(house: House) -> None:
    there = Visit(
        id="v", namespace=NAMESPACE, clinic="eyes", clinic_uid="uid-2", state=VisitState.CALLED,
        called_by="grace",
    )  # fmt: skip
    await house.visits.enter(there, ADA, 60)
    here = there.model_copy(update={"clinic_uid": "uid-1", "state": VisitState.WAITING})

    with pytest.raises(RefusedError) as refused:
        await house.consulting.call_in((CLINIC, None), here, "grace")

    assert refused.value.status == 404
    with pytest.raises(RefusedError):
        await house.consulting.call_in((CLINIC, None), there, "ada")

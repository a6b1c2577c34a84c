"""One table decides at every door: what a standing in one clinic permits there, and nothing anywhere else."""

import pytest
from teleward_contract.projections import (
    ClinicProjection,
    OrganisationProjection,
    Role,
    RoomKind,
    RoomProjection,
    TeamMember,
)
from teleward_contract.units import Namespace
from teleward_gateway.core.admission import (
    PERMITTED,
    ROOM_ACTIONS,
    VISIT_ACTIONS,
    Action,
    Tie,
    is_permitted,
    leading,
    needed_for,
    permitted,
    standings_in,
    standings_of,
    standings_of_guest,
    standings_of_ticket,
)
from teleward_gateway.core.staff import StaffSession
from teleward_gateway.core.visits import TRANSITIONS, VisitAction, VisitState
from teleward_testing.permissions import is_in_matrix

ADA, BOB = "ada@example.org", "bob@example.org"
AS_ADA, AS_BOB = (StaffSession(user=user, display_name=user) for user in (ADA, BOB))


def clinic(*team: TeamMember, uid: str = "c1") -> ClinicProjection:
    return ClinicProjection(
        namespace=Namespace("harbour"), name="cardiology", uid=uid, generation=1,
        display_name="Cardiology", team=team,
    )  # fmt: skip


def organisation(*team: TeamMember) -> OrganisationProjection:
    return OrganisationProjection(
        namespace=Namespace("harbour"), uid="o1", generation=1, display_name="Harbour", team=team
    )


def room(owner: str | None, kind: RoomKind = RoomKind.USER_ROOM) -> RoomProjection:
    return RoomProjection(
        kind=kind, name="r", uid="r1", generation=1, display_name="R", owner=owner
    )


@pytest.mark.parametrize("action", list(Action))
@pytest.mark.parametrize("standing", [*Role, *Tie])
def test_matrix_of_what_a_standing_permits(standing: Role | Tie, action: Action) -> None:
    permitted = is_in_matrix(standing.value, action)

    assert is_permitted(frozenset({standing}), action) is permitted


@pytest.mark.parametrize("action", list(Action))
def test_without_a_standing_nothing_is_permitted(action: Action) -> None:
    assert not is_permitted(frozenset(), action)


def test_every_role_has_its_row() -> None:
    assert set(PERMITTED) == {*Role, *Tie}


def test_several_standings_permit_what_any_of_them_does() -> None:
    both = frozenset({Role.ORGANISATION_REPORTER, Role.RECEPTIONIST})

    assert is_permitted(both, Action.SEE_QUEUE)


def test_roles_come_from_the_clinic_and_its_organisation_and_from_nowhere_else() -> None:
    here = clinic(
        TeamMember(role=Role.CLINICIAN, user=ADA), TeamMember(role=Role.CLINIC_ADMIN, group="g")
    )
    above = organisation(TeamMember(role=Role.ORGANISATION_ADMIN, user=ADA))

    assert standings_of(AS_ADA, here, above) == {Role.CLINICIAN, Role.ORGANISATION_ADMIN}
    assert standings_of(AS_ADA, here, None) == {Role.CLINICIAN}
    assert standings_of(AS_BOB, here, above) == frozenset()


def test_a_user_room_has_one_owner_who_must_be_of_the_clinic() -> None:
    here = clinic(
        TeamMember(role=Role.CLINICIAN, user=ADA), TeamMember(role=Role.CLINIC_ADMIN, user=BOB)
    )

    assert Tie.OWNER in standings_of(AS_ADA, here, None, room(ADA))
    assert Tie.OWNER not in standings_of(AS_BOB, here, None, room(ADA))
    assert standings_of(AS_ADA, clinic(), None, room(ADA)) == frozenset()
    assert Tie.OWNER not in standings_of(AS_ADA, here, None, room(None, RoomKind.MEETING_ROOM))


def test_a_session_of_another_organisation_is_nothing_here() -> None:
    here = clinic(TeamMember(role=Role.CLINICIAN, user=ADA))
    elsewhere = AS_ADA.model_copy(update={"namespace": Namespace("hills"), "issuer": "hospital"})

    assert standings_of(elsewhere, here, organisation()) == frozenset()


def test_in_a_whole_organisation_its_own_roles_count_and_no_clinics_do() -> None:
    above = organisation(TeamMember(role=Role.ORGANISATION_REPORTER, user=ADA))
    elsewhere = AS_ADA.model_copy(update={"namespace": Namespace("hills"), "issuer": "x"})

    assert standings_in(AS_ADA, above) == {Role.ORGANISATION_REPORTER}
    assert standings_in(AS_BOB, above) == standings_in(AS_ADA, None) == frozenset()
    assert standings_in(elsewhere, above) == frozenset()


def test_every_kind_of_room_has_its_own_action() -> None:
    assert ROOM_ACTIONS == {
        RoomKind.MEETING_ROOM: Action.ENTER_MEETING_ROOM,
        RoomKind.USER_ROOM: Action.ENTER_USER_ROOM,
    }


def test_a_ticket_counts_in_its_own_clinic_alone_also_when_another_has_taken_the_name() -> None:
    assert standings_of_ticket("c1", clinic(uid="c1")) == {Tie.PATIENT}
    assert standings_of_ticket("c1", clinic(uid="c2")) == frozenset()


def test_a_pass_counts_in_its_own_clinic_alone() -> None:
    assert standings_of_guest("c1", clinic(uid="c1")) == {Tie.GUEST}
    assert standings_of_guest("c1", clinic(uid="c2")) == frozenset()


def test_the_highest_standing_leads() -> None:
    assert leading(frozenset({Role.CLINICIAN, Role.CLINIC_ADMIN})) is Role.CLINIC_ADMIN
    assert leading(frozenset({Role.RECEPTIONIST, Role.ORGANISATION_REPORTER})) is Role.RECEPTIONIST


def test_all_that_is_permitted_can_be_listed() -> None:
    one = frozenset({Role.RECEPTIONIST})

    assert permitted(one) == [action for action in Action if is_permitted(one, action)]
    assert permitted(frozenset()) == []


def test_every_step_of_a_visit_takes_something() -> None:
    assert set(VISIT_ACTIONS) == set(TRANSITIONS) - {VisitAction.JOIN}


@pytest.mark.parametrize("state", TRANSITIONS[VisitAction.TRANSFER])
def test_who_transfers_out_of_a_consultation_may_also_send_the_patient_back(
    state: VisitState,
) -> None:
    able = {
        who for who, may in PERMITTED.items() if needed_for(VisitAction.TRANSFER, state) <= may
    }

    assert (Role.REFERRER in able) is (state is VisitState.WAITING)
    assert Role.CLINICIAN in able

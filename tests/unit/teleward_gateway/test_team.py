"""Staff are told of one another by name."""

from teleward_contract.projections import (
    ClinicProjection,
    OrganisationProjection,
    Role,
    RoomKind,
    RoomProjection,
    TeamMember,
)
from teleward_contract.units import Namespace
from teleward_gateway.core.admission import Action
from teleward_gateway.core.team import name_of, title_of, who_may

ADA, BEN, EVE = "ada@example.org", "ben@example.org", "eve@example.org"


def member(user: str, name: str = "", role: Role = Role.CLINICIAN) -> TeamMember:
    return TeamMember(role=role, user=user, display_name=name)


def clinic(*team: TeamMember) -> ClinicProjection:
    return ClinicProjection(
        namespace=Namespace("n"), name="c", uid="u", generation=1, display_name="C", team=team
    )


def organisation(*team: TeamMember) -> OrganisationProjection:
    return OrganisationProjection(
        namespace=Namespace("n"), uid="o", generation=1, display_name="O", team=team
    )


def test_a_name_comes_from_whichever_team_has_one() -> None:
    here, above = clinic(member(ADA), member(BEN, "Ben")), organisation(member(ADA, "Dr Ada"))

    assert [name_of(user, here, above) for user in (ADA, BEN, EVE)] == ["Dr Ada", "Ben", EVE]
    assert name_of(ADA, here, None) == ADA


def test_a_user_room_is_called_as_declared_else_by_its_owner() -> None:
    here = clinic(member(ADA, "Dr Ada"))
    room = RoomProjection(
        kind=RoomKind.USER_ROOM, name="ada", uid="r", generation=1, display_name="ada", owner=ADA
    )
    named = room.model_copy(update={"display_name": "Ada's corner"})
    meeting = room.model_copy(update={"kind": RoomKind.MEETING_ROOM, "owner": None})

    assert [title_of(one, here, None) for one in (room, named, meeting)] == [
        "Dr Ada", "Ada's corner", "ada",
    ]  # fmt: skip


def test_who_may_do_something_is_listed_by_name_and_groups_are_not() -> None:
    group = TeamMember(role=Role.CLINICIAN, group="doctors")
    here = clinic(member(EVE), member(BEN, "Ben"), member("desk", role=Role.RECEPTIONIST), group)
    above = organisation(member(ADA, "Ada", Role.ORGANISATION_ADMIN))

    assert list(who_may(Action.JOIN_VISIT, here, above).items()) == [
        (ADA, "Ada"), (BEN, "Ben"), (EVE, EVE),
    ]  # fmt: skip
    assert who_may(Action.JOIN_VISIT, clinic(), None) == {}

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
from teleward_gateway.core.staff import StaffSession, identity
from teleward_gateway.core.team import as_at_work, colleagues, name_of, title_of, who_may

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


def test_two_issuers_with_the_same_user_are_two_people() -> None:
    here = clinic(
        TeamMember(role=Role.CLINICIAN, user=ADA, issuer="hospital", display_name="Dr Ada"),
        TeamMember(role=Role.CLINICIAN, user=ADA, issuer="agency", display_name="Dr Ada"),
        member(BEN, "Ben"),
    )

    assert who_may(Action.JOIN_VISIT, here, None) == {
        BEN: "Ben", identity(ADA, "agency"): "Dr Ada (agency)",
        identity(ADA, "hospital"): "Dr Ada (hospital)",
    }  # fmt: skip


def test_a_person_of_one_issuer_is_not_called_as_one_of_another() -> None:
    here = clinic(
        TeamMember(role=Role.CLINICIAN, user=ADA, issuer="hospital", display_name="Dr Ada"),
        TeamMember(role=Role.CLINICIAN, user=BEN, display_name="Ben"),
    )

    named = [identity(ADA, "hospital"), identity(ADA, "agency"), identity(BEN, "agency")]
    assert [name_of(one, here, None) for one in named] == ["Dr Ada", ADA, "Ben"]


def test_of_a_group_those_at_work_are_offered_and_nobody_twice() -> None:
    here = clinic(
        TeamMember(role=Role.CLINICIAN, group="/doctors"), member(BEN, "Ben"),
        TeamMember(role=Role.RECEPTIONIST, group="desk"),
    )  # fmt: skip

    def at_work(user: str, *groups: str, name: str = "") -> StaffSession:
        return StaffSession(user=user, display_name=name, groups=groups)

    told = colleagues(
        Action.JOIN_VISIT, here, None,
        [
            at_work(ADA, "doctors", name="Dr Ada"), at_work(BEN, "doctors", name="Benjamin"),
            at_work(EVE, "desk"), at_work("kim@x.org", "doctors"),
        ],
    )  # fmt: skip

    assert told == {BEN: "Ben", ADA: "Dr Ada", "kim@x.org": "kim@x.org"}


def test_of_somebody_at_work_no_group_is_kept_that_no_team_names() -> None:
    here, above = clinic(TeamMember(role=Role.CLINICIAN, group="/doctors")), organisation()
    who = StaffSession(user=ADA, display_name="", groups=("staff", "doctors"), ties=("tie",))

    kept = as_at_work(who, here, above)

    assert kept == StaffSession(user=ADA, display_name="", groups=("doctors",))
    assert as_at_work(who, here, None) == kept

"""Staff are told of one another by name."""

from teleward_contract.projections import (
    ClinicProjection,
    OrganisationProjection,
    Role,
    TeamMember,
)
from teleward_contract.units import Namespace
from teleward_gateway.core.team import name_of

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

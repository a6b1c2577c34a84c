"""The people of a clinic, as its team and its organisation's name them."""

from teleward_contract.projections import ClinicProjection, OrganisationProjection


def name_of(
    user: str, clinic: ClinicProjection, organisation: OrganisationProjection | None
) -> str:
    """What colleagues call `user`: the name in a team, else the user as signed in."""
    inherited = organisation.team if organisation else ()
    names = (m.display_name for m in (*clinic.team, *inherited) if m.user == user)
    return next(filter(None, names), user)

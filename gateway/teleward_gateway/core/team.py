"""The people of a clinic, as its team and its organisation's name them."""

from teleward_contract.projections import ClinicProjection, OrganisationProjection

from teleward_gateway.core.admission import Action, is_permitted, standings_of


def name_of(
    user: str, clinic: ClinicProjection, organisation: OrganisationProjection | None
) -> str:
    """What colleagues call `user`: the name in a team, else the user as signed in."""
    inherited = organisation.team if organisation else ()
    names = (m.display_name for m in (*clinic.team, *inherited) if m.user == user)
    return next(filter(None, names), user)


def who_may(
    action: Action, clinic: ClinicProjection, organisation: OrganisationProjection | None
) -> dict[str, str]:
    """Everybody named in a team who may do this in the clinic: user → name, in order of names."""
    inherited = organisation.team if organisation else ()
    users = {m.user for m in (*clinic.team, *inherited) if m.user is not None}
    able = {
        user: name_of(user, clinic, organisation)
        for user in users
        if is_permitted(standings_of(user, clinic, organisation), action)
    }
    return dict(sorted(able.items(), key=lambda item: (item[1], item[0])))

"""The people of a clinic, as its team and its organisation's name them."""

from teleward_contract.projections import ClinicProjection, OrganisationProjection, RoomProjection

from teleward_gateway.core.admission import Action, is_permitted, standings_of
from teleward_gateway.core.staff import StaffSession, fold_user


def name_of(
    user: str, clinic: ClinicProjection, organisation: OrganisationProjection | None
) -> str:
    """What colleagues call `user`: the name in a team, else the user as signed in."""
    inherited = organisation.team if organisation else ()
    wanted = fold_user(user)
    names = (
        m.display_name
        for m in (*clinic.team, *inherited)
        if m.user and fold_user(m.user) == wanted
    )
    return next(filter(None, names), user)


def title_of(
    room: RoomProjection, clinic: ClinicProjection, organisation: OrganisationProjection | None
) -> str:
    """What a room is called; a user room without a name of its own is called by its owner's."""
    if room.owner is None or room.display_name != room.name:
        return room.display_name
    return name_of(room.owner, clinic, organisation)


def who_may(
    action: Action, clinic: ClinicProjection, organisation: OrganisationProjection | None
) -> dict[str, str]:
    """Everybody named in a team who may do this in the clinic: user → name, in order of names."""
    inherited = organisation.team if organisation else ()
    users = {fold_user(m.user) for m in (*clinic.team, *inherited) if m.user is not None}
    people = [StaffSession(user=user, display_name="") for user in users]
    able = {
        one.user: name_of(one.user, clinic, organisation)
        for one in people
        if is_permitted(standings_of(one, clinic, organisation), action)
    }
    return dict(sorted(able.items(), key=lambda item: (item[1], item[0])))

"""The people of a clinic, as its team and its organisation's name them."""

from collections import Counter
from collections.abc import Iterable

from teleward_contract.projections import ClinicProjection, OrganisationProjection, RoomProjection

from teleward_gateway.core.admission import Action, is_permitted, standings_of
from teleward_gateway.core.staff import (
    StaffSession,
    fold_group,
    fold_user,
    identity,
    is_named,
    read_identity,
)


def name_of(
    named: str, clinic: ClinicProjection, organisation: OrganisationProjection | None
) -> str:
    """What colleagues call somebody (`core.staff.identity`): the name in a team, else the user as signed in."""
    inherited = organisation.team if organisation else ()
    user, issuer = read_identity(named)
    wanted = fold_user(user)
    names = (
        m.display_name
        for m in (*clinic.team, *inherited)
        if m.user and fold_user(m.user) == wanted and (not issuer or m.issuer in ("", issuer))
    )
    return next(filter(None, names), user)


def as_at_work(
    who: StaffSession, clinic: ClinicProjection, organisation: OrganisationProjection | None
) -> StaffSession:
    """What is kept of somebody at work: of their groups only those that a team names, and nothing of a provider's."""
    inherited = organisation.team if organisation else ()
    named = {fold_group(m.group) for m in (*clinic.team, *inherited) if m.group is not None}
    groups = tuple(group for group in who.groups if group in named)
    return who.model_copy(update={"groups": groups, "ties": ()})


def colleagues(
    action: Action, clinic: ClinicProjection, organisation: OrganisationProjection | None,
    at_work: Iterable[StaffSession],
) -> dict[str, str]:  # fmt: skip
    """Who may do this, and of those whom teams name by groups alone the ones at work: identity → name."""
    told = who_may(action, clinic, organisation)
    for who in at_work:
        is_known = any(is_named(named, who) for named in told)
        if not is_known and is_permitted(standings_of(who, clinic, organisation), action):
            told[who.identity] = who.display_name or who.user
    return dict(sorted(told.items(), key=lambda item: (item[1], item[0])))


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
    """Everybody named in a team who may do this in the clinic: identity → name, in order of names.

    People of one name are told apart by their issuers.
    """
    inherited = organisation.team if organisation else ()
    members = [m for m in (*clinic.team, *inherited) if m.user is not None]
    people = {
        identity(fold_user(m.user or ""), m.issuer): StaffSession(
            user=fold_user(m.user or ""), display_name="", issuer=m.issuer
        )
        for m in members
    }
    able = {
        named: name_of(named, clinic, organisation)
        for named, one in people.items()
        if is_permitted(standings_of(one, clinic, organisation), action)
    }
    met = Counter(able.values())
    told = {
        named: f"{name} ({people[named].issuer})"
        if met[name] > 1 and people[named].issuer
        else name
        for named, name in able.items()
    }
    return dict(sorted(told.items(), key=lambda item: (item[1], item[0])))

"""What an issuer says becomes a person only as its declaration says, and a team means nobody else.

The claims have the shapes that Keycloak 26 and Entra ID v2.0 give them; those of Entra ID are from its documentation
("ID token claims reference", "Configure group claims").
"""

from typing import Any

import pytest
from teleward_contract.projections import Issuer, OrganisationProjection, Role, TeamMember
from teleward_contract.units import Namespace
from teleward_gateway.core.staff import (
    MAX_GROUPS,
    MAX_NAME,
    MAX_PATH,
    MAX_VALUE,
    Person,
    StaffSession,
    counts_in,
    identity,
    is_meant,
    is_named,
    is_owner,
    read_claims,
    read_identity,
    return_path,
)
from teleward_gateway.errors import Fault

HARBOUR = Namespace("harbour-health")
URL = "https://id.example.org"
PLAIN = Issuer(name="hospital", url=URL, client_id="teleward")
KEYCLOAK: dict[str, Any] = {
    "iss": "https://sso.example.org/realms/hospital", "sub": "f3b7", "typ": "ID",
    "azp": "teleward", "email": "ada@example.org", "email_verified": True,
    "preferred_username": "ada", "name": "Ada Lovelace",
    "groups": ["/hospital/cardiology/doctors", "/on-call"],
    "realm_access": {"roles": ["clinician", "offline_access"]},
    "resource_access": {"teleward": {"roles": ["reception"]}},
}  # fmt: skip
GUIDS = ["8a1b6c1e-0000-4000-8000-0123456789ab", "f2c3d4e5-0000-4000-8000-0123456789ab"]
ENTRA: dict[str, Any] = {
    "iss": "https://login.microsoftonline.com/9122040d-6c67-4c5b-b112-36a304b66dad/v2.0",
    "sub": "AAAA", "oid": "00000000-0000-0000-66f3-3332eca7ea81", "ver": "2.0",
    "email": "ada@example.org", "preferred_username": "Ada@Example.org", "name": "Ada Lovelace",
    "groups": GUIDS,
}  # fmt: skip
OVERAGE = {key: value for key, value in ENTRA.items() if key != "groups"} | {
    "_claim_names": {"groups": "src1"},
    "_claim_sources": {"src1": {"endpoint": "https://graph.example.org/users/x/getMemberObjects"}},
}


def issuer(user_claim: str = "email", groups_claim: str = "groups") -> Issuer:
    return PLAIN.model_copy(update={"user_claim": user_claim, "groups_claim": groups_claim})


def read(claims: dict[str, Any], by: Issuer = PLAIN) -> Person:
    person = read_claims(claims, by)
    assert isinstance(person, Person)
    return person


def test_keycloak_tells_a_verified_address_and_paths_of_groups() -> None:
    assert read(KEYCLOAK) == Person(
        "ada@example.org", "Ada Lovelace", ("hospital/cardiology/doctors", "on-call"),
        lacks_groups=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("path", "groups"),
    [
        ("realm_access.roles", ("clinician", "offline_access")),
        ("resource_access.teleward.roles", ("reception",)),
        ("realm_access", ()),
        ("realm_access.roles.deeper", ()),
        ("nothing.there", ()),
    ],
)
def test_a_groups_claim_may_be_a_path_through_nested_claims(
    path: str, groups: tuple[str, ...]
) -> None:
    assert read(KEYCLOAK, issuer(groups_claim=path)).groups == groups


def test_a_claim_whose_name_has_dots_is_no_path() -> None:
    url = "https://example.org/groups"

    assert read({**KEYCLOAK, url: ["a"]}, issuer(groups_claim=url)).groups == ("a",)


def test_entra_tells_groups_by_id_and_does_not_verify_addresses() -> None:
    assert read_claims(ENTRA, PLAIN) is Fault.EMAIL_UNVERIFIED

    person = read(ENTRA, issuer("oid"))

    assert (person.user, person.groups) == (ENTRA["oid"], tuple(GUIDS))


@pytest.mark.parametrize("claims", [OVERAGE, {**ENTRA, "groups": None, "hasgroups": True}])
def test_entra_leaves_out_too_many_groups_and_says_so(claims: dict[str, Any]) -> None:
    person = read(claims, issuer("oid"))

    assert (person.groups, person.lacks_groups) == ((), True)


def test_another_claim_that_is_elsewhere_leaves_no_groups_out() -> None:
    claims = {**ENTRA, "_claim_names": {"wids": "src1"}}

    assert not read(claims, issuer("oid")).lacks_groups


def test_more_groups_than_anybody_has_count_as_left_out() -> None:
    many = [f"g{n}" for n in range(MAX_GROUPS + 1)]

    assert read({**KEYCLOAK, "groups": many[1:]}).groups == tuple(many[1:])
    assert read({**KEYCLOAK, "groups": many}).lacks_groups


@pytest.mark.parametrize("verified", [False, None, "false", "True", 1, "yes", [True], {}])
def test_an_address_that_is_not_verified_is_refused(verified: object) -> None:
    assert read_claims({**KEYCLOAK, "email_verified": verified}, PLAIN) is Fault.EMAIL_UNVERIFIED


def test_an_address_that_is_not_said_to_be_verified_is_refused() -> None:
    claims = {name: value for name, value in KEYCLOAK.items() if name != "email_verified"}

    assert read_claims(claims, PLAIN) is Fault.EMAIL_UNVERIFIED


def test_some_providers_write_verified_as_a_word() -> None:
    assert read({**KEYCLOAK, "email_verified": "true"}).user == "ada@example.org"


@pytest.mark.parametrize(
    "user", [None, "", " ", 7, ["ada"], {"a": 1}, "x" * (MAX_VALUE + 1), "ada\nhouse"]
)
def test_a_user_that_is_none_is_refused(user: object) -> None:
    assert read_claims({**KEYCLOAK, "email": user}, PLAIN) is Fault.NO_USER


@pytest.mark.parametrize(
    ("said", "groups"),
    [
        (None, ()),
        ("doctors", ("doctors",)),
        (["a", "a", "/a", "b"], ("a", "b")),
        (["a", 7, None, "", {}, "x" * (MAX_VALUE + 1)], ("a",)),
        ({"a": 1}, ()),
        (7, ()),
    ],
)
def test_groups_are_texts_each_once_and_nothing_else(
    said: object, groups: tuple[str, ...]
) -> None:
    assert read({**KEYCLOAK, "groups": said}).groups == groups


@pytest.mark.parametrize(
    ("name", "username", "shown"),
    [
        ("Ada\nLovelace\u202e", "ada", "AdaLovelace"),
        (" ", "ada", "ada"),
        (7, None, "ada@example.org"),
        ("x" * 200, "ada", "x" * MAX_NAME),
    ],
)
def test_a_display_name_is_short_printable_text(
    name: object, username: object, shown: str
) -> None:
    assert read({**KEYCLOAK, "name": name, "preferred_username": username}).name == shown


# -- whom a team means --------------------------------------------------------------------------

ADA = StaffSession(
    user="Ada@Example.org", display_name="Ada", namespace=HARBOUR, issuer="hospital",
    issuer_url=URL, groups=("hospital/doctors", GUIDS[0]),
)  # fmt: skip
DEVELOPMENT = StaffSession(user="ada@example.org", display_name="Ada")


def member(user: str | None = None, group: str | None = None, issuer: str = "") -> TeamMember:
    return TeamMember(role=Role.CLINICIAN, user=user, group=group, issuer=issuer)


MEANT = {
    "the address, without regard to case": member("ada@example.org"),
    "the address at this issuer": member("ada@example.org", issuer="hospital"),
    "a group": member(group="hospital/doctors"),
    "a group as Keycloak writes it": member(group="/hospital/doctors"),
    "a group by its id": member(group=GUIDS[0]),
}
NOT_MEANT = {
    "another address": member("bob@example.org"),
    "the address at another issuer": member("ada@example.org", issuer="partner"),
    "a group at another issuer": member(group="hospital/doctors", issuer="partner"),
    "a group above": member(group="hospital"),
    "a group below": member(group="hospital/doctors/heads"),
    "a group in another case": member(group="Hospital/doctors"),
    "a group that is called like the user": member(group="Ada@Example.org"),
    "a user who is called like the group": member("hospital/doctors"),
    "nobody": member(),
}


@pytest.mark.parametrize("title", MEANT)
def test_a_team_means_a_person_by(title: str) -> None:
    assert is_meant(MEANT[title], ADA)


@pytest.mark.parametrize("title", NOT_MEANT)
def test_a_team_does_not_mean_a_person_by(title: str) -> None:
    assert not is_meant(NOT_MEANT[title], ADA)


def test_names_that_are_no_addresses_are_compared_letter_by_letter() -> None:
    subject = ADA.model_copy(update={"user": "aBc"})

    assert is_meant(member("aBc"), subject)
    assert not is_meant(member("abc"), subject)


def test_the_development_sign_in_stands_for_any_issuer() -> None:
    assert is_meant(member("ada@example.org", issuer="partner"), DEVELOPMENT)
    assert is_owner("ada@example.org", "partner", DEVELOPMENT)


def test_a_user_room_is_its_owners_by_user_and_issuer() -> None:
    assert is_owner("ada@example.org", "hospital", ADA)
    assert is_owner("ada@example.org", "", ADA)
    assert not is_owner("ada@example.org", "partner", ADA)
    assert not is_owner("bob@example.org", "", ADA)
    assert not is_owner(None, "", ADA)


def organisation(*issuers: Issuer) -> OrganisationProjection:
    return OrganisationProjection(
        namespace=HARBOUR, uid="o", generation=1, display_name="H", issuers=issuers
    )


def test_a_session_counts_where_its_issuer_is_declared_as_long_as_it_is() -> None:
    moved = PLAIN.model_copy(update={"url": "https://other.example.org"})

    assert counts_in(ADA, organisation(PLAIN), HARBOUR)
    assert not counts_in(ADA, organisation(PLAIN), Namespace("hills-health"))
    assert not counts_in(ADA, organisation(moved), HARBOUR)
    assert not counts_in(ADA, organisation(), HARBOUR)
    assert not counts_in(ADA, None, HARBOUR)
    assert counts_in(DEVELOPMENT, None, HARBOUR)


# -- where to go --------------------------------------------------------------------------------

OURS = [
    "/staff",
    "/staff/harbour-health/cardiology",
    "/staff/a.b/c-d/visits/-_x9",
    "/staff/" + "a" * (MAX_PATH - 7),
]
FOREIGN = [
    "", "/", "/staffx", "/sign-in", "staff", "https://evil.example/staff", "//evil.example/staff",
    "/staff//evil.example", "/staff/../c/a/b", "/staff/./a", "/staff/a/..", "/\\evil.example",
    "/staff\\..\\x", "/staff/%2e%2e/x", "/staff/a?b=c", "/staff/a#b", "/staff/a\n", "/staff/\u2025",
    "/staff/a b", "javascript:alert(1)", "/staff/" + "a" * (MAX_PATH - 6), "\t/staff", "/staff/",
]  # fmt: skip


@pytest.mark.parametrize("path", OURS)
def test_a_staff_page_is_where_one_may_return_to(path: str) -> None:
    assert return_path(path) == path


@pytest.mark.parametrize("path", FOREIGN)
def test_anything_else_becomes_the_first_staff_page(path: str) -> None:
    assert return_path(path) == "/staff"


@pytest.mark.parametrize(
    ("named", "who", "is_same"),
    [
        (identity("ada@x.org", "hospital"), ("ada@x.org", "hospital"), True),
        (identity("ada@x.org", "hospital"), ("ADA@x.org", "hospital"), True),
        (identity("ada@x.org", "hospital"), ("ada@x.org", "agency"), False),
        (identity("ada@x.org", "hospital"), ("ben@x.org", "hospital"), False),
        ("ada@x.org", ("ada@x.org", "agency"), True),
        (identity("ada@x.org", "hospital"), ("ada@x.org", ""), True),
        ("", ("ada@x.org", ""), False),
    ],
)
def test_who_owns_something_is_one_person_of_one_issuer(
    named: str, who: tuple[str, str], is_same: bool
) -> None:
    user, issuer = who
    session = StaffSession(user=user, display_name="", issuer=issuer)

    assert is_named(named, session) is is_same
    assert read_identity(session.identity) == who

"""Rights are the least that the operator's requests need, and people's roles end where they should."""

from collections.abc import Iterator

from teleward_contract.resources import GROUP, KINDS
from teleward_testing import chart

PLURALS = {plural for plural, _ in KINDS.values()}

Right = tuple[str, str, str]
"""Group, resource (with its subresource), verb."""

OPERATOR_NEEDS: set[Right] = {
    *((GROUP, plural, verb) for plural in PLURALS for verb in ("list", "watch")),
    *((GROUP, f"{plural}/status", "patch") for plural in PLURALS),
    (GROUP, "mediapools", "patch"),  # its finalizer
    ("", "namespaces", "list"), ("", "namespaces", "watch"),  # labels, for allowedNamespaces
    ("", "events", "create"),
}  # fmt: skip
MEDIA_NODES_NEED: set[Right] = {
    ("apps", "deployments", "delete"), ("", "services", "delete"), ("", "pods", "list"),
    *((group, resource, verb)
      for group, resource in (
          ("apps", "deployments"), ("", "services"), ("", "serviceaccounts"),
          ("policy", "poddisruptionbudgets"), ("networking.k8s.io", "networkpolicies"),
      )
      for verb in ("list", "create", "patch")),
}  # fmt: skip
LEASE_NEEDS: set[Right] = {
    ("coordination.k8s.io", "leases", verb) for verb in ("get", "create", "update")
}


def rights(role: chart.Object) -> Iterator[Right]:
    for rule in role["rules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                yield from ((group, resource, verb) for verb in rule["verbs"])


def one_of(path: str) -> chart.Object:
    (found,) = chart.objects("smallest")[path]
    return found


def test_the_operator_may_do_what_it_does_and_nothing_more() -> None:
    assert set(rights(one_of("operator/clusterrole.yaml"))) == OPERATOR_NEEDS


def test_the_operator_holds_one_lease_in_its_own_namespace() -> None:
    role = one_of("operator/role.yaml")

    assert set(rights(role)) == LEASE_NEEDS
    assert role["metadata"]["namespace"] == chart.NAMESPACE
    for rule in role["rules"]:
        assert rule["verbs"] == ["create"] or rule["resourceNames"] == ["teleward-operator"]


def test_media_nodes_are_run_in_bound_namespaces_alone() -> None:
    role, binding = one_of("media/clusterrole.yaml"), one_of("media/rolebinding.yaml")

    assert set(rights(role)) == MEDIA_NODES_NEED
    assert (binding["kind"], binding["metadata"]["namespace"]) == ("RoleBinding", chart.NAMESPACE)
    assert binding["roleRef"]["name"] == role["metadata"]["name"]


def test_no_role_has_a_wildcard_or_sees_a_secret() -> None:
    for _, path, one in chart.every_object():
        for right in rights(one) if one["kind"].endswith("Role") else ():
            assert "*" not in right
            assert right[1] not in {"secrets", "nodes"}
            assert right[1] != "pods" or path == "media/clusterrole.yaml"


def test_rights_are_bound_to_the_operators_account_alone() -> None:
    bindings = [one for _, _, one in chart.every_object() if one["kind"].endswith("RoleBinding")]

    assert {subject["name"] for one in bindings for subject in one["subjects"]} == {
        "teleward-operator"
    }
    assert {one["kind"] for one in bindings} == {"ClusterRoleBinding", "RoleBinding"}


def test_the_gateways_account_is_its_own_and_bound_to_nothing() -> None:
    deployment = one_of("gateway/deployment.yaml")

    assert deployment["spec"]["template"]["spec"]["serviceAccountName"] == "teleward-gateway"


def test_a_clinic_admin_changes_user_rooms_alone() -> None:
    changing = {
        resource
        for _, resource, verb in rights(one_of("access/clinic-admin.yaml"))
        if verb not in {"get", "list", "watch"}
    }

    assert changing == {"userrooms"}


def test_an_organisation_admin_declares_everything_but_media_pools() -> None:
    changing = {
        resource
        for _, resource, verb in rights(one_of("access/organisation-admin.yaml"))
        if verb == "create"
    }

    assert changing == PLURALS - {"mediapools"}


def test_a_reporter_only_reads() -> None:
    verbs = {verb for _, _, verb in rights(one_of("access/reporter.yaml"))}

    assert verbs == {"get", "list", "watch"}


def test_roles_for_people_never_write_status() -> None:
    for name in ("organisation-admin", "clinic-admin", "reporter"):
        assert not any("/" in resource for _, resource, _ in rights(one_of(f"access/{name}.yaml")))

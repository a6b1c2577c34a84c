"""Lists, scales, leases and namespaces as the operator and kubectl use them, on both API servers."""

import datetime
import time
from typing import Any

import pytest
from kubernetes import client
from teleward_cli.apiserver.paging import KEPT
from teleward_contract.resources import GROUP, KINDS, VERSION
from teleward_testing.apiserving import CUSTOM, MERGE, Asking, document
from teleward_testing.operating import ApiServer, Clients

LEASES = "/apis/coordination.k8s.io/v1/namespaces"


def made(ask: Asking, kind: str, home: str, name: str, **spec: Any) -> str:
    """Make an object; the answer is its path."""
    path = f"{CUSTOM}/namespaces/{home}/{KINDS[kind][0]}"
    ask.ok("POST", path, document(kind, home, name, spec))
    return f"{path}/{name}"


def names(listed: dict[str, Any]) -> list[str]:
    return [item["metadata"]["name"] for item in listed["items"]]


def until_gone(ask: Asking, path: str) -> None:
    """Wait for a controller: a real namespace goes some time after it is deleted."""
    deadline = time.monotonic() + 60
    while ask.send("GET", path).status_code != 404:
        assert time.monotonic() < deadline, f"{path} is still there"
        time.sleep(0.1)


# -- lists ----------------------------------------------------------------------------------------


def test_a_list_is_ordered_and_carries_the_version_it_was_read_at(ask: Asking, home: str) -> None:
    for name in ("b", "a", "c"):
        path = made(ask, "Clinic", home, name)

    listed = ask.ok("GET", f"{CUSTOM}/namespaces/{home}/clinics")

    last = ask.ok("GET", path)["metadata"]["resourceVersion"]
    assert names(listed) == ["a", "b", "c"]
    assert (listed["kind"], listed["apiVersion"]) == ("ClinicList", f"{GROUP}/{VERSION}")
    assert int(listed["metadata"]["resourceVersion"]) >= int(last)
    assert not listed["metadata"].get("continue")


def test_a_list_is_read_in_pages_that_show_one_moment(ask: Asking, home: str) -> None:
    for name in ("a", "c", "e"):
        path = made(ask, "Clinic", home, name)
    clinics = f"{CUSTOM}/namespaces/{home}/clinics?limit=1"

    first = ask.ok("GET", clinics)
    made(ask, "Clinic", home, "b")
    ask.ok("DELETE", path)
    second = ask.ok("GET", f"{clinics}&continue={first['metadata']['continue']}")
    third = ask.ok("GET", f"{clinics}&continue={second['metadata']['continue']}")

    assert [names(page) for page in (first, second, third)] == [["a"], ["c"], ["e"]]
    assert first["metadata"]["remainingItemCount"] == 2
    assert len({page["metadata"]["resourceVersion"] for page in (first, second, third)}) == 1
    assert not third["metadata"].get("continue")
    assert names(ask.ok("GET", clinics.partition("?")[0])) == ["a", "b", "c"]


@pytest.mark.parametrize(
    "query", ["limit=1&continue=nonsense", "resourceVersion=latest", "limit=x"]
)
def test_a_list_that_cannot_be_is_refused(ask: Asking, home: str, query: str) -> None:
    assert ask.refused("GET", f"{CUSTOM}/namespaces/{home}/clinics?{query}")["code"] == 400


def test_the_standin_remembers_so_many_lists(apiserver: tuple[ApiServer, Asking]) -> None:
    _, ask = apiserver
    namespaces = "/api/v1/namespaces?limit=1"
    first = ask.ok("GET", namespaces)["metadata"]["continue"]
    for _ in range(KEPT):
        ask.ok("GET", namespaces)

    status = ask.refused("GET", f"{namespaces}&continue={first}")

    assert (status["code"], status["reason"]) == (410, "Expired")


def test_all_namespaces_are_listed_at_once(api: Clients, ask: Asking, home: str) -> None:
    other = f"{home}-too"
    ask.ok("POST", "/api/v1/namespaces", {"metadata": {"name": other}})
    for place in (other, home):
        made(ask, "Clinic", place, "cardiology")

    listed: Any = api.objects.list_cluster_custom_object(GROUP, VERSION, "clinics")

    places = [item["metadata"]["namespace"] for item in listed["items"]]
    in_etcd = [other, home]  # "-" is before "/", which ends the name in etcd's keys
    assert [place for place in places if place.startswith(home)] == in_etcd


def test_rooms_are_selected_by_their_clinic_and_their_labels(ask: Asking, home: str) -> None:
    for name, clinic in (("a", "cardiology"), ("b", "surgery"), ("c", "cardiology")):
        path = made(ask, "MeetingRoom", home, name, clinicRef={"name": clinic})
    ask.merge(path, metadata={"labels": {"tier": "gold"}})
    rooms = f"{CUSTOM}/namespaces/{home}/meetingrooms"

    assert names(ask.ok("GET", f"{rooms}?fieldSelector=spec.clinicRef.name%3Dcardiology")) == [
        "a", "c",
    ]  # fmt: skip
    assert names(ask.ok("GET", f"{rooms}?fieldSelector=metadata.name%3Db")) == ["b"]
    assert names(ask.ok("GET", f"{rooms}?labelSelector=tier+in+(gold)")) == ["c"]
    assert ask.refused("GET", f"{rooms}?fieldSelector=spec.locked%3Dtrue")["code"] == 400
    assert ask.refused("GET", f"{rooms}?labelSelector=,%3D,")["code"] == 400


def test_tables_and_bare_metadata_are_answered_to_who_asks(ask: Asking, home: str) -> None:
    made(ask, "Clinic", home, "cardiology")
    clinics = f"{CUSTOM}/namespaces/{home}/clinics"

    def answered(path: str, shape: str) -> dict[str, Any]:
        accept = f"application/json;as={shape};v=v1;g=meta.k8s.io,application/json"
        return dict(ask.send("GET", path, Accept=accept).json())

    table = answered(clinics, "Table")
    partial = answered(clinics, "PartialObjectMetadataList")
    single = answered(f"{clinics}/cardiology", "PartialObjectMetadata")

    assert (table["kind"], table["rows"][0]["cells"][0]) == ("Table", "cardiology")
    assert table["columnDefinitions"][-1]["name"] == "AGE"
    assert "spec" not in table["rows"][0]["object"]
    assert (partial["kind"], partial["items"][0].keys()) == (
        "PartialObjectMetadataList", {"kind", "apiVersion", "metadata"},
    )  # fmt: skip
    assert (single["kind"], single["metadata"]["name"]) == ("PartialObjectMetadata", "cardiology")


def test_a_dry_run_is_answered_as_a_table_too(ask: Asking, home: str) -> None:
    path = f"{CUSTOM}/namespaces/{home}/clinics?dryRun=All"
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io"

    answer = ask.send("POST", path, document("Clinic", home, "a", {}), Accept=accept)

    assert (answer.status_code, answer.json()["kind"]) == (201, "Table")


# -- discovery ------------------------------------------------------------------------------------


def test_every_kind_is_discovered_with_what_it_can(ask: Asking) -> None:
    served = {one["name"]: one for one in ask.ok("GET", CUSTOM)["resources"]}

    assert {plural for plural, _ in KINDS.values()} <= served.keys()
    assert served["mediapools/scale"]["kind"] == "Scale"
    assert served["clinics/status"]["verbs"] == ["get", "patch", "update"]
    assert "clinics/scale" not in served
    assert "deletecollection" in served["clinics"]["verbs"]
    core = {one["name"]: one["verbs"] for one in ask.ok("GET", "/api/v1")["resources"]}
    assert "deletecollection" not in core["namespaces"]


def test_the_groups_the_version_and_the_schemas_are_there(ask: Asking) -> None:
    groups = [one["name"] for one in ask.ok("GET", "/apis")["groups"]]

    assert {GROUP, "coordination.k8s.io", "apiextensions.k8s.io"} <= set(groups)
    assert ask.ok("GET", f"/apis/{GROUP}")["preferredVersion"]["version"] == VERSION
    assert ask.ok("GET", "/version")["major"] == "1"
    path = f"/openapi/v3/apis/{GROUP}/{VERSION}"
    assert f"apis/{GROUP}/{VERSION}" in ask.ok("GET", "/openapi/v3")["paths"]
    schemas = ask.ok("GET", path)["components"]["schemas"]
    assert "spec" in schemas["io.teleward.v1alpha1.Clinic"]["properties"]


def test_the_definitions_of_the_standin_can_be_read_and_not_written(
    apiserver: tuple[ApiServer, Asking],
) -> None:
    _, ask = apiserver
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    listed = ask.ok("GET", path)

    assert names(listed) == sorted(f"{plural}.{GROUP}" for plural, _ in KINDS.values())
    for definition in listed["items"]:
        held = {one["type"]: one["status"] for one in definition["status"]["conditions"]}
        assert held == {"NamesAccepted": "True", "Established": "True"}
    assert ask.refused("DELETE", f"{path}/clinics.{GROUP}")["code"] == 405
    assert ask.refused("POST", path, {})["code"] == 405


# -- scale ----------------------------------------------------------------------------------------


def test_a_pool_is_scaled_at_its_subresource(ask: Asking, home: str) -> None:
    pool = made(ask, "MediaPool", home, "default", replicas=1)
    ask.merge(f"{pool}/status", status={"replicas": 1, "selector": "pool=default"})

    shown = ask.ok("GET", f"{pool}/scale")
    put = ask.ok("PUT", f"{pool}/scale", shown | {"spec": {"replicas": 3}})
    patched = ask.ok("PATCH", f"{pool}/scale", {"spec": {"replicas": 4}}, MERGE)

    assert (shown["kind"], shown["apiVersion"]) == ("Scale", "autoscaling/v1")
    assert (shown["spec"], shown["status"]) == (
        {"replicas": 1}, {"replicas": 1, "selector": "pool=default"},
    )  # fmt: skip
    assert [put["spec"], patched["spec"]] == [{"replicas": 3}, {"replicas": 4}]
    now = ask.ok("GET", pool)
    assert (now["spec"]["replicas"], now["metadata"]["generation"]) == (4, 3)
    assert now["status"]["replicas"] == 1


def test_a_stale_scale_is_a_conflict(ask: Asking, home: str) -> None:
    pool = made(ask, "MediaPool", home, "default", replicas=1)
    old = ask.ok("GET", f"{pool}/scale")
    ask.merge(pool, spec={"replicas": 2})

    status = ask.refused("PUT", f"{pool}/scale", old | {"spec": {"replicas": 3}})

    assert status["reason"] == "Conflict"
    assert ask.ok("GET", pool)["spec"]["replicas"] == 2


@pytest.mark.parametrize(
    ("spec", "code"),
    [({"replicas": -1}, 422), ({"replicas": "2"}, 400), ({"replicas": 1001}, 422), ("two", 400)],
)
def test_a_scale_out_of_bounds_is_refused(ask: Asking, home: str, spec: Any, code: int) -> None:
    pool = made(ask, "MediaPool", home, "default", replicas=1)
    shown = ask.ok("GET", f"{pool}/scale")

    status = ask.refused("PUT", f"{pool}/scale", shown | {"spec": spec})

    assert status["code"] == code
    assert ask.ok("GET", pool)["spec"]["replicas"] == 1


def test_what_has_no_scale_says_so(ask: Asking, home: str) -> None:
    clinic = made(ask, "Clinic", home, "cardiology")
    pool = made(ask, "MediaPool", home, "default", autoscaling={"max": 2})

    assert ask.refused("GET", f"{clinic}/scale")["code"] == 404
    status = ask.refused("GET", f"{pool}/scale")
    assert (status["code"], status["reason"]) == (500, "InternalError")
    assert 'the spec replicas field ".spec.replicas" does not exist' in status["message"]


# -- leases ---------------------------------------------------------------------------------------


def lease(holder: str) -> client.V1Lease:
    now = datetime.datetime.now(datetime.UTC)
    spec = client.V1LeaseSpec(
        holder_identity=holder, lease_duration_seconds=15, acquire_time=now, renew_time=now
    )
    return client.V1Lease(metadata=client.V1ObjectMeta(name="leader"), spec=spec)


def test_a_lease_is_taken_once_and_renewed_by_who_read_it_last(
    api: Clients, ask: Asking, home: str
) -> None:
    mine: Any = api.leases.create_namespaced_lease(home, lease("a"))
    with pytest.raises(client.ApiException) as second:
        api.leases.create_namespaced_lease(home, lease("b"))
    theirs: Any = api.leases.read_namespaced_lease("leader", home)

    mine.spec.lease_transitions = 1
    renewed: Any = api.leases.replace_namespaced_lease("leader", home, mine)
    theirs.spec.holder_identity = "b"
    with pytest.raises(client.ApiException) as late:
        api.leases.replace_namespaced_lease("leader", home, theirs)

    assert (second.value.status, late.value.status) == (409, 409)
    assert int(renewed.metadata.resource_version) > int(theirs.metadata.resource_version)
    assert ask.ok("GET", f"{LEASES}/{home}/leases/leader")["spec"]["holderIdentity"] == "a"


def test_a_lease_is_not_replaced_blindly(api: Clients, home: str) -> None:
    api.leases.create_namespaced_lease(home, lease("a"))

    with pytest.raises(client.ApiException) as refused:
        api.leases.replace_namespaced_lease("leader", home, lease("b"))

    assert refused.value.status == 422


# -- namespaces -----------------------------------------------------------------------------------


def test_a_namespace_is_active_and_carries_its_name_as_a_label(
    api: Clients, ask: Asking, home: str
) -> None:
    found: Any = api.core.read_namespace(home)

    assert found.status.phase == "Active"
    assert found.metadata.labels == {"kubernetes.io/metadata.name": home}
    assert {"default", "kube-system", home} <= set(names(ask.ok("GET", "/api/v1/namespaces")))


def test_a_namespace_takes_everything_in_it_along(api: Clients, ask: Asking, home: str) -> None:
    clinic = made(ask, "Clinic", home, "cardiology")
    api.leases.create_namespaced_lease(home, lease("a"))

    api.core.delete_namespace(home)

    until_gone(ask, f"/api/v1/namespaces/{home}")
    assert ask.refused("GET", clinic)["code"] == 404
    assert ask.ok("GET", f"{LEASES}/{home}/leases")["items"] == []


def test_a_namespace_waits_for_finalizers_and_takes_nothing_new(ask: Asking, home: str) -> None:
    clinic = made(ask, "Clinic", home, "cardiology")
    ask.merge(clinic, metadata={"finalizers": ["teleward.io/guard"]})

    ask.ok("DELETE", f"/api/v1/namespaces/{home}")
    waiting = ask.ok("GET", f"/api/v1/namespaces/{home}")
    late = ask.refused(
        "POST", f"{CUSTOM}/namespaces/{home}/clinics", document("Clinic", home, "late", {})
    )
    ask.merge(clinic, metadata={"finalizers": []})

    assert waiting["status"]["phase"] == "Terminating"
    assert (late["code"], late["reason"]) == (403, "Forbidden")
    assert "because it is being terminated" in late["message"]
    until_gone(ask, f"/api/v1/namespaces/{home}")


def test_the_first_namespaces_stay(ask: Asking) -> None:
    assert ask.refused("DELETE", "/api/v1/namespaces/default")["code"] == 403
    assert ask.ok("GET", "/api/v1/namespaces/default")["status"]["phase"] == "Active"


def test_a_namespace_has_a_name_of_one_label(ask: Asking) -> None:
    for name in ("two.labels", "Capital", "newline\n"):
        status = ask.refused("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        assert status["details"]["causes"][0]["field"] == "metadata.name"

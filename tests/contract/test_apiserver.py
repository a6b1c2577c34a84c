"""How an object is treated, by the API stand-in as by kube-apiserver: who writes what, and who is refused."""

from typing import Any

import pytest
from kubernetes import client
from teleward_contract.resources import GROUP, VERSION
from teleward_testing.apiserving import CUSTOM, JSON_PATCH, MERGE, Asking, document
from teleward_testing.operating import ApiServer, Clients


@pytest.fixture
def clinics(home: str) -> str:
    return f"{CUSTOM}/namespaces/{home}/clinics"


@pytest.fixture
def clinic(ask: Asking, home: str, clinics: str) -> dict[str, Any]:
    return ask.ok("POST", clinics, document("Clinic", home, "cardiology", {"displayName": "A"}))


@pytest.fixture
def one(clinic: dict[str, Any], clinics: str) -> str:
    """The path of a clinic that is there."""
    return f"{clinics}/{clinic['metadata']['name']}"


def version(of: dict[str, Any]) -> int:
    return int(of["metadata"]["resourceVersion"])


# -- creating -------------------------------------------------------------------------------------


def test_what_is_created_is_completed_by_the_server(ask: Asking, home: str, clinics: str) -> None:
    given = document("Clinic", home, "cardiology", {})
    given["metadata"] |= {"uid": "mine", "generation": 7, "creationTimestamp": None}

    answer = ask.send("POST", clinics, given | {"status": {"rooms": 3}})

    made = answer.json()
    assert answer.status_code == 201
    assert made == ask.ok("GET", f"{clinics}/cardiology")
    assert made["spec"] == {"displayName": ""}
    assert "status" not in made
    meta = made["metadata"]
    assert (meta["generation"], meta["namespace"]) == (1, home)
    assert meta["uid"] != "mine"
    assert meta["creationTimestamp"].endswith("Z")


def test_a_name_is_given_once(ask: Asking, clinic: dict[str, Any], clinics: str) -> None:
    fresh = clinic | {"metadata": {"name": clinic["metadata"]["name"]}}

    status = ask.refused("POST", clinics, fresh)

    assert (status["code"], status["reason"]) == (409, "AlreadyExists")
    assert status["details"] == {"name": "cardiology", "group": GROUP, "kind": "clinics"}


def test_a_generated_name_is_new_each_time(ask: Asking, home: str, clinics: str) -> None:
    given = document("Clinic", home, "", {}) | {"metadata": {"generateName": "cardiology-"}}

    names = {ask.ok("POST", clinics, given)["metadata"]["name"] for _ in range(3)}

    assert len(names) == 3
    assert all(name.startswith("cardiology-") for name in names)


def test_an_object_that_was_read_cannot_be_created(ask: Asking, clinic: dict[str, Any]) -> None:
    home = "default"
    copied = clinic | {"metadata": clinic["metadata"] | {"namespace": home}}

    status = ask.refused("POST", f"{CUSTOM}/namespaces/{home}/clinics", copied)

    assert status["message"] == "resourceVersion should not be set on objects to be created"


def test_nothing_is_created_in_a_namespace_that_is_not_there(ask: Asking) -> None:
    status = ask.refused(
        "POST", f"{CUSTOM}/namespaces/nowhere/clinics", document("Clinic", "nowhere", "A", {})
    )

    assert (status["code"], status["message"]) == (404, 'namespaces "nowhere" not found')


def test_a_dry_run_answers_and_changes_nothing(
    ask: Asking, home: str, clinics: str, one: str
) -> None:
    before = ask.ok("GET", one)

    made = ask.ok("POST", f"{clinics}?dryRun=All", document("Clinic", home, "surgery", {}))
    changed = ask.ok("PATCH", f"{one}?dryRun=All", {"spec": {"displayName": "B"}}, MERGE)
    ask.ok("DELETE", f"{one}?dryRun=All")

    assert made["spec"] == {"displayName": ""}
    assert changed["spec"] == {"displayName": "B"}
    assert ask.ok("GET", clinics)["items"] == [before]


# -- what is refused ------------------------------------------------------------------------------


def test_each_fault_of_an_invalid_object_is_a_cause_with_its_field(
    ask: Asking, home: str, clinics: str
) -> None:
    spec = {"team": [{"role": "Doctor", "user": ""}], "defaults": {"maxParticipants": 21}}

    status = ask.refused("POST", clinics, document("Clinic", home, "cardiology", spec))

    assert (status["code"], status["reason"]) == (422, "Invalid")
    assert status["message"].startswith('Clinic.teleward.io "cardiology" is invalid: [')
    *faults, last = [(one["reason"], one["field"]) for one in status["details"]["causes"]]
    assert set(faults) == {
        ("FieldValueNotSupported", "spec.team[0].role"),
        ("FieldValueInvalid", "spec.team[0].user"),
        ("FieldValueInvalid", "spec.defaults.maxParticipants"),
    }
    assert last == ("FieldValueInvalid", "<nil>"), "the rules were not looked at, and that is said"
    assert ask.ok("GET", clinics)["items"] == []


BAD_METADATA: dict[str, tuple[dict[str, Any], int, str]] = {
    "no name": ({"name": ""}, 422, "metadata.name: Required value"),
    "a name in capitals": ({"name": "Cardiology"}, 422, "RFC 1123"),
    "a name with a newline": ({"name": "cardiology\n"}, 422, "RFC 1123"),
    "a label that is too long": ({"name": "a", "labels": {"x": "y" * 64}}, 422, "metadata.labels"),
    "another namespace": (
        {"name": "a", "namespace": "other"},
        400,
        "does not match the namespace",
    ),
}


@pytest.mark.parametrize("case", BAD_METADATA)
def test_malformed_metadata_is_refused(ask: Asking, home: str, clinics: str, case: str) -> None:
    meta, code, message = BAD_METADATA[case]
    given = document("Clinic", home, "a", {}) | {"metadata": meta}

    status = ask.refused("POST", clinics, given)

    assert status["code"] == code
    assert message in status["message"]


WRONG_TYPES: dict[str, tuple[dict[str, Any], str, str]] = {
    "a label that is a number": ({"labels": {"x": 1}}, "number", "labels of type string"),
    "a label that is yes": ({"labels": {"x": True}}, "bool", "labels of type string"),
    "labels that are a list": ({"labels": ["x"]}, "array", "labels of type map[string]string"),
    "annotations that are text": (
        {"annotations": "x"},
        "string",
        "annotations of type map[string]string",
    ),
    "finalizers that are text": ({"finalizers": "x"}, "string", "finalizers of type []string"),
    "a finalizer that is a number": ({"finalizers": [5]}, "number", "finalizers of type string"),
    "owners that are one": (
        {"ownerReferences": {}},
        "object",
        "ownerReferences of type []v1.OwnerReference",
    ),
    "a generation that is text": ({"generation": "x"}, "string", "generation of type int64"),
    "a name that is a number": ({"name": 5}, "number", "name of type string"),
}
"""What is wrong → (metadata, what encoding/json of Go calls it, field and type it should have)."""


@pytest.mark.parametrize("case", WRONG_TYPES)
def test_metadata_of_another_type_is_refused(
    ask: Asking, home: str, clinics: str, case: str
) -> None:
    meta, given, wanted = WRONG_TYPES[case]

    status = ask.refused("POST", clinics, document("Clinic", home, "a", {}) | {"metadata": meta})

    assert status["code"] == 400
    fault = f"json: cannot unmarshal {given} into Go struct field ObjectMeta.{wanted}"
    assert status["message"].endswith(fault)


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ({"kind": "MediaPool"}, 422, 'kind: Invalid value: "MediaPool": must be Clinic'),
        ({"apiVersion": "teleward.io/v1"}, 400, "does not match the expected API version"),
        ({"kind": None}, 400, "Object 'Kind' is missing"),
    ],
)
def test_an_object_of_another_kind_is_refused(
    ask: Asking, home: str, clinics: str, change: dict[str, Any], code: int, message: str
) -> None:
    status = ask.refused("POST", clinics, document("Clinic", home, "a", {}) | change)

    assert status["code"] == code
    assert message in status["message"]


def test_an_annotation_of_nothing_is_an_empty_one(ask: Asking, home: str, clinics: str) -> None:
    given = document("Clinic", home, "a", {})
    given["metadata"]["annotations"] = {"example.org/x": None}

    assert ask.ok("POST", clinics, given)["metadata"]["annotations"] == {"example.org/x": ""}


def test_unknown_fields_are_pruned_with_a_warning(ask: Asking, home: str, clinics: str) -> None:
    answer = ask.send("POST", clinics, document("Clinic", home, "a", {"colour": "red"}))

    assert answer.json()["spec"] == {"displayName": ""}
    assert answer.headers["Warning"] == '299 - "unknown field \\"spec.colour\\""'


def test_unknown_fields_are_pruned_in_silence_if_asked(
    ask: Asking, home: str, clinics: str
) -> None:
    given = document("Clinic", home, "a", {"colour": "red"})

    answer = ask.send("POST", f"{clinics}?fieldValidation=Ignore", given)

    assert answer.json()["spec"] == {"displayName": ""}
    assert "Warning" not in answer.headers


def test_unknown_fields_are_refused_if_asked(ask: Asking, home: str, clinics: str) -> None:
    given = document("Clinic", home, "a", {"colour": "red", "team": [{"role": "x", "age": 1}]})

    status = ask.refused("POST", f"{clinics}?fieldValidation=Strict", given)

    assert status["code"] == 400
    assert status["message"].endswith(
        'strict decoding error: unknown field "spec.colour", unknown field "spec.team[0].age"'
    )


def test_a_transition_rule_refuses_an_update(ask: Asking, home: str) -> None:
    rooms = f"{CUSTOM}/namespaces/{home}/meetingrooms"
    ask.ok("POST", rooms, document("MeetingRoom", home, "a", {"clinicRef": {"name": "x"}}))

    status = ask.refused("PATCH", f"{rooms}/a", {"spec": {"clinicRef": {"name": "y"}}}, MERGE)

    assert status["code"] == 422
    assert [cause["field"] for cause in status["details"]["causes"]] == ["spec.clinicRef"]


# -- changing -------------------------------------------------------------------------------------


def test_a_merge_patch_changes_what_it_names(ask: Asking, one: str) -> None:
    changed = ask.merge(one, spec={"timeZone": "UTC"}, metadata={"labels": {"tier": "gold"}})

    assert changed["spec"] == {"displayName": "A", "timeZone": "UTC"}
    assert changed["metadata"]["labels"] == {"tier": "gold"}
    assert ask.ok("GET", one) == changed


def test_a_json_patch_is_all_or_nothing(ask: Asking, one: str) -> None:
    def patch(expected: str) -> Any:
        operations = [
            {"op": "add", "path": "/spec/timeZone", "value": "UTC"},
            {"op": "test", "path": "/spec/displayName", "value": expected},
        ]
        return ask.send("PATCH", one, operations, JSON_PATCH)

    refused, unchanged, done = patch("B"), ask.ok("GET", one), patch("A")

    assert (refused.status_code, refused.json()["reason"]) == (422, "Invalid")
    assert unchanged["spec"] == {"displayName": "A"}
    assert done.json()["spec"] == {"displayName": "A", "timeZone": "UTC"}


def test_the_standin_refuses_server_side_apply_by_name_and_does_not_do_it_by_halves(
    apiserver: tuple[ApiServer, Asking],
) -> None:
    path = f"{CUSTOM}/namespaces/default/clinics/absent"

    status = apiserver[1].refused("PATCH", path, {"spec": {}}, "application/apply-patch+yaml")

    assert (status["code"], status["reason"]) == (415, "UnsupportedMediaType")


def test_the_generation_grows_with_the_spec_alone(ask: Asking, one: str) -> None:
    labelled = ask.merge(one, metadata={"labels": {"a": "b"}})
    reported = ask.merge(f"{one}/status", status={"rooms": 1})
    specified = ask.merge(one, spec={"displayName": "B"})

    assert [found["metadata"]["generation"] for found in (labelled, reported, specified)] == [
        1, 1, 2,
    ]  # fmt: skip
    assert version(labelled) < version(reported) < version(specified)


def test_the_status_is_written_at_its_own_path_alone(ask: Asking, one: str) -> None:
    both = {
        "spec": {"displayName": "B"},
        "status": {"rooms": 2},
        "metadata": {"labels": {"a": "b"}},
    }

    at_status = ask.merge(f"{one}/status", **both)
    at_main = ask.merge(one, **(both | {"status": {"rooms": 9}}))

    assert (at_status["spec"], at_status["status"]) == ({"displayName": "A"}, {"rooms": 2})
    assert "labels" not in at_status["metadata"]
    assert (at_main["spec"], at_main["status"]) == ({"displayName": "B"}, {"rooms": 2})
    assert ask.ok("GET", f"{one}/status") == at_main


def test_a_status_is_validated_too(ask: Asking, one: str) -> None:
    status = ask.refused("PATCH", f"{one}/status", {"status": {"rooms": -1}}, MERGE)

    assert [cause["field"] for cause in status["details"]["causes"]] == ["status.rooms"]


def test_a_write_that_changes_nothing_is_none(ask: Asking, one: str) -> None:
    before = ask.ok("GET", one)

    assert ask.ok("PUT", one, before) == before
    assert ask.merge(one, spec={"displayName": "A"}) == before
    assert ask.ok("GET", one) == before


def test_a_stale_replace_is_a_conflict(api: Clients, ask: Asking, home: str, one: str) -> None:
    old = ask.ok("GET", one)
    ask.merge(one, spec={"displayName": "B"})

    with pytest.raises(client.ApiException) as refused:
        api.objects.replace_namespaced_custom_object(
            GROUP, VERSION, home, "clinics", "cardiology", old | {"spec": {"displayName": "C"}}
        )

    assert (refused.value.status, refused.value.reason) == (409, "Conflict")
    assert ask.ok("GET", one)["spec"] == {"displayName": "B"}


def test_a_stale_patch_is_a_conflict_if_it_names_its_version(ask: Asking, one: str) -> None:
    old = ask.ok("GET", one)["metadata"]["resourceVersion"]
    ask.merge(one, spec={"displayName": "B"})
    stale = {"metadata": {"resourceVersion": old}, "spec": {"displayName": "C"}}

    assert ask.refused("PATCH", one, stale, MERGE)["reason"] == "Conflict"
    assert ask.refused("PATCH", f"{one}/status", stale, MERGE)["reason"] == "Conflict"


def test_a_replace_says_which_version_it_replaces(ask: Asking, home: str, one: str) -> None:
    blind = document("Clinic", home, "cardiology", {})

    status = ask.refused("PUT", one, blind)

    assert status["code"] == 422
    [cause] = status["details"]["causes"]
    assert (cause["field"], cause["message"]) == (
        "metadata.resourceVersion", "Invalid value: 0: must be specified for an update",
    )  # fmt: skip


def test_a_replace_for_another_uid_is_a_conflict(ask: Asking, one: str) -> None:
    found = ask.ok("GET", one)
    found["metadata"]["uid"] = "of-its-predecessor"

    assert ask.refused("PUT", one, found)["reason"] == "Conflict"


def test_a_replace_cannot_rename(ask: Asking, one: str) -> None:
    found = ask.ok("GET", one)
    found["metadata"]["name"] = "surgery"

    assert ask.refused("PUT", one, found)["code"] == 400


def test_who_races_for_one_version_wins_once(ask: Asking, one: str) -> None:
    found = ask.ok("GET", one)

    codes = [
        ask.send("PUT", one, found | {"spec": {"displayName": f"{n}"}}).status_code
        for n in range(5)
    ]

    assert codes == [200, 409, 409, 409, 409]
    assert ask.ok("GET", one)["spec"] == {"displayName": "0"}


# -- deleting -------------------------------------------------------------------------------------


def test_what_is_deleted_is_gone(ask: Asking, clinic: dict[str, Any], one: str) -> None:
    answer = ask.ok("DELETE", one)

    assert (answer["status"], answer["details"]["uid"]) == ("Success", clinic["metadata"]["uid"])
    assert ask.refused("GET", one)["reason"] == "NotFound"
    assert ask.refused("DELETE", one)["code"] == 404


def test_an_object_with_a_finalizer_stays_until_it_is_removed(ask: Asking, one: str) -> None:
    ask.merge(one, metadata={"finalizers": ["teleward.io/a", "teleward.io/b"]})

    first, again = ask.ok("DELETE", one), ask.ok("DELETE", one)
    half = ask.merge(one, metadata={"finalizers": ["teleward.io/b"], "deletionTimestamp": None})
    more = ask.refused(
        "PATCH", one, {"metadata": {"finalizers": ["teleward.io/b", "teleward.io/c"]}}, MERGE
    )
    last = ask.merge(one, metadata={"finalizers": None})

    assert first["metadata"]["deletionTimestamp"]
    assert first["metadata"]["generation"] == 2
    assert again == first
    assert half["metadata"]["deletionTimestamp"] == first["metadata"]["deletionTimestamp"]
    assert "no new finalizers can be added" in more["message"]
    assert "finalizers" not in last["metadata"]
    assert ask.refused("GET", one)["code"] == 404


@pytest.mark.parametrize("field", ["uid", "resourceVersion"])
def test_a_delete_for_another_object_is_a_conflict(ask: Asking, one: str, field: str) -> None:
    status = ask.refused("DELETE", one, {"preconditions": {field: "another"}})

    assert (status["code"], status["reason"]) == (409, "Conflict")
    assert ask.ok("DELETE", one, {"preconditions": None})["status"] == "Success"


def test_a_collection_is_deleted_by_its_selector(ask: Asking, home: str, clinics: str) -> None:
    for name, tier in (("a", "gold"), ("b", "tin"), ("c", "gold")):
        made = document("Clinic", home, name, {})
        made["metadata"]["labels"] = {"tier": tier}
        ask.ok("POST", clinics, made)

    gone = ask.ok("DELETE", f"{clinics}?labelSelector=tier%3Dgold")

    assert [item["metadata"]["name"] for item in gone["items"]] == ["a", "c"]
    assert [item["metadata"]["name"] for item in ask.ok("GET", clinics)["items"]] == ["b"]


def test_no_request_deletes_across_namespaces(ask: Asking, one: str) -> None:
    assert ask.send("DELETE", f"{CUSTOM}/clinics").status_code == 404
    assert ask.refused("DELETE", "/apis/coordination.k8s.io/v1/leases")["code"] == 405
    assert ask.refused("DELETE", "/api/v1/namespaces")["code"] == 405
    assert ask.ok("GET", one)["metadata"]["name"] == "cardiology"

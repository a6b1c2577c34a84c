"""A bad object is refused or says what to do; a start that cannot work says so before anything runs."""

import json
import socket
import subprocess
from pathlib import Path

import pytest
from teleward_testing.builders import House, document
from teleward_testing.running import TELEWARD, Running, running


def test_yaml_that_breaks_the_schema_or_a_rule_is_refused_with_field_and_reason(
    teleward: Running, house: House
) -> None:
    misnamed = document(
        "WaitingArea", house.namespace, "other", {"clinicRef": {"name": house.clinic}}
    )
    crowded = document(
        "MeetingRoom",
        house.namespace,
        "crowd",
        {"clinicRef": {"name": house.clinic}, "maxParticipants": 500},
    )
    for wrong, reason in ((misnamed, "clinic"), (crowded, "spec.maxParticipants")):
        with pytest.raises(AssertionError, match=reason):
            teleward.kubectl("apply", "-f", "-", stdin=json.dumps(wrong))


@pytest.mark.parametrize(
    ("kind", "name", "spec"),
    [
        ("Clinic", "poolless", {"mediaPoolRef": {"name": "nothing"}}),
        ("MeetingRoom", "homeless", {"clinicRef": {"name": "nothing"}}),
    ],
)
def test_a_reference_to_nothing_is_a_condition_that_says_what_to_do(
    kind: str, name: str, spec: dict[str, object], teleward: Running, house: House
) -> None:
    house.apply([document(kind, house.namespace, name, spec)])

    _has_unresolved_refs(teleward, kind, house.namespace, name)
    _is_ready(teleward, house)


def test_a_clinic_in_a_namespace_without_an_organisation_says_so(
    teleward: Running, house: House
) -> None:
    namespace = f"{house.namespace}-bare"
    teleward.kubectl("create", "namespace", namespace)
    house.apply([document("Clinic", namespace, "orphan", {"displayName": "Orphan"})])

    _has_unresolved_refs(teleward, "Clinic", namespace, "orphan")
    _is_ready(teleward, house)


def test_a_port_in_use_is_said_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        answer = _up(tmp_path / "data", "--port", str(port))

    assert answer.returncode not in (0, None)
    said = answer.stdout + answer.stderr
    assert str(port) in said
    assert "in use" in said
    assert "Traceback" not in said


def test_a_file_that_is_not_there_is_said_before_anything_starts(tmp_path: Path) -> None:
    answer = _up(tmp_path / "data", "-f", str(tmp_path / "nothing.yaml"), "--port", "0")

    said = answer.stdout + answer.stderr
    assert answer.returncode not in (0, None)
    assert "nothing.yaml" in said
    assert "Traceback" not in said


def test_a_file_with_a_bad_object_is_named_with_its_line_and_the_rest_is_applied(
    tmp_path: Path,
) -> None:
    good = document("Organisation", "mixed", "organisation", {"displayName": "Mixed"})
    bad = document("MeetingRoom", "mixed", "crowd", {"maxParticipants": "many"})
    clinic = document("Clinic", "mixed", "cardiology", {"displayName": "Cardiology"})
    file = tmp_path / "mixed.yaml"
    file.write_text("\n---\n".join(json.dumps(one) for one in (good, bad, clinic)))

    with running(tmp_path / "data", [file]) as teleward:
        said = teleward.output.read_text()
        assert "mixed.yaml:3" in said
        assert "maxParticipants" in said
        assert "cardiology" in teleward.kubectl("get", "clinics", "-n", "mixed")


def _up(data: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [TELEWARD, "up", "--data", str(data), *words],
        capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def _has_unresolved_refs(teleward: Running, kind: str, namespace: str, name: str) -> None:
    teleward.kubectl(
        "wait", "--for=condition=ResolvedRefs=False", kind, name, "-n", namespace, "--timeout=10s"
    )
    shown = json.loads(teleward.kubectl("get", kind, name, "-n", namespace, "-o", "json"))
    (condition,) = [c for c in shown["status"]["conditions"] if c["type"] == "ResolvedRefs"]
    assert condition["reason"]
    assert condition["message"].endswith("."), "a sentence that says what to do"


def _is_ready(teleward: Running, house: House) -> None:
    """Nothing else is disturbed."""
    teleward.kubectl(
        "wait", "--for=condition=Ready", "clinic", house.clinic, "-n", house.namespace,
        "--timeout=5s",
    )  # fmt: skip

"""`teleward up` behaves as its user expects: kubectl works on it, two run side by side, it says why it cannot."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from teleward_testing.builders import House, document
from teleward_testing.house_rules import ROOT
from teleward_testing.running import TELEWARD, Running, running

NAMESPACE, CLINIC = "harbour-health", "cardiology"
KINDS = ["organisation", "mediapool", "clinic", "waitingarea", "meetingroom", "userroom"]
DOOR_WITHIN_S = 20.0
"""Far more than the two seconds it should take: this machine is shared."""


@pytest.fixture(scope="module")
def teleward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("up") / "data") as one:
        yield one


def run(*words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        words, capture_output=True, text=True, check=False, timeout=90, cwd=ROOT,
        stdin=subprocess.DEVNULL, env={**os.environ, **environment},
    )  # fmt: skip


def status_of(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as err:
        return err.code


def answers(url: str, status: int) -> bool:
    deadline = time.monotonic() + DOOR_WITHIN_S
    while status_of(url) != status:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_the_table_names_every_link_and_what_is_not_for_production(teleward: Running) -> None:
    said = teleward.output.read_text()

    for clinic in teleward.status().clinics:
        assert clinic.patient_url in said
        assert clinic.staff_url in said
    assert "not for production: the development sign-in" in said
    assert "kubeconfig" in said


@pytest.mark.parametrize("kind", KINDS)
def test_kubectl_gets_describes_applies_patches_and_deletes_every_kind(
    kind: str, teleward: Running
) -> None:
    example = (ROOT / f"crds/examples/{kind}s.yaml").read_text()
    name = json.loads(
        teleward.kubectl("create", "--dry-run=client", "-o", "json", "-f", "-", stdin=example)
    )["metadata"]["name"]
    namespace = f"try-{kind}"
    teleward.kubectl("create", "namespace", namespace)
    theirs = example.replace(f"namespace: {NAMESPACE}", f"namespace: {namespace}")
    one = (kind, name, "-n", namespace)

    assert "created" in teleward.kubectl("apply", "-f", "-", stdin=theirs)
    assert "unchanged" in teleward.kubectl("apply", "-f", "-", stdin=theirs)
    assert name in teleward.kubectl("get", *one)
    teleward.kubectl("patch", *one, "--type=merge", "-p", '{"metadata":{"labels":{"tier":"a"}}}')
    assert name in teleward.kubectl("get", f"{kind}s", "-n", namespace, "-l", "tier=a")
    described = teleward.kubectl("describe", *one)
    assert "tier=a" in described
    assert "spec" in teleward.kubectl("explain", kind)
    assert "deleted" in teleward.kubectl("delete", *one, "--timeout=20s")
    with pytest.raises(AssertionError, match="not found"):
        teleward.kubectl("get", *one)


def test_a_clinic_applied_while_running_has_a_door_that_goes_with_it(teleward: Running) -> None:
    house = House(teleward, NAMESPACE, clinic="newcomers")
    ref = {"clinicRef": {"name": house.clinic}}
    assert status_of(house.patient_url) == 404

    house.apply(
        [
            document("Clinic", NAMESPACE, house.clinic, {"displayName": "Newcomers"}),
            document("WaitingArea", NAMESPACE, house.clinic, ref),
        ]
    )
    assert answers(house.patient_url, 200), "the door did not open"

    teleward.kubectl("delete", "clinic,waitingarea", house.clinic, "-n", NAMESPACE)
    assert answers(house.patient_url, 404), "the door did not close"


def test_kubectl_get_shows_ready_and_why_not(teleward: Running) -> None:
    house = House(teleward, NAMESPACE)
    house.apply([document("Clinic", NAMESPACE, "doorless", {"displayName": "Doorless"})])
    teleward.kubectl(
        "wait", "--for=condition=Ready=False", "clinic/doorless", "-n", NAMESPACE, "--timeout=20s"
    )

    head, *rows = teleward.kubectl("get", "clinics", "-n", NAMESPACE).splitlines()
    assert {"NAME", "READY", "REASON"} <= set(head.split())
    (good,) = [row.split() for row in rows if row.startswith(CLINIC)]
    (bad,) = [row.split() for row in rows if row.startswith("doorless")]
    assert "True" in good
    assert {"False", "WaitingAreaMissing"} <= set(bad)
    teleward.kubectl("delete", "clinic", "doorless", "-n", NAMESPACE)


def test_a_synthetic_pair_meets_and_says_what_reached_them(teleward: Running) -> None:
    answer = run(
        TELEWARD, "demo", "--clinic", f"{NAMESPACE}/{CLINIC}", "--as", "pair", "--seconds", "4",
        "-o", "json", "--data", str(teleward.data),
    )  # fmt: skip

    assert answer.returncode == 0, answer.stderr
    report = json.loads(answer.stdout)
    assert report["has_media"] is True
    assert [person["person"] for person in report["people"]] == ["clinician", "patient"]
    for person in report["people"]:
        assert person["frames_decoded"] > 0
        assert person["audio_energy"] > 0
        assert person["cipher"] == "SRTP_AEAD_AES_128_GCM"
        assert person["join_s"] > 0


def test_two_instances_run_side_by_side_and_end_on_their_own(
    teleward: Running, tmp_path: Path
) -> None:
    with running(tmp_path / "second") as second:
        assert second.gateway != teleward.gateway
        assert status_of(f"{second.gateway}/c/{NAMESPACE}/{CLINIC}") == 200
        pids = [process.pid for process in second.status().processes]

        again = run(TELEWARD, "up", "--data", str(second.data), "--port", "0")
        assert again.returncode == 1
        assert "already runs" in again.stderr

        assert run(TELEWARD, "down", "--data", str(second.data)).returncode == 0
        assert second.process.wait(20) == 0
        assert run(TELEWARD, "status", "--data", str(second.data)).returncode == 3
    assert [pid for pid in pids if pid and Path(f"/proc/{pid}").exists()] == []
    assert teleward.status().state == "ready"


def test_a_demo_without_an_instance_says_how_to_start_one(tmp_path: Path) -> None:
    answer = run(TELEWARD, "demo", "--clinic", "a/b", "--data", str(tmp_path / "nothing"))

    assert answer.returncode == 1
    assert "Next: teleward up" in answer.stderr


def test_a_setting_nobody_knows_is_said_before_anything_starts(tmp_path: Path) -> None:
    answer = run(
        TELEWARD, "up", "--data", str(tmp_path / "data"), "--port", "0", TELEWARD_RETENTION="4"
    )

    assert answer.returncode == 1
    assert "TELEWARD_RETENTION" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_media_node_whose_udp_port_is_taken_says_so_and_ends(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    keys.write_text('{"keys": []}')
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = str(taken.getsockname()[1])
        answer = run(
            sys.executable, "-m", "teleward_media.main",
            TELEWARD_REDIS_URL="redis://127.0.0.1:1/0", TELEWARD_POOL="a/b",
            TELEWARD_MEDIA_NODE="b-0", TELEWARD_TICKET_PUBLIC_KEYS_FILE=str(keys),
            TELEWARD_UDP_PORT=port, TELEWARD_CAPACITY_UNITS="10",
        )  # fmt: skip

    said = answer.stdout + answer.stderr
    assert answer.returncode not in (0, None)
    assert port in said
    assert "next" in said.lower()
    assert "Traceback" not in said


def test_a_python_that_is_too_old_is_said_before_anything_is_installed(tmp_path: Path) -> None:
    old = tmp_path / "python"
    pretend = "import sys; sys.version_info = (3, 9, 2); exec(sys.argv[1])"
    old.write_text(f"#!/bin/sh\nexec {sys.executable} -c '{pretend}' \"$2\"\n")
    old.chmod(0o755)

    answer = run("make", "setup", f"PYTHON={old}", f"VENV={tmp_path / 'venv'}")

    assert answer.returncode != 0
    assert "needs Python 3.11 or newer; this is 3.9" in answer.stderr
    assert not (tmp_path / "venv").exists()


def test_without_a_browser_its_tests_are_skipped_by_name_and_refused_where_all_must_run() -> None:
    words = (
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/browser/test_pages.py",
    )

    here = run(*words, CHROMIUM="/nonexistent", CI="")
    assert here.returncode == 0, here.stdout
    assert "not run: tests/browser/ (no Chromium: apt-get install chromium)" in here.stdout

    everywhere = run(*words, CHROMIUM="/nonexistent", CI="true")
    assert everywhere.returncode != 0
    assert "cannot run: no Chromium" in everywhere.stdout + everywhere.stderr

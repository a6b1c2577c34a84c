"""Each check answers one question and, when the answer is no, says what to do next."""

import datetime
import socket
from pathlib import Path

import pytest
from teleward_cli.local import checks


def test_every_finding_has_a_subject_a_detail_and_a_next_step(tmp_path: Path) -> None:
    found = [*checks.everything(tmp_path / "data", 0), checks.lan()]

    for finding in found:
        assert finding.subject
        assert finding.detail
        assert finding.next_step
    subjects = [finding.subject for finding in found]
    assert len(set(subjects)) == len(subjects) == 12


def test_what_is_needed_to_start_is_required_and_the_rest_is_not(tmp_path: Path) -> None:
    needed = list(checks.before_start(tmp_path, 0, "127.0.0.1"))
    missed = {one.subject for one in checks.everything(tmp_path, 0) if not one.is_required}

    assert all(finding.is_required for finding in needed)
    assert missed == {"open files", "browser", "Node.js"}


@pytest.mark.parametrize(
    ("version", "is_fine"),
    [((3, 10, 14), False), ((3, 11), True), ((3, 11, 0), True), ((4, 0), True)],
)
def test_python_is_new_enough_from_3_11_on(version: tuple[int, ...], is_fine: bool) -> None:
    found = checks.python(version)

    assert found.is_fine is is_fine
    assert found.detail == ".".join(map(str, version))
    assert "3.11" in found.next_step


def test_a_taken_port_is_found_and_another_one_is_proposed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        found = checks.tcp_port(port)

    assert not found.is_fine
    assert (found.subject, found.detail) == (f"TCP port {port}", "address already in use")
    assert "--port 0" in found.next_step


def test_a_port_that_was_just_left_is_free_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as left:
        port = left.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            left.accept()[0].close()

    assert checks.tcp_port(port).is_fine


def test_any_free_port_will_do_where_none_is_named() -> None:
    found = checks.tcp_port(0)

    assert (found.subject, found.is_fine) == ("a free TCP port", True)


def test_a_host_that_is_not_ours_has_no_port() -> None:
    assert not checks.tcp_port(0, "192.0.2.1").is_fine


def test_udp_that_is_refused_is_found_with_its_reason() -> None:
    asked: list[tuple[int, str, int]] = []

    def refuse(kind: int, host: str, port: int) -> str:
        asked.append((kind, host, port))
        return "operation not permitted"

    found = checks.udp_port("127.0.0.1", refuse)

    assert (found.is_fine, found.detail) == (False, "operation not permitted")
    assert asked == [(socket.SOCK_DGRAM, "127.0.0.1", 0)]
    assert checks.udp_port().is_fine


def test_a_data_directory_may_be_made_where_its_parent_can_be_written(tmp_path: Path) -> None:
    found = checks.data_directory(tmp_path / "not" / "there" / "yet")

    assert found.is_fine
    assert not (tmp_path / "not").exists()


def test_a_data_directory_below_a_file_names_what_stands_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    found = checks.data_directory(tmp_path / "file" / "data")

    assert not found.is_fine
    assert found.detail == f"cannot write {tmp_path / 'file'}"
    assert "--data" in found.next_step


@pytest.mark.parametrize(("year", "is_fine"), [(1970, False), (2025, False), (2027, True)])
def test_a_clock_before_this_software_is_wrong(year: int, is_fine: bool) -> None:
    found = checks.clock(datetime.datetime(year, 6, 1, 12, tzinfo=datetime.UTC))

    assert found.is_fine is is_fine
    assert found.detail == f"{year}-06-01T12:00:00+00:00"


def test_what_is_missing_on_the_path_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    assert [(one.is_fine, one.detail) for one in (checks.browser(), checks.node())] == [
        (False, "not found"), (False, "not found"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("version", "is_fine"), [("v18.19.0", False), ("v20.0.0", True), ("v100.1", True), ("", False)]
)
def test_node_is_new_enough_from_20_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, is_fine: bool
) -> None:
    node = tmp_path / "node"
    node.write_text(f"#!/bin/sh\necho {version}\n")
    node.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path))

    found = checks.node()

    assert (found.is_fine, found.detail) == (is_fine, version or "not found")

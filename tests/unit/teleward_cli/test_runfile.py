"""One data directory is held once, its holder can be found and asked, and nobody finds one that is gone."""

import http.server
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from teleward_cli.local import material, runfile
from teleward_cli.local.layout import Layout
from teleward_cli.local.runfile import AlreadyRunningError, Run

URL = "http://127.0.0.1:1"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path / "data")
    made.prepare()
    material.write_private(made.secret(material.SUPERVISOR_TOKEN), "a-token\n")
    return made


def test_an_empty_directory_is_not_held_and_looking_leaves_nothing_behind(layout: Layout) -> None:
    assert not runfile.is_held(layout)
    assert runfile.find(layout) is None
    assert not layout.lock_file.exists()


def test_who_holds_the_directory_is_found(layout: Layout) -> None:
    with runfile.holding(layout):
        assert runfile.is_held(layout)
        assert runfile.find(layout) is None

        runfile.write(layout, URL)

        assert runfile.find(layout) == Run(os.getpid(), URL, "a-token")
        assert layout.run_file.stat().st_mode & 0o777 == 0o600

    assert not runfile.is_held(layout)
    assert runfile.find(layout) is None
    assert not layout.run_file.exists()


def test_a_second_one_is_refused_and_the_first_goes_on(layout: Layout) -> None:
    with runfile.holding(layout):
        runfile.write(layout, URL)

        with pytest.raises(AlreadyRunningError), runfile.holding(layout):
            pass

        assert runfile.find(layout) == Run(os.getpid(), URL, "a-token")


def test_looking_does_not_keep_anybody_from_starting(layout: Layout) -> None:
    with runfile.holding(layout):
        pass
    assert not runfile.is_held(layout)

    with runfile.holding(layout):
        assert runfile.is_held(layout)


def test_a_file_left_behind_by_a_killed_one_is_not_believed(layout: Layout) -> None:
    runfile.write(layout, URL)

    assert layout.run_file.exists()
    assert runfile.find(layout) is None


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "5", "{}", '{"pid": "x", "url": "", "token": ""}']
)
def test_a_file_that_is_not_whole_yet_is_not_believed(layout: Layout, text: str) -> None:
    with runfile.holding(layout):
        layout.run_file.write_text(text)

        assert runfile.find(layout) is None


class _Answering(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        answers = {
            "/whole": json.dumps({"authorization": self.headers["Authorization"]}).encode(),
            "/list": b"[]",
            "/garbage": b"{",
        }
        self.send_response(200)
        self.end_headers()
        self.wfile.write(answers[self.path])

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def answering() -> Iterator[str]:
    with http.server.HTTPServer(("127.0.0.1", 0), _Answering) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_it_is_asked_with_its_token(answering: str) -> None:
    assert Run(1, answering, "a-token").ask("GET", "/whole") == {"authorization": "Bearer a-token"}


def test_an_answer_that_is_none_is_no_answer(answering: str) -> None:
    run = Run(1, answering, "a-token")

    assert (run.ask("GET", "/list"), run.ask("GET", "/garbage")) == (None, None)
    assert Run(1, URL, "a-token").ask("GET", "/whole") is None

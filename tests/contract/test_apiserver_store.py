"""The API stand-in's file holds everything that was answered, whenever the process was killed."""

import asyncio
import contextlib
import itertools
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from teleward_cli.apiserver import store as storing
from teleward_cli.apiserver.documents import Document
from teleward_cli.apiserver.store import Store
from teleward_testing.apiserving import CUSTOM, Asking, document, serving
from teleward_testing.operating import ApiServer

CLINICS = f"{CUSTOM}/namespaces/default/clinics"
AWKWARD = "line\u2028paragraph\u2029next\u0085page\x0cfile\x1cشفاء🏥"
"""Characters at which some readers of text see a new line."""


def thing(name: str, text: str = "") -> Document:
    return {"metadata": {"name": name, "namespace": "n"}, "spec": {"text": text}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "objects.jsonl"


@pytest.fixture
def start(path: Path) -> Iterator[Callable[[], Store]]:
    """Open the file, as after a kill: what was open is left as it is until the end."""
    with contextlib.ExitStack() as opened:

        def again() -> Store:
            return opened.enter_context(contextlib.closing(Store(path)))

        yield again


def texts(opened: Store) -> dict[str, str]:
    return {one["metadata"]["name"]: one["spec"]["text"] for one in opened.objects_of("things")}


# -- the file -------------------------------------------------------------------------------------


def test_what_was_written_is_there_when_it_is_opened_again(start: Callable[[], Store]) -> None:
    first = start()
    for name in ("a", "b", "c"):
        first.put("things", thing(name, AWKWARD))
    first.put("things", thing("b", "new"))
    first.remove(("things", "n", "a"))

    again = start()

    assert texts(again) == {"b": "new", "c": AWKWARD}
    assert again.version == first.version == 6
    assert again.put("things", thing("d")).version == 7


def test_a_line_cut_off_anywhere_loses_that_line_alone(
    path: Path, start: Callable[[], Store]
) -> None:
    start().put("things", thing("whole"))
    kept = path.read_bytes()
    opened = start()
    opened.put("things", thing("last", "ä"))
    opened.close()
    line = path.read_bytes()[len(kept) :]

    for length in range(len(line) - 1):
        path.write_bytes(kept + line[:length])
        found = start()
        assert texts(found) == {"whole": ""}
        found.put("things", thing("next"))
        assert texts(start()) == {"whole": "", "next": ""}


def test_a_faulty_line_in_the_middle_is_named_and_the_file_left_as_it_is(
    path: Path, start: Callable[[], Store]
) -> None:
    opened = start()
    opened.put("things", thing("a"))
    opened.put("things", thing("b"))
    opened.close()
    lines = path.read_bytes().splitlines()
    broken = b"\n".join([*lines[:-1], b"\x00" * 50, lines[-1], b""])
    path.write_bytes(broken)

    with pytest.raises(ValueError, match=r"objects\.jsonl:3 is not JSON"):
        start()
    assert path.read_bytes() == broken


def test_the_file_is_rewritten_when_most_of_it_is_history(
    path: Path, start: Callable[[], Store]
) -> None:
    opened = start()

    for n in range(storing.SLACK + 10):
        opened.put("things", thing("a", str(n)))
    opened.remove(("things", "n", "a"))
    opened.put("things", thing("b"))

    assert len(path.read_bytes().splitlines()) < 20
    assert (texts(start()), start().version) == ({"b": ""}, opened.version)


def test_a_rewritten_file_never_goes_back_in_versions(start: Callable[[], Store]) -> None:
    opened = start()
    opened.put("things", thing("a"))
    opened.remove(("things", "n", "a"))

    assert [start().version for _ in range(3)] == [opened.version] * 3


def test_changes_are_kept_for_watches_that_come_back(start: Callable[[], Store]) -> None:
    opened = start()
    written = [opened.put("things", thing("a", str(n))) for n in range(storing.HISTORY + 5)]

    oldest = opened.oldest
    assert opened.since(oldest - 1) is None
    assert opened.since(oldest) == [one for one in written if one.version > oldest]
    assert len(written) - len(opened.since(oldest) or ()) == 5
    assert opened.since(opened.version) == []


def test_what_was_changed_before_a_start_is_no_longer_told(start: Callable[[], Store]) -> None:
    first = start()
    for n in range(3):
        first.put("things", thing("a", str(n)))

    again = start()

    assert again.since(first.version - 1) is None
    assert again.since(first.version) == []


# -- the process ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ApiServer, Asking]]:
    """One that may be killed."""
    with serving(tmp_path_factory.mktemp("apiserver")) as started:
        yield started


def restart(api: ApiServer) -> None:
    async def kill_and_start() -> None:
        await api.stop(signal.SIGKILL)
        await api.start()

    asyncio.run(kill_and_start())


def test_everything_acknowledged_survives_a_kill_in_the_middle_of_writes(
    own: tuple[ApiServer, Asking],
) -> None:
    api, ask = own
    acknowledged: dict[str, Any] = {}
    enough = threading.Event()

    def write(worker: int) -> None:
        with Asking(api) as asking:
            for n in itertools.count():
                name = f"w{worker}-{n}"
                try:
                    made = asking.ok(
                        "POST", CLINICS,
                        document("Clinic", "default", name, {"displayName": AWKWARD}),
                    )  # fmt: skip
                    acknowledged[name] = made
                    if n % 3 == 0:
                        asking.ok("DELETE", f"{CLINICS}/{name}")
                        acknowledged[name] = None
                except (httpx.HTTPError, ValueError):
                    acknowledged.pop(name, None)  # it may have been deleted or not
                    return
                if n == 20:
                    enough.set()

    writers = [threading.Thread(target=write, args=(n,)) for n in range(3)]
    for writer in writers:
        writer.start()
    assert enough.wait(30)
    restart(api)
    for writer in writers:
        writer.join()

    found = {one["metadata"]["name"]: one for one in ask.ok("GET", CLINICS)["items"]}
    assert len(acknowledged) > 20
    assert {name: found.get(name) for name in acknowledged} == acknowledged
    assert len(found.keys() - acknowledged.keys()) <= len(writers)
    newest = max(int(one["metadata"]["resourceVersion"]) for one in found.values())
    later = ask.ok("POST", CLINICS, document("Clinic", "default", "later", {}))
    assert int(later["metadata"]["resourceVersion"]) > newest


def test_a_watch_from_before_a_restart_is_told_to_list_again(
    own: tuple[ApiServer, Asking],
) -> None:
    api, ask = own
    before = ask.ok("GET", CLINICS)["metadata"]["resourceVersion"]
    ask.ok("POST", CLINICS, document("Clinic", "default", "of-the-night", {}))

    restart(api)

    with ask.watching(CLINICS, resourceVersion=before) as events:
        [error] = events
    assert (error["type"], error["object"]["code"]) == ("ERROR", 410)
    now = ask.ok("GET", CLINICS)["metadata"]["resourceVersion"]
    with ask.watching(CLINICS, resourceVersion=now) as events:
        ask.ok("DELETE", f"{CLINICS}/of-the-night")
        assert next(events)["type"] == "DELETED"


def test_a_damaged_file_stops_the_start_and_is_named(own: tuple[ApiServer, Asking]) -> None:
    api, _ = own
    asyncio.run(api.stop(signal.SIGKILL))
    damaged = b"damage\n" + api.layout.objects_file.read_bytes()
    api.layout.objects_file.write_bytes(damaged)

    with pytest.raises(AssertionError, match=r"objects\.jsonl:1 is not JSON"):
        asyncio.run(api.start())

    assert api.child is not None
    assert api.child.process.wait(10) == 1
    assert api.layout.objects_file.read_bytes() == damaged

"""A watch delivers every later change, once and in order, or says that it cannot: on both API servers."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from kubernetes import watch
from teleward_contract.resources import GROUP, VERSION
from teleward_testing.apiserving import CUSTOM, Asking, document
from teleward_testing.operating import ApiServer, Clients


@pytest.fixture
def clinics(home: str) -> str:
    return f"{CUSTOM}/namespaces/{home}/clinics"


def made(ask: Asking, clinics: str, name: str, **labels: str) -> str:
    """Make a clinic; the answer is its path."""
    given = document("Clinic", clinics.split("/")[-2], name, {})
    given["metadata"]["labels"] = labels
    ask.ok("POST", clinics, given)
    return f"{clinics}/{name}"


def listed_at(ask: Asking, clinics: str) -> str:
    return str(ask.ok("GET", clinics)["metadata"]["resourceVersion"])


def seen(event: dict[str, Any]) -> tuple[str, str]:
    return event["type"], event["object"]["metadata"].get("name", "")


def versions(events: list[dict[str, Any]]) -> list[int]:
    return [int(event["object"]["metadata"]["resourceVersion"]) for event in events]


def test_a_watch_delivers_exactly_the_later_changes_in_order(ask: Asking, clinics: str) -> None:
    made(ask, clinics, "before")
    since = listed_at(ask, clinics)
    a = made(ask, clinics, "a")
    ask.merge(a, spec={"displayName": "A"})

    with ask.watching(clinics, resourceVersion=since, timeoutSeconds=30) as events:
        missed = list(itertools.islice(events, 2))
        ask.merge(f"{a}/status", status={"rooms": 1})
        ask.ok("DELETE", a)
        made(ask, clinics, "b")
        live = list(itertools.islice(events, 3))

    assert [seen(event) for event in missed + live] == [
        ("ADDED", "a"), ("MODIFIED", "a"), ("MODIFIED", "a"), ("DELETED", "a"), ("ADDED", "b"),
    ]  # fmt: skip
    found = versions(missed + live)
    assert found == sorted(set(found))
    assert found[0] > int(since)
    assert live[1]["object"]["status"] == {"rooms": 1}


def test_a_watch_can_go_on_from_any_event(ask: Asking, clinics: str) -> None:
    since = listed_at(ask, clinics)
    for name in "abcd":
        made(ask, clinics, name)
    with ask.watching(clinics, resourceVersion=since) as events:
        whole = list(itertools.islice(events, 4))

    for at, version in enumerate(versions(whole)[:-1], 1):
        with ask.watching(clinics, resourceVersion=version) as events:
            assert list(itertools.islice(events, 4 - at)) == whole[at:]


def test_a_watch_without_a_version_starts_with_what_is_there(ask: Asking, clinics: str) -> None:
    for name in "ba":
        made(ask, clinics, name)

    with ask.watching(clinics) as events:
        there = [seen(event) for event in itertools.islice(events, 2)]
        made(ask, clinics, "c")
        then = seen(next(events))

    assert (there, then) == ([("ADDED", "a"), ("ADDED", "b")], ("ADDED", "c"))


def test_a_watch_hears_nothing_of_other_namespaces_and_kinds(
    ask: Asking, home: str, clinics: str
) -> None:
    ask.ok("POST", "/api/v1/namespaces", {"metadata": {"name": f"{home}-too"}})
    pools = f"{CUSTOM}/namespaces/{home}/mediapools"

    with ask.watching(clinics, resourceVersion=listed_at(ask, clinics)) as events:
        made(ask, f"{CUSTOM}/namespaces/{home}-too/clinics", "elsewhere")
        ask.ok("POST", pools, document("MediaPool", home, "default", {}))
        made(ask, clinics, "here")
        heard = seen(next(events))

    assert heard == ("ADDED", "here")


def test_what_comes_into_a_selection_is_added_and_what_leaves_it_is_deleted(
    ask: Asking, clinics: str
) -> None:
    a = made(ask, clinics, "a", tier="tin")

    with ask.watching(
        clinics, labelSelector="tier=gold", resourceVersion=listed_at(ask, clinics)
    ) as events:
        for tier in ("gold", "gold", "tin"):
            ask.merge(a, metadata={"labels": {"tier": tier, "other": tier * 2}})
        ask.merge(a, spec={"displayName": "unseen"})
        ask.merge(a, metadata={"labels": {"tier": "gold"}})
        ask.ok("DELETE", a)
        heard = list(itertools.islice(events, 4))

    assert [seen(event)[0] for event in heard] == ["ADDED", "DELETED", "ADDED", "DELETED"]
    assert heard[1]["object"]["metadata"]["labels"]["tier"] == "gold"
    assert versions(heard) == sorted(set(versions(heard)))


def test_a_finalized_object_is_modified_first_and_deleted_last(ask: Asking, clinics: str) -> None:
    a = made(ask, clinics, "a")
    ask.merge(a, metadata={"finalizers": ["teleward.io/guard"]})

    with ask.watching(clinics, resourceVersion=listed_at(ask, clinics)) as events:
        ask.ok("DELETE", a)
        ask.merge(a, metadata={"finalizers": None})
        first, last = itertools.islice(events, 2)

    assert seen(first) == ("MODIFIED", "a")
    assert first["object"]["metadata"]["deletionTimestamp"]
    assert seen(last) == ("DELETED", "a")


def test_the_end_of_the_initial_events_is_a_bookmark(ask: Asking, clinics: str) -> None:
    made(ask, clinics, "a")
    at = listed_at(ask, clinics)

    with ask.watching(
        clinics, sendInitialEvents="true", allowWatchBookmarks="true",
        resourceVersionMatch="NotOlderThan",
    ) as events:  # fmt: skip
        added, bookmark = itertools.islice(events, 2)

    assert seen(added) == ("ADDED", "a")
    assert bookmark["type"] == "BOOKMARK"
    assert bookmark["object"] == {
        "kind": "Clinic", "apiVersion": f"{GROUP}/{VERSION}",
        "metadata": {
            "resourceVersion": at, "annotations": {"k8s.io/initial-events-end": "true"},
        },
    }  # fmt: skip


def test_a_watch_ends_with_a_bookmark_if_it_asked_for_them(ask: Asking, clinics: str) -> None:
    since = listed_at(ask, clinics)

    with ask.watching(
        clinics, resourceVersion=since, allowWatchBookmarks="true", timeoutSeconds=4
    ) as events:
        made(ask, clinics, "a")
        added, *bookmarks = events

    assert seen(added) == ("ADDED", "a")
    last = bookmarks[-1]
    assert (last["type"], last["object"]["kind"]) == ("BOOKMARK", "Clinic")
    assert last["object"].get("spec", {}) == {}
    assert versions([last]) == versions([added])


def test_a_bookmark_of_the_standin_moves_on_with_changes_the_watch_did_not_ask_for(
    apiserver: tuple[ApiServer, Asking],
) -> None:
    _, ask = apiserver
    home = "default"
    clinics = f"{CUSTOM}/namespaces/{home}/clinics"
    since = listed_at(ask, clinics)

    with ask.watching(
        clinics, resourceVersion=since, allowWatchBookmarks="true", timeoutSeconds=1
    ) as events:
        pools = f"{CUSTOM}/namespaces/{home}/mediapools"
        pool = ask.ok("POST", pools, document("MediaPool", home, "default", {}))
        heard = list(events)

    assert heard[-1] == {
        "type": "BOOKMARK",
        "object": {
            "kind": "Clinic", "apiVersion": f"{GROUP}/{VERSION}",
            "metadata": {"resourceVersion": pool["metadata"]["resourceVersion"]},
        },
    }  # fmt: skip
    assert len(heard) == 1


def test_who_asks_for_no_bookmarks_gets_none_and_a_watch_ends_in_time(
    ask: Asking, clinics: str
) -> None:
    with ask.watching(
        clinics, resourceVersion=listed_at(ask, clinics), timeoutSeconds=1
    ) as events:
        assert list(events) == []


def test_for_the_standin_a_version_that_is_still_to_come_is_expired(
    apiserver: tuple[ApiServer, Asking],
) -> None:
    """After a restored or emptied data directory: the client lists again. A real server waits for it."""
    _, ask = apiserver
    clinics = f"{CUSTOM}/namespaces/default/clinics"
    future = int(listed_at(ask, clinics)) + 1000

    with ask.watching(clinics, resourceVersion=future) as events:
        [error] = events

    assert error["type"] == "ERROR"
    assert (error["object"]["code"], error["object"]["reason"]) == (410, "Expired")


def test_a_watch_for_tables_delivers_tables(ask: Asking, clinics: str) -> None:
    made(ask, clinics, "a")
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io"

    answer = ask.send("GET", f"{clinics}?watch=1&timeoutSeconds=1", Accept=accept)

    assert answer.json()["object"]["kind"] == "Table"
    assert answer.json()["object"]["rows"][0]["cells"][0] == "a"


@pytest.mark.parametrize("switch", ["1", "true", "True", ""])
def test_a_watch_is_asked_for_with_any_word_but_no(ask: Asking, clinics: str, switch: str) -> None:
    made(ask, clinics, "a")

    with ask.watching(clinics, watch=switch, timeoutSeconds=5) as events:
        assert seen(next(events)) == ("ADDED", "a")


@pytest.mark.parametrize("switch", ["0", "false", "False"])
def test_a_list_is_what_is_not_watched(ask: Asking, clinics: str, switch: str) -> None:
    assert ask.ok("GET", f"{clinics}?watch={switch}")["kind"] == "ClinicList"


@pytest.mark.parametrize("query", ["timeoutSeconds=soon"])
def test_what_should_be_a_number_is_one(ask: Asking, clinics: str, query: str) -> None:
    assert ask.refused("GET", f"{clinics}?watch=1&{query}")["code"] == 400


def test_the_official_client_watches(api: Clients, ask: Asking, home: str, clinics: str) -> None:
    a = made(ask, clinics, "a")
    ask.merge(a, spec={"displayName": "line\u2028separator"})
    watching: Any = watch.Watch()  # type: ignore[no-untyped-call]  # the package has no types here

    stream = watching.stream(
        api.objects.list_namespaced_custom_object, GROUP, VERSION, home, "clinics",
        resource_version="0", timeout_seconds=10,
    )  # fmt: skip
    heard = []
    for event in stream:
        heard.append((event["type"], event["object"]["spec"]["displayName"]))
        if len(heard) == 1:
            ask.ok("DELETE", a)
        else:
            watching.stop()

    assert heard == [("ADDED", "line\u2028separator"), ("DELETED", "line\u2028separator")]


def test_every_watcher_hears_the_same_while_many_write(ask: Asking, clinics: str) -> None:
    since = listed_at(ask, clinics)
    count = 40

    def hear() -> list[dict[str, Any]]:
        with ask.watching(clinics, resourceVersion=since, timeoutSeconds=30) as events:
            return list(itertools.islice(events, count))

    with ThreadPoolExecutor(8) as pool:
        hearing = [pool.submit(hear) for _ in range(4)]
        writing = [pool.submit(made, ask, clinics, f"c{n}") for n in range(count)]
        for one in writing:
            one.result()
        first, *rest = [one.result() for one in hearing]

    assert sorted(seen(event)[1] for event in first) == sorted(f"c{n}" for n in range(count))
    assert versions(first) == sorted(versions(first))
    assert all(other == first for other in rest)

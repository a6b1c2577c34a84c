"""The cache knows what is declared, whatever the order in which news of it comes, and what it makes dirty."""

from typing import Any

import pytest
from teleward_contract.projections import ProjectionKind
from teleward_contract.resources import Unreadable, read_seen
from teleward_contract.units import Namespace
from teleward_operator.core import cache as caching
from teleward_operator.core.cache import Cache, Unit, stored_key, unit_of
from teleward_testing.declared import (
    NAMESPACE,
    clinic,
    media_pool,
    meeting_room,
    organisation,
    user_room,
    waiting_area,
)

CLINIC = (Unit.CLINIC, NAMESPACE, "cardiology")
ORGANISATION = (Unit.ORGANISATION, NAMESPACE, "organisation")
POOL = (Unit.POOL, NAMESPACE, "default")


def filled() -> Cache:
    cache = Cache()
    for item in (
        organisation(), media_pool(), clinic(), waiting_area(), meeting_room(), user_room(),
    ):  # fmt: skip
        cache.apply(item, deleted=False)
    return cache


def test_everything_declared_is_found() -> None:
    cache = filled()

    assert cache.organisation(NAMESPACE) == organisation()
    assert cache.clinic(NAMESPACE, "cardiology") == clinic()
    assert cache.pool(NAMESPACE, "default") == media_pool()
    assert cache.pools() == [media_pool()]
    assert cache.waiting_area(NAMESPACE, "cardiology") == waiting_area()
    assert cache.rooms(NAMESPACE, "cardiology") == (meeting_room(), user_room())
    assert cache.every_unit() == {ORGANISATION, POOL, CLINIC}
    assert cache.projected() == {
        ORGANISATION: "uid-Organisation-organisation",
        POOL: "uid-MediaPool-default",
        CLINIC: "uid-Clinic-cardiology",
    }


def test_a_version_is_known_while_it_is_the_newest() -> None:
    cache = filled()
    room = ("MeetingRoom", NAMESPACE, "handover")
    assert (cache.knows(room, "10"), cache.knows(room, "11")) == (True, False)

    cache.apply(unreadable(), deleted=False)

    assert (cache.knows(room, "10"), cache.knows(room, "11")) == (False, True)
    assert not cache.knows(("MeetingRoom", NAMESPACE, "other"), "10")


def test_nothing_else_is_found() -> None:
    cache = filled()

    assert cache.organisation("elsewhere") is None
    assert cache.clinic(NAMESPACE, "other") is None
    assert cache.pool(NAMESPACE, "other") is None
    assert cache.waiting_area(NAMESPACE, "other") is None
    assert cache.rooms(NAMESPACE, "other") == ()
    assert cache.clinics("elsewhere") == []


def test_an_object_makes_dirty_whatever_looks_at_it() -> None:
    cache = filled()
    newer: dict[str, Any] = {"generation": 2, "resourceVersion": "11"}

    assert cache.apply(organisation(**newer), deleted=False) == {ORGANISATION, CLINIC}
    assert cache.apply(clinic(**newer), deleted=False) == {ORGANISATION, CLINIC}
    assert cache.apply(media_pool(**newer), deleted=False) == {POOL, CLINIC}
    assert cache.apply(waiting_area(**newer), deleted=False) == {CLINIC}
    assert cache.apply(meeting_room(**newer), deleted=False) == {CLINIC}


def test_a_pool_that_nobody_uses_makes_only_itself_dirty() -> None:
    cache = filled()

    assert cache.apply(media_pool(name="other"), deleted=False) == {
        (Unit.POOL, NAMESPACE, "other")
    }


def test_a_new_status_makes_only_the_object_itself_dirty() -> None:
    cache = filled()

    assert cache.apply(media_pool(resourceVersion="11"), deleted=False) == {POOL}


def test_a_deleted_room_is_forgotten() -> None:
    cache = filled()

    assert cache.apply(meeting_room(), deleted=True) == {CLINIC}
    assert cache.rooms(NAMESPACE, "cardiology") == (user_room(),)
    assert cache.apply(user_room(), deleted=True) == {CLINIC}
    assert cache.rooms(NAMESPACE, "cardiology") == ()


def test_the_deletion_of_something_unknown_still_marks() -> None:
    assert Cache().apply(waiting_area(), deleted=True) == {CLINIC}


def test_a_list_older_than_a_deletion_revives_nothing() -> None:
    cache = filled()
    cache.apply(clinic(resourceVersion="12"), deleted=True)

    assert not cache.is_news(clinic())
    assert cache.apply(clinic(), deleted=False) == set()
    assert cache.clinic(NAMESPACE, "cardiology") is None


def test_a_list_older_than_an_event_changes_nothing() -> None:
    cache = Cache()
    cache.apply(clinic({"displayName": "New"}, resourceVersion="12"), deleted=False)

    assert (
        cache.apply(clinic({"displayName": "Old"}, resourceVersion="11"), deleted=False) == set()
    )
    known = cache.clinic(NAMESPACE, "cardiology")
    assert known is not None
    assert known.spec.display_name == "New"


def test_a_late_deletion_does_not_touch_the_successor_of_the_same_name() -> None:
    cache = Cache()
    successor = clinic(uid="second", resourceVersion="20")
    cache.apply(successor, deleted=False)

    assert cache.apply(clinic(uid="first", resourceVersion="15"), deleted=True) == set()
    assert cache.clinic(NAMESPACE, "cardiology") == successor


def test_a_successor_of_the_same_name_is_news_to_all_who_look_at_it() -> None:
    cache = filled()

    dirty = cache.apply(clinic(uid="second", resourceVersion="20"), deleted=False)

    assert dirty == {CLINIC, ORGANISATION}


@pytest.mark.parametrize(
    ("what", "version", "is_news"),
    [("older", "9", False), ("the same", "10", False), ("newer", "11", True), ("odd", "x", False)],
)
def test_news_is_what_is_newer(what: str, version: str, is_news: bool) -> None:
    assert filled().is_news(clinic(resourceVersion=version)) is is_news, what


def test_an_unknown_object_is_news() -> None:
    assert Cache().is_news(clinic())


def test_a_write_of_our_own_is_noted_unless_something_newer_came() -> None:
    cache = Cache()
    read, written = clinic(), clinic(resourceVersion="11")
    cache.apply(read, deleted=False)

    cache.replace(read, written)
    assert cache.clinic(NAMESPACE, "cardiology") is written
    cache.replace(read, clinic(resourceVersion="10"))
    assert cache.clinic(NAMESPACE, "cardiology") is written


def test_labels_of_a_namespace_make_its_clinics_dirty_when_they_change() -> None:
    cache = filled()

    assert cache.label(NAMESPACE, {"tier": "public"}) == {CLINIC}
    assert cache.label(NAMESPACE, {"tier": "public"}) == set()
    assert cache.label("elsewhere", {}) == set()
    assert cache.label(NAMESPACE, None) == {CLINIC}
    assert cache.label(NAMESPACE, None) == set()
    assert cache.labels == {"elsewhere": {}}


def test_what_a_list_does_not_hold_is_told_by_uid() -> None:
    cache = filled()
    listed = {item.metadata.uid for item in cache.objects.values()} - {"uid-UserRoom-ada"}

    assert cache.missing_from(listed) == {"uid-UserRoom-ada"}
    assert cache.by_uid({"uid-UserRoom-ada"}) == [user_room()]


def test_only_so_many_deletions_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caching, "REMEMBERED_UIDS", 1)
    cache = Cache()
    cache.apply(clinic(uid="first"), deleted=True)
    cache.apply(clinic(uid="second"), deleted=True)

    assert cache.is_news(clinic(uid="first"))
    assert not cache.is_news(clinic(uid="second"))


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        (ProjectionKind.ORGANISATION, ORGANISATION),
        (ProjectionKind.CLINIC, CLINIC),
        (ProjectionKind.POOL, POOL),
    ],
)
def test_a_stored_document_belongs_to_one_unit(
    kind: ProjectionKind, key: tuple[Unit, str, str]
) -> None:
    assert stored_key(kind, Namespace(key[1]), key[2]) == key


def test_the_oldest_of_several_that_claim_a_slug_has_it() -> None:
    cache = Cache()
    old = clinic({"slug": "heart"}, name="old", creationTimestamp="2026-01-01T00:00:00Z")
    young = clinic({"slug": "heart"}, name="young", creationTimestamp="2026-02-01T00:00:00Z")
    other = clinic({"slug": "lung"}, name="other", creationTimestamp="2025-01-01T00:00:00Z")
    for one in (young, other):
        cache.apply(one, deleted=False)
    assert cache.holder(young, "slug") == ""

    dirty = cache.apply(old, deleted=False)

    assert unit_of(young) in dirty
    assert unit_of(other) not in dirty
    assert cache.holder(young, "slug") == f"{NAMESPACE}/old"
    assert cache.holder(old, "slug") == ""
    assert cache.holder(young, "hostname") == ""
    assert unit_of(young) in cache.apply(old, deleted=True), "what was given up passes on"
    assert cache.holder(young, "slug") == ""


# -- what is not understood -----------------------------------------------------------------------


def unreadable(name: str = "handover", **metadata: object) -> Unreadable:
    spec = {"clinicRef": {"name": "cardiology"}, "guestEntry": "Wave"}
    found = read_seen(
        {
            "kind": "MeetingRoom", "spec": spec,
            "metadata": {
                "name": name, "namespace": NAMESPACE, "uid": f"uid-MeetingRoom-{name}",
                "resourceVersion": "11", **metadata,
            },
        }
    )  # fmt: skip
    assert isinstance(found, Unreadable)
    return found


ASIDE = (Unit.UNREADABLE, NAMESPACE, "MeetingRoom/handover")


def test_its_faults_are_named_without_what_stands_there() -> None:
    [fault] = unreadable().faults

    assert fault == "spec.guestEntry: Input should be 'Knock' or 'Open'"


def test_what_it_last_declared_stays_with_its_new_metadata() -> None:
    cache = filled()

    dirty = cache.apply(unreadable(deletionTimestamp="2026-11-24T09:00:00Z"), deleted=False)

    assert dirty == {ASIDE, CLINIC}
    [room, _] = cache.rooms(NAMESPACE, "cardiology")
    assert room.spec == meeting_room().spec
    assert room.metadata.deletion_timestamp
    assert cache.every_unit() == {ORGANISATION, POOL, CLINIC, ASIDE}
    assert [one for one in cache.every_object() if one.metadata.name == "handover"] == [
        cache.unreadable["MeetingRoom", NAMESPACE, "handover"]
    ]


def test_of_one_that_was_never_understood_nothing_is_known_but_that() -> None:
    cache = filled()

    assert cache.is_news(unreadable("new"))
    assert cache.apply(unreadable("new"), deleted=False) == {
        (Unit.UNREADABLE, NAMESPACE, "MeetingRoom/new")
    }

    assert len(cache.rooms(NAMESPACE, "cardiology")) == 2
    assert not cache.is_news(unreadable("new"))
    assert cache.is_news(unreadable("new", resourceVersion="12"))
    assert cache.missing_from(()) >= {"uid-MeetingRoom-new"}
    assert cache.by_uid({"uid-MeetingRoom-new"}) == [unreadable("new")]


@pytest.mark.parametrize("name", ["handover", "new"])
def test_once_deleted_nothing_of_it_is_left(name: str) -> None:
    cache = filled()
    cache.apply(unreadable(name), deleted=False)

    dirty = cache.apply(unreadable(name, resourceVersion="12"), deleted=True)

    assert dirty == ({CLINIC} if name == "handover" else set())
    assert not cache.unreadable
    assert name not in [room.metadata.name for room in cache.rooms(NAMESPACE, "cardiology")]
    assert cache.apply(unreadable(name), deleted=False) == set()


def test_once_corrected_it_counts_again() -> None:
    cache = filled()
    cache.apply(unreadable(), deleted=False)

    assert cache.apply(meeting_room(), deleted=False) == set(), "that is what it was before"
    corrected = meeting_room({"displayName": "B"}, resourceVersion="12", generation=3)
    assert cache.apply(corrected, deleted=False) == {CLINIC}

    assert not cache.unreadable
    assert cache.rooms(NAMESPACE, "cardiology")[0] == corrected


def test_its_written_status_is_noted_unless_it_changed_meanwhile() -> None:
    cache = filled()
    cache.apply(first := unreadable(), deleted=False)

    cache.replace(first, written := unreadable(resourceVersion="12"))
    cache.replace(first, unreadable(resourceVersion="13"))

    assert cache.unreadable["MeetingRoom", NAMESPACE, "handover"] is written

"""Watches: changes as they happen, one JSON object a line.

Source: Kubernetes API concepts, "Efficient detection of changes", "Watch bookmarks", "Streaming lists".
"""

import asyncio
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from aiohttp import web

from teleward_cli.apiserver import negotiation as ask
from teleward_cli.apiserver.documents import Document, version_of
from teleward_cli.apiserver.errors import StatusError
from teleward_cli.apiserver.registry import Registry
from teleward_cli.apiserver.resources import Resource
from teleward_cli.apiserver.selectors import Predicate
from teleward_cli.apiserver.store import Change

BOOKMARK_INTERVAL_S = 30.0
"""Clients that expect bookmarks take a watch silent for a minute or so for dead."""

TIMEOUT_RANGE_S = (1800, 3600)
"""How long a watch lasts whose client did not say: kube-apiserver's --min-request-timeout and its double."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What one watcher wants."""

    resource: Resource
    namespace: str
    selects: Predicate
    since: int | None
    """None: start with everything there is."""
    bookmarks: bool
    initial_events: bool
    timeout_s: float
    shape: Callable[[Document], Document]
    """Object, Table or metadata."""


def read_watch(
    request: web.Request, resource: Resource, namespace: str, selects: Predicate,
    shape: Callable[[Document], Document],
) -> Watch:  # fmt: skip
    """Read a watch from its query.

    Raises:
        StatusError: 400 for what should be a number and is none.
    """
    initial = is_set(request, "sendInitialEvents")
    low, high = TIMEOUT_RANGE_S
    return Watch(
        resource, namespace, selects,
        since=None if initial else ask.number(request, "resourceVersion") or None,
        bookmarks=is_set(request, "allowWatchBookmarks"),
        initial_events=initial,
        timeout_s=ask.number(request, "timeoutSeconds") or random.uniform(low, high),  # noqa: S311  # spreads reconnects
        shape=shape,
    )  # fmt: skip


def is_set(request: web.Request, name: str) -> bool:
    """Read a switch: as for a real server, everything but its absence, `false` and `0` sets it."""
    return request.query.get(name, "false").lower() not in ("false", "0")


async def stream(
    request: web.Request, watch: Watch, registry: Registry, stopping: asyncio.Event
) -> web.StreamResponse:
    """Answer a watch until its time is over, its client goes or the server stops."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    try:
        if watch.since is not None and watch.since > registry.version:
            raise StatusError(410, "Expired", f"too large resource version: {watch.since}")
        with registry.watching(watch.since) as changes:
            shown = registry.version
            if watch.since is None:
                await _send(response, *_initial(watch, registry))
            await _follow(response, watch, changes, shown, stopping)
    except StatusError as err:
        await _send(response, {"type": "ERROR", "object": err.document()})
    return response


async def _follow(
    response: web.StreamResponse, watch: Watch, changes: asyncio.Queue[Change], shown: int,
    stopping: asyncio.Event,
) -> None:  # fmt: skip
    loop = asyncio.get_running_loop()
    ends = loop.time() + watch.timeout_s
    stop = asyncio.create_task(stopping.wait())
    following = asyncio.create_task(changes.get())
    try:
        while not stopping.is_set() and (left := ends - loop.time()) > 0:
            wait = min(left, BOOKMARK_INTERVAL_S)
            await asyncio.wait(
                {stop, following}, timeout=wait, return_when=asyncio.FIRST_COMPLETED
            )
            if following.done():
                change = following.result()
                following = asyncio.create_task(changes.get())
                shown = change.version
                await _send(response, *events_of(watch, change))
            elif watch.bookmarks and not stop.done():
                await _send(response, _bookmark(watch, shown))
    finally:
        for task in (stop, following):
            task.cancel()


def events_of(watch: Watch, change: Change) -> Iterator[Document]:
    """What a change means to this watcher: an object may come into or leave its selection."""
    resource, namespace, _ = change.key
    if resource != watch.resource.qualified or watch.namespace not in ("", namespace):
        return
    was = change.before is not None and watch.selects(change.before)
    after = change.after
    if after is not None and watch.selects(after):
        yield {"type": "MODIFIED" if was else "ADDED", "object": watch.shape(after)}
    elif was and change.before is not None:
        last = change.before
        if (
            after is not None
        ):  # it left the selection: its last selected state, at the version it left
            meta = last["metadata"] | {"resourceVersion": str(version_of(after))}
            last = last | {"metadata": meta}
        yield {"type": "DELETED", "object": watch.shape(last)}


def _initial(watch: Watch, registry: Registry) -> Iterator[Document]:
    for document in registry.objects_of(watch.resource, watch.namespace, watch.selects):
        yield {"type": "ADDED", "object": watch.shape(document)}
    if watch.initial_events and watch.bookmarks:
        yield _bookmark(watch, registry.version, {"k8s.io/initial-events-end": "true"})


def _bookmark(watch: Watch, version: int, annotations: dict[str, str] | None = None) -> Document:
    meta: Document = {"resourceVersion": str(version)}
    if annotations:
        meta["annotations"] = annotations
    return {
        "type": "BOOKMARK",
        "object": {
            "kind": watch.resource.kind, "apiVersion": watch.resource.api_version, "metadata": meta,
        },
    }  # fmt: skip


async def _send(response: web.StreamResponse, *events: Document) -> None:
    if events:
        lines = "".join(json.dumps(event, ensure_ascii=False) + "\n" for event in events)
        await response.write(lines.encode())

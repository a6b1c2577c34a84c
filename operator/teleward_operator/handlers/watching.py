"""Kopf watches our kinds and namespaces; every event goes into the sink. Nothing is decided here."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import kopf
from teleward_contract.resources import GROUP, KINDS, VERSION, read_seen

from teleward_operator.ports import Sink


class KopfWatch:
    """See `Watch`.

    Args:
        in_cluster: Take the pod's service account, else the kubeconfig named by `KUBECONFIG`.
        keep_signals: Puts the process's own signal handlers back, which kopf replaces by its own.
    """

    def __init__(
        self, silence_s: float, *, in_cluster: bool, keep_signals: Callable[[], None]
    ) -> None:
        self._silence_s = silence_s
        self._login = kopf.login_with_service_account if in_cluster else kopf.login_with_kubeconfig
        self._keep_signals = keep_signals

    async def follow(self, sink: Sink) -> None:
        """See `Watch`."""
        logging.getLogger("kopf.objects").setLevel(logging.WARNING)  # a line for every event
        registry = kopf.OperatorRegistry()
        kopf.on.login(registry=registry)(self._login)
        register(registry, sink)
        others = {*asyncio.all_tasks()}
        tasks = await kopf.spawn_tasks(
            registry=registry, settings=settings(self._silence_s), clusterwide=True
        )
        self._keep_signals()
        await kopf.run_tasks(tasks, ignored=others)


def register(registry: kopf.OperatorRegistry, sink: Sink) -> None:
    """Register one event handler per kind."""
    for kind, (plural, _) in KINDS.items():
        _register_kind(registry, kind, plural, sink)

    @kopf.on.event("", "v1", "namespaces", registry=registry, id="seen-namespaces")
    async def namespace_seen(event: kopf.RawEvent, **_: Any) -> None:
        _note(event, "Namespace", sink)
        meta = event["object"]["metadata"]
        labels = None if event["type"] == "DELETED" else dict(meta.get("labels", {}))
        sink.namespace_seen(meta["name"], labels)


def _register_kind(registry: kopf.OperatorRegistry, kind: str, plural: str, sink: Sink) -> None:
    @kopf.on.event(GROUP, VERSION, plural, registry=registry, id=f"seen-{plural}")
    async def object_seen(event: kopf.RawEvent, **_: Any) -> None:
        _note(event, kind, sink)
        is_deleted, meta = event["type"] == "DELETED", event["object"]["metadata"]
        key = (kind, meta["namespace"], meta["name"])
        if is_deleted or not sink.knows(key, meta["resourceVersion"]):
            sink.object_seen(read_seen({**event["object"], "kind": kind}), deleted=is_deleted)


def _note(event: kopf.RawEvent, kind: str, sink: Sink) -> None:
    sink.heard(kind)
    if event["type"] is None:  # kopf's word for an object that came with a LIST
        sink.history_lost()


def settings(silence_s: float) -> kopf.OperatorSettings:
    """Settings for watching thousands of objects: no events, no progress, no peering, short stalls.

    Args:
        silence_s: A watch of which nothing is heard for so many seconds is begun anew.
    """
    chosen = kopf.OperatorSettings()
    chosen.posting.enabled = False
    chosen.peering.standalone = True
    chosen.scanning.disabled = True
    chosen.watching.server_timeout = 600
    chosen.watching.connect_timeout = 10
    chosen.watching.chunk_size = 500
    chosen.queueing.idle_timeout = 0.5  # an object's queue keeps its last event that long
    chosen.watching.inactivity_timeout = silence_s
    chosen.networking.request_timeout = 30
    return chosen

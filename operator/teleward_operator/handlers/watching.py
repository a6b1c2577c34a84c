"""Kopf watches our kinds; every event goes into the cache and marks keys. Nothing is decided here."""

from collections.abc import Callable
from typing import Any

import kopf
from teleward_contract.resources import GROUP, KINDS, VERSION, AnyResource, read_resource

Seen = Callable[[AnyResource, bool], None]


def register(registry: kopf.OperatorRegistry, seen: Seen) -> None:
    """Register one event handler per kind: `seen(object, is_deleted)`."""
    for kind, (plural, _) in KINDS.items():
        _register_one(registry, kind, plural, seen)


def _register_one(registry: kopf.OperatorRegistry, kind: str, plural: str, seen: Seen) -> None:
    @kopf.on.event(GROUP, VERSION, plural, registry=registry, id=f"seen-{plural}")
    async def handle(event: kopf.RawEvent, **_: Any) -> None:
        document = {**event["object"], "kind": kind}
        seen(read_resource(document), event["type"] == "DELETED")


def settings() -> kopf.OperatorSettings:
    """Settings for watching thousands of objects: no events, no progress, no peering, short stalls."""
    chosen = kopf.OperatorSettings()
    chosen.posting.enabled = False
    chosen.peering.standalone = True
    chosen.watching.server_timeout = 600
    chosen.watching.connect_timeout = 10
    chosen.watching.inactivity_timeout = 70
    chosen.networking.request_timeout = 30
    chosen.scanning.disabled = True
    chosen.process.ultimate_exiting_timeout = None
    return chosen

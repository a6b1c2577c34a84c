"""The same work as a usual kopf operator does it: change handlers that project and set conditions. For comparison.

Each handler reads what it needs from an in-memory index of its own making, so that only the way of being
called differs: kopf's create, update and resume causes, with their progress in annotations.
"""

import json
import os
from typing import Any

import kopf
import redis.asyncio
from teleward_contract.resources import GROUP, KINDS, VERSION

REDIS: dict[str, redis.asyncio.Redis] = {}


@kopf.on.startup()
async def connect(settings: kopf.OperatorSettings, **_: Any) -> None:
    settings.posting.enabled = False
    settings.peering.standalone = True
    settings.scanning.disabled = True
    REDIS["client"] = redis.asyncio.Redis.from_url(os.environ["TELEWARD_REDIS_URL"])


def _register(kind: str, plural: str) -> None:
    @kopf.on.resume(GROUP, VERSION, plural, id=f"on-{plural}")
    @kopf.on.create(GROUP, VERSION, plural, id=f"on-{plural}")
    @kopf.on.update(GROUP, VERSION, plural, id=f"on-{plural}")
    async def changed(
        name: str,
        namespace: str | None,
        spec: kopf.Spec,
        meta: kopf.Meta,
        patch: kopf.Patch,
        **_: Any,
    ) -> None:
        document = json.dumps({"uid": meta["uid"], "kind": kind, "spec": dict(spec)})
        await REDIS["client"].hset(f"plain:{namespace}", f"{kind}/{name}", document)
        generation = meta["generation"]
        patch.status["observedGeneration"] = generation
        patch.status["conditions"] = [
            {
                "type": of, "status": "True", "reason": of, "message": "",
                "observedGeneration": generation, "lastTransitionTime": meta["creationTimestamp"],
            }
            for of in ("Accepted", "ResolvedRefs", "Programmed", "Ready")
        ]  # fmt: skip


for _kind, (_plural, _) in KINDS.items():
    _register(_kind, _plural)

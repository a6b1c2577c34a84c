"""Tell an address of the clinic's that somebody has come: the gateway that let them in does, and no other."""

import asyncio
import json
from collections.abc import Callable

import structlog

from teleward_gateway.errors import WebhookLostError
from teleward_gateway.ports.alerts import Webhooks
from teleward_gateway.usecases.clinics import Found

log = structlog.get_logger()

PAUSES_S = (1.0, 5.0)
"""Before a second and a third try."""
MOST_UNDER_WAY = 100
"""More than so many at once are not called but counted: a pager that does not answer must not hold up the gateway."""


class Arrivals:
    """Calls the webhooks of waiting areas; what they are told holds nothing of a patient."""

    def __init__(
        self, webhooks: Webhooks, count: Callable[[str], None], public_url: str,
        pauses_s: tuple[float, ...] = PAUSES_S,
    ) -> None:  # fmt: skip
        self._webhooks = webhooks
        self._count = count
        self._public_url = public_url
        self._pauses_s = pauses_s
        self._under_way: set[asyncio.Task[None]] = set()

    def tell(self, found: Found) -> None:
        """Begin to tell that somebody has come to a clinic, if it wants that told."""
        clinic, area = found[0], found[0].waiting_area
        url = area.alert_webhook if area else ""
        if not url:
            return
        if not self._webhooks.is_allowed(url):
            self._count("not_allowed")
            log.warning("webhook.not_allowed", namespace=clinic.namespace, clinic=clinic.name)
            return
        if len(self._under_way) >= MOST_UNDER_WAY:
            self._count("dropped")
            return
        told = {
            "type": "arrival", "namespace": clinic.namespace, "clinic": clinic.name,
            "dashboard": f"{self._public_url}/staff/{clinic.namespace}/{clinic.name}",
        }  # fmt: skip
        task = asyncio.create_task(self._call(url, json.dumps(told).encode()))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _call(self, url: str, body: bytes) -> None:
        for pause_s in (*self._pauses_s, None):
            try:
                was_taken = await self._webhooks.call(url, body)
            except WebhookLostError:
                if pause_s is None:
                    self._count("failed")
                    return
                await asyncio.sleep(pause_s)
            else:
                self._count("sent" if was_taken else "refused")
                return

    async def close(self) -> None:
        """Give up what is under way."""
        for task in list(self._under_way):
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

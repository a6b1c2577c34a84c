"""Leadership by a coordination.k8s.io Lease; each acquisition raises the leader epoch in the same write.

Source: Kubernetes leases as client-go's leader election uses them; durations 15 s / 5 s.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from kubernetes import client
from teleward_contract.units import LeaderEpoch

from teleward_operator.adapters.kubernetes_cluster import REQUEST_TIMEOUT_S, call
from teleward_operator.errors import ClusterUnavailableError, StaleObjectError

log = structlog.get_logger()

LEASE_S = 15
RENEW_EVERY_S = 5.0
NAME = "teleward-operator"
EPOCH = "teleward.io/leader-epoch"
_NOT_FOUND = 404


class Leadership:
    """Acquires the Lease, renews it, and tells how old it is on the monotonic clock."""

    def __init__(self, api: client.ApiClient, namespace: str, identity: str) -> None:
        self._api = client.CoordinationV1Api(api)
        self._namespace = namespace
        self._identity = identity
        self._renewed_at = 0.0
        self.epoch = LeaderEpoch(0)

    @property
    def is_held(self) -> bool:
        """Whether the lease is surely ours: renewed recently, on the monotonic clock."""
        return self.epoch > 0 and time.monotonic() - self._renewed_at < LEASE_S

    async def acquire(self) -> None:
        """Wait until the Lease is ours."""
        while not await self._try():  # noqa: ASYNC110  # somebody else decides
            await asyncio.sleep(RENEW_EVERY_S / 2)
        log.info("leadership.acquired", leader_epoch=self.epoch)

    async def keep(self, lost: Callable[[], None]) -> None:
        """Renew until cancelled; calls `lost` when somebody else holds the Lease."""
        while True:
            await asyncio.sleep(RENEW_EVERY_S)
            begun = time.monotonic()
            try:
                lease = await self._read()
                if lease is None or lease.spec.holder_identity != self._identity:
                    log.warning("leadership.lost", leader_epoch=self.epoch)
                    lost()
                    return
                lease.spec.renew_time = datetime.now(UTC)
                await self._write(lease)
                self._renewed_at = begun
            except (ClusterUnavailableError, StaleObjectError):
                log.warning("leadership.not_renewed", leader_epoch=self.epoch)

    async def _try(self) -> bool:
        begun = time.monotonic()
        try:
            lease = await self._read()
            if lease is None:
                await self._create()
                self._renewed_at = begun
                return True
            if _is_held_by_another(lease, self._identity):
                return False
            epoch = int((lease.metadata.annotations or {}).get(EPOCH, 0)) + 1
            lease.metadata.annotations = {**(lease.metadata.annotations or {}), EPOCH: str(epoch)}
            now = datetime.now(UTC)
            lease.spec.holder_identity = self._identity
            lease.spec.acquire_time = lease.spec.renew_time = now
            lease.spec.lease_duration_seconds = LEASE_S
            await self._write(lease)
        except (ClusterUnavailableError, StaleObjectError):
            return False
        self.epoch, self._renewed_at = LeaderEpoch(epoch), begun
        return True

    async def _create(self) -> None:
        now = datetime.now(UTC)
        lease = client.V1Lease(
            metadata=client.V1ObjectMeta(name=NAME, annotations={EPOCH: "1"}),
            spec=client.V1LeaseSpec(
                holder_identity=self._identity, lease_duration_seconds=LEASE_S,
                acquire_time=now, renew_time=now,
            ),
        )  # fmt: skip
        await call(
            "create_lease",
            lambda: self._api.create_namespaced_lease(
                self._namespace, lease, _request_timeout=REQUEST_TIMEOUT_S
            ),
        )
        self.epoch = LeaderEpoch(1)

    async def _read(self) -> Any | None:
        def read() -> Any | None:
            try:
                return self._api.read_namespaced_lease(
                    NAME, self._namespace, _request_timeout=REQUEST_TIMEOUT_S
                )
            except client.ApiException as err:
                if err.status == _NOT_FOUND:
                    return None
                raise

        return await call("get_lease", read)

    async def _write(self, lease: Any) -> None:
        await call(
            "update_lease",
            lambda: self._api.replace_namespaced_lease(
                NAME, self._namespace, lease, _request_timeout=REQUEST_TIMEOUT_S
            ),
        )


def _is_held_by_another(lease: Any, identity: str) -> bool:
    spec = lease.spec
    if not spec.holder_identity or spec.holder_identity == identity or spec.renew_time is None:
        return False
    until = spec.renew_time + timedelta(seconds=spec.lease_duration_seconds or LEASE_S)
    return bool(until > datetime.now(UTC))

"""Leadership by a coordination.k8s.io Lease; each acquisition raises the leader epoch in the same write.

Source: Kubernetes leases as client-go's leader election uses them; durations 15 s / 5 s.
"""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from kubernetes import client
from teleward_contract.errors import StaleLeaderError
from teleward_contract.units import LeaderEpoch

from teleward_operator.adapters.kubernetes_cluster import REQUEST_TIMEOUT_S, call
from teleward_operator.errors import ClusterUnavailableError, StaleObjectError

log = structlog.get_logger()

LEASE_S = 15
"""Nobody else may lead for this long after a renewal."""

RENEW_EVERY_S = 5.0
RETRY_EVERY_S = 2.0
SAFETY_S = 2.0
"""Writes stop this long before the lease ends: one that was begun must be over by then."""

NAME = "teleward-operator"
EPOCH = "teleward.io/leader-epoch"
_NOT_FOUND = 404


class LeaseLeadership:
    """See `Leadership`."""

    def __init__(self, api: client.ApiClient, namespace: str, identity: str) -> None:
        self._api = client.CoordinationV1Api(api)
        self._namespace = namespace
        self._identity = identity
        self._renewed_at = 0.0
        self._epoch = LeaderEpoch(0)

    def epoch(self) -> LeaderEpoch:
        """See `Leadership`."""
        if not self._epoch or time.monotonic() - self._renewed_at > LEASE_S - SAFETY_S:
            raise StaleLeaderError("the lease is not surely held")
        return self._epoch

    async def acquire(self) -> None:
        """See `Leadership`."""
        attempt = 0
        while not await self._try():  # somebody else decides
            if attempt == 0:
                log.info("leadership.awaited")
            attempt += 1
            await asyncio.sleep(RETRY_EVERY_S)
        log.info("leadership.acquired", leader_epoch=self._epoch)

    async def keep(self) -> None:
        """See `Leadership`."""
        while True:
            await asyncio.sleep(RENEW_EVERY_S)
            begun = time.monotonic()
            try:
                lease = await self._read()
                if lease is None or lease.spec.holder_identity != self._identity:
                    log.warning("leadership.lost", leader_epoch=self._epoch)
                    self._epoch = LeaderEpoch(0)
                    return
                lease.spec.renew_time = datetime.now(UTC)
                await self._write(lease)
                self._renewed_at = begun
            except (ClusterUnavailableError, StaleObjectError) as err:
                log.warning("leadership.not_renewed", leader_epoch=self._epoch, exc_info=err)

    async def release(self) -> None:
        """See `Leadership`."""
        if not self._epoch:
            return
        self._epoch = LeaderEpoch(0)
        try:
            lease = await self._read()
            if lease is not None and lease.spec.holder_identity == self._identity:
                lease.spec.holder_identity = None
                await self._write(lease)
                log.info("leadership.released")
        except (ClusterUnavailableError, StaleObjectError):
            log.info("leadership.not_released")

    async def _try(self) -> bool:
        begun = time.monotonic()
        try:
            lease = await self._read()
            if lease is not None and _is_held_by_another(lease, self._identity):
                return False
            epoch = await self._take(lease)
        except (ClusterUnavailableError, StaleObjectError) as err:
            log.debug("leadership.not_acquired", exc_info=err)
            return False
        self._epoch, self._renewed_at = epoch, begun
        return True

    async def _take(self, lease: Any | None) -> LeaderEpoch:
        """Write the Lease as ours, with a higher epoch than it ever carried.

        A Lease made anew starts at the wallclock's seconds, which is more than a deleted one had
        reached; the routing state would refuse a lower epoch.
        """
        now = datetime.now(UTC)
        spec = client.V1LeaseSpec(
            holder_identity=self._identity, lease_duration_seconds=LEASE_S,
            acquire_time=now, renew_time=now,
        )  # fmt: skip
        if lease is None:
            epoch = int(now.timestamp())
            meta = client.V1ObjectMeta(name=NAME, annotations={EPOCH: str(epoch)})
            await self._create(client.V1Lease(metadata=meta, spec=spec))
            return LeaderEpoch(epoch)
        known = lease.metadata.annotations or {}
        epoch = max(int(known.get(EPOCH, 0)) + 1, int(now.timestamp()))
        lease.metadata.annotations = {**known, EPOCH: str(epoch)}
        lease.spec = spec
        await self._write(lease)
        return LeaderEpoch(epoch)

    async def _create(self, lease: client.V1Lease) -> None:
        await call(
            "create_lease",
            lambda: self._api.create_namespaced_lease(
                self._namespace, lease, _request_timeout=REQUEST_TIMEOUT_S
            ),
        )

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

"""Leadership by a coordination.k8s.io Lease; each acquisition raises the leader epoch in the same write.

A Lease of somebody else counts as given up when it did not change for its whole duration, measured on
our own monotonic clock: neither replica's wallclock decides, so a step of one changes nothing.
Source: client-go's leader election (LeaderElectionRecord observed at a local time).
"""

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog
from kubernetes import client
from teleward_contract.errors import StaleLeaderError
from teleward_contract.units import LeaderEpoch

from teleward_operator.adapters.api_server import REQUEST_TIMEOUT_S, call
from teleward_operator.errors import ClusterUnavailableError, StaleObjectError

log = structlog.get_logger()

LEASE_S = 15
"""Nobody else may lead for this long after a renewal."""

RENEW_EVERY_S = 5.0
RETRY_EVERY_S = 1.0
"""A standby leads at most a lease, one such pause and two requests after the last renewal."""

SAFETY_S = 2.0
"""Writes stop this long before the lease ends: one that was begun must be over by then."""

STANDBY_FOR_S = 10.0
"""A replica that saw another one lead within this time stands by."""

NAME = "teleward-operator"
EPOCH = "teleward.io/leader-epoch"
_NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class _Sighting:
    """A version of somebody's Lease and when it was first seen, monotonic seconds."""

    version: str
    at: float


class LeaseLeadership:
    """See `Leadership`."""

    def __init__(self, api: client.ApiClient, namespace: str, identity: str) -> None:
        self._api = client.CoordinationV1Api(api)
        self._namespace = namespace
        self._identity = identity
        self._renewed_at = 0.0
        self._stood_by_at = float("-inf")
        self._epoch = LeaderEpoch(0)
        self._sighting = _Sighting("", 0.0)
        self._failure = ""

    def epoch(self) -> LeaderEpoch:
        """See `Leadership`."""
        if not self._epoch or time.monotonic() - self._renewed_at > LEASE_S - SAFETY_S:
            raise StaleLeaderError("the lease is not surely held")
        return self._epoch

    def stands_by(self) -> bool:
        """See `Leadership`."""
        return time.monotonic() - self._stood_by_at < STANDBY_FOR_S

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
                if lease is None or not self._holds(lease, self._epoch):
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
        held, self._epoch = self._epoch, LeaderEpoch(0)
        try:
            lease = await self._read()
            if lease is not None and self._holds(lease, held):
                lease.spec.holder_identity = None
                await self._write(lease)
                log.info("leadership.released")
        except (ClusterUnavailableError, StaleObjectError):
            log.info("leadership.not_released")

    async def _try(self) -> bool:
        begun = time.monotonic()
        try:
            lease = await self._read()
            if lease is not None and self._is_held_by_another(lease):
                self._stood_by_at = begun
                return False
            epoch = await self._take(lease)
        except (ClusterUnavailableError, StaleObjectError) as err:
            self._note_failure(err)
            return False
        self._epoch, self._renewed_at = epoch, begun
        self._stood_by_at = float("-inf")
        return True

    def _note_failure(self, err: ClusterUnavailableError | StaleObjectError) -> None:
        """Say once why leadership cannot be had; a lost race for the Lease is none of it."""
        if str(err) != self._failure and isinstance(err, ClusterUnavailableError):
            log.warning("leadership.not_acquired", exc_info=err)
        self._failure = str(err)

    def _holds(self, lease: Any, epoch: LeaderEpoch) -> bool:
        """Whether the Lease is of our very acquisition; a process of the same name is another."""
        return lease.spec.holder_identity == self._identity and _epoch_of(lease) == epoch

    def _is_held_by_another(self, lease: Any) -> bool:
        spec, version = lease.spec, lease.metadata.resource_version
        if not spec.holder_identity or spec.holder_identity == self._identity:
            return False
        if version != self._sighting.version:
            self._sighting = _Sighting(version, time.monotonic())
        unchanged_s = time.monotonic() - self._sighting.at
        return unchanged_s < (spec.lease_duration_seconds or LEASE_S)

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
        epoch = max(_epoch_of(lease) + 1, int(now.timestamp()))
        lease.metadata.annotations = {**(lease.metadata.annotations or {}), EPOCH: str(epoch)}
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


def _epoch_of(lease: Any) -> int:
    told = (lease.metadata.annotations or {}).get(EPOCH, "0")
    return int(told) if told.isdecimal() else 0

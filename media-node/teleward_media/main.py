"""The media node's composition root."""

import asyncio
import gc
import json
import secrets
import signal
import sys
import time

import structlog
from teleward_contract import telemetry
from teleward_contract.errors import RoutingUnavailableError
from teleward_contract.media_nodes import (
    BeatAnswer,
    Heartbeat,
    MediaNodes,
    MediaNodeState,
)
from teleward_contract.process import read_settings, refuse_start
from teleward_contract.redis_store import open_store
from teleward_contract.routing_redis import RedisRouting
from teleward_contract.tickets import TicketVerifier
from teleward_contract.units import BootId, CapacityUnits, MediaNodeId, PoolId, Seconds

from teleward_media.adapters import metrics
from teleward_media.adapters.capture import capture
from teleward_media.adapters.control_port import ControlPort
from teleward_media.adapters.peers import Peers
from teleward_media.adapters.udp_port import BATCH, Counters, UdpPort
from teleward_media.core.datagrams import Datagrams
from teleward_media.core.lifecycle import Lifecycle
from teleward_media.packetpath.reference import ReferencePath
from teleward_media.settings import Settings
from teleward_media.usecases.beat import Beating
from teleward_media.usecases.run_calls import Calls
from teleward_media.usecases.run_path import RunningPath

_PROGRAM = "teleward-media"

log = structlog.get_logger()


def main() -> None:
    """Run until SIGTERM or SIGINT; exit code 1 when it cannot start."""
    settings = read_settings(Settings, _PROGRAM)
    telemetry.setup_logging("media-node", settings.log_level)
    try:
        keys = json.loads(settings.ticket_public_keys_file.read_text())["keys"]
        verifier = TicketVerifier([json.dumps(key) for key in keys])
    except (ValueError, KeyError, OSError) as err:
        refuse_start(
            _PROGRAM,
            f"{settings.ticket_public_keys_file} is not a JWK Set ({type(err).__name__})",
            "point TELEWARD_TICKET_PUBLIC_KEYS_FILE at the gateway's public keys",
        )
    sys.exit(asyncio.run(_run(settings, verifier)))


async def _run(settings: Settings, verifier: TicketVerifier) -> int:
    async with open_store(settings.redis_url) as store:
        return await MediaNode(settings, verifier, RedisRouting(store)).run()


class MediaNode:
    """One media node, put together."""

    def __init__(
        self, settings: Settings, verifier: TicketVerifier, media_nodes: MediaNodes
    ) -> None:
        self._settings = settings
        self._verifier = verifier
        self._media_nodes = media_nodes
        self._boot = BootId(secrets.token_hex(8))
        self._lifecycle = Lifecycle()
        self._counters = Counters()
        self._loop_lag_s = 0.0
        self._stopping = asyncio.Event()
        self.udp = ""
        self.control_url = ""

    async def run(self) -> int:
        """Open the ports, serve until stopped, drain, leave the table."""
        settings = self._settings
        ingress = Datagrams(BATCH)
        port = UdpPort(ingress, lambda now: path.receive(now), self._counters, _now)
        path = ReferencePath(ingress, port, self._counters.add)
        try:
            udp_port = port.open(settings.udp_address, settings.udp_port)
        except OSError as err:
            refuse_start(
                _PROGRAM,
                f"cannot bind UDP {settings.udp_address}:{settings.udp_port} ({err.strerror})",
                "choose a free TELEWARD_UDP_PORT, or 0",
            )
        peers = Peers(port, path, self._counters, settings.advertised_address, udp_port)
        calls = Calls(
            peers, path, _now, grace_s=settings.participant_grace_s,
            accepts_new=lambda: self._lifecycle.accepts_new, changed=lambda: beating.hurry(),
            capacity=settings.capacity_units,
        )  # fmt: skip
        beating = Beating(
            self._media_nodes, lambda: self._heartbeat(calls, port),
            lambda beat, answer: self._obey(beat, answer, calls), metrics.HEARTBEATS_FAILED.inc,
        )  # fmt: skip
        control = ControlPort(
            calls, self._verifier, MediaNodeId(settings.media_node), self._boot,
            is_ready=lambda: beating.accepted and self._lifecycle.accepts_new,
            drain=lambda: self._drain(calls),
            refused=lambda code: metrics.REFUSALS.labels(code=code.value).inc(),
            capture=(lambda seconds: capture(port, seconds)) if settings.capture else None,
        )  # fmt: skip
        control_port = await control.open(settings.control_address, settings.control_port)
        host = settings.advertised_control_host or settings.control_address
        self.udp = f"{settings.advertised_address}:{udp_port}"
        self.control_url = f"ws://{host}:{control_port}/v1/control"
        metrics.CAPACITY.set(settings.capacity_units)
        unpublish = metrics.publish(self._counters, port.kernel_drops)
        log.info("packet_path.chosen", packet_path="python")
        log.info("process.started", address=host, port=control_port, boot=self._boot)
        tasks = [
            asyncio.create_task(beating.run()), asyncio.create_task(self._tick(calls)),
            asyncio.create_task(RunningPath(path, calls, _now).run()),
        ]  # fmt: skip
        self._stop_on_signals()
        gc.collect()
        gc.freeze()  # what is there now stays: a collection then looks at peers only, sooner and for a shorter time
        await self._stopping.wait()
        await self._drain(calls)
        calls.close_all()
        await asyncio.sleep(0.2)  # let the last frames out
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._retire()
        await peers.close_all()
        await control.close()
        port.close()
        unpublish()
        log.info("process.stopped")
        return 0

    def stop(self) -> None:
        """Begin an orderly stop."""
        self._stopping.set()

    def _stop_on_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signum, self.stop)

    def _heartbeat(self, calls: Calls, port: UdpPort) -> Heartbeat:
        live = calls.live()
        metrics.CALLS.set(len(live))
        metrics.PARTICIPANTS.set(sum(call.participants for call in live))
        metrics.READY.set(self._lifecycle.accepts_new)
        metrics.USED.set(calls.used())
        return Heartbeat(
            pool=PoolId(self._settings.pool), media_node=MediaNodeId(self._settings.media_node),
            boot=self._boot, control_url=self.control_url, udp=self.udp,
            state=self._lifecycle.state, capacity=CapacityUnits(self._settings.capacity_units),
            loop_lag_ms=self._loop_lag_s * 1000, kernel_drops=port.kernel_drops(), calls=live,
        )  # fmt: skip

    def _obey(self, beat: Heartbeat, answer: BeatAnswer, calls: Calls) -> None:
        self._lifecycle.cordon(cordoned=answer.cordoned)
        calls.fence(tuple(live for live in beat.calls if live.call in answer.fenced))

    async def _tick(self, calls: Calls) -> None:
        while True:
            due = _now() + 1
            await asyncio.sleep(1)
            self._loop_lag_s = max(0.0, _now() - due)
            metrics.LOOP_LAG.set(self._loop_lag_s)
            try:
                calls.tick()
            except Exception as err:  # one call's fault must not stop the clock of all
                log.error("tick.failed", exc_info=err)

    async def _drain(self, calls: Calls) -> MediaNodeState:
        """Wait for the last call to end, or for the deadline; the state is then still that of draining."""
        self._lifecycle.drain(_now(), Seconds(self._settings.drain_s))
        while not self._lifecycle.settle(len(calls.live()), _now()):  # noqa: ASYNC110  # the deadline too
            await asyncio.sleep(0.2)
        return self._lifecycle.state

    async def _retire(self) -> None:
        try:
            await self._media_nodes.retire(
                PoolId(self._settings.pool), MediaNodeId(self._settings.media_node), self._boot
            )
        except RoutingUnavailableError:
            log.warning("media_node.not_retired")


def _now() -> Seconds:
    return Seconds(time.monotonic())


if __name__ == "__main__":
    main()

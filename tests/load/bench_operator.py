"""The operator beside thousands of objects on a real API server, and plain kopf handlers beside the same objects.

Prints the same JSON as `teleward bench`. Figures of one operator are taken one after the other on the same
machine, with the API server, etcd and the store on it too.
"""

import argparse
import asyncio
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families
from teleward_cli.bench.report import Result, make_report, summarise
from teleward_contract.resources import GROUP, KINDS, VERSION
from teleward_contract.units import Namespace
from teleward_testing.builders import Document, document
from teleward_testing.kube import binaries
from teleward_testing.kube.control_plane import ControlPlane, running
from teleward_testing.kube.operators import Replicas, replicas
from teleward_testing.valkey import RunningValkey

ROOT = Path(__file__).parents[2]
NAMESPACES, CLINICS, ROOMS = 20, 200, 24
"""20 organisations of 10 clinics, each with a waiting area and 24 rooms: 5,000 leaf objects."""
SAMPLES = 100
REST_S = 30.0
WITHIN_S = 180.0
AT_ONCE = 16
HERTZ = os.sysconf("SC_CLK_TCK")


def declared() -> Iterator[Document]:
    """Every object, parents before children."""
    for number in range(NAMESPACES):
        yield document("Organisation", f"org-{number}", "organisation", {"displayName": "Harbour"})
    for number in range(CLINICS):
        home, name = f"org-{number % NAMESPACES}", f"clinic-{number}"
        yield document("Clinic", home, name, {"displayName": "before"})
        yield document("WaitingArea", home, name, {"clinicRef": {"name": name}})
        for room in range(ROOMS):
            spec = {"clinicRef": {"name": name}, "displayName": "before"}
            yield document("MeetingRoom", home, f"{name}-room-{room}", spec)


class Api:
    """A fast client of the API server, with its own counters read."""

    def __init__(self, plane: ControlPlane, session: aiohttp.ClientSession) -> None:
        self._plane = plane
        self._session = session
        self._gate = asyncio.Semaphore(AT_ONCE)

    async def send(self, method: str, path: str, body: object = None, kind: str = "json") -> Any:
        headers = {"Content-Type": f"application/{kind}"}
        async with self._gate, self._session.request(
            method, f"{self._plane.url}{path}", data=json.dumps(body), headers=headers
        ) as answer:  # fmt: skip
            text = await answer.text()
            if answer.status >= 400 and answer.status != 409:
                raise RuntimeError(f"{method} {path}: {answer.status} {text[:200]}")
            return text

    async def fill(self) -> int:
        """Create every object; how many there are."""
        names = [f"org-{number}" for number in range(NAMESPACES)]
        for name in names:
            await self.send("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        listed = [dict(one) for one in declared()]
        await asyncio.gather(*(self.send("POST", _path(one, ""), one) for one in listed))
        return len(listed)

    async def rename(self, one: Document, text: str) -> None:
        body = {"spec": {"displayName": text}}
        await self.send("PATCH", _path(one, _name(one)), body, "merge-patch+json")

    async def writes(self) -> float:
        """Requests that changed an object of our kinds, ever."""
        text = await self.send("GET", "/metrics")
        pattern = re.compile(
            rf'^apiserver_request_total{{.*group="{GROUP}".*verb="(?:PATCH|PUT|POST|APPLY)".*}} (\S+)$',
            re.M,
        )
        return sum(float(value) for value in pattern.findall(text))


def _name(one: Document) -> str:
    return str(dict(one)["metadata"]["name"])  # type: ignore[index]  # every document has one


def _path(one: Document, name: str) -> str:
    made: Any = one
    home, plural = made["metadata"]["namespace"], KINDS[made["kind"]][0]
    return f"/apis/{GROUP}/{VERSION}/namespaces/{home}/{plural}" + (f"/{name}" if name else "")


class Process:
    """What the system says of one process."""

    def __init__(self, pid: int) -> None:
        self._proc = Path(f"/proc/{pid}")

    def cpu_s(self) -> float:
        fields = (self._proc / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / HERTZ

    def peak_mib(self) -> float:
        found = re.search(r"VmHWM:\s+(\d+) kB", (self._proc / "status").read_text())
        return int(found[1]) / 1024 if found else 0.0


async def until(what: str, is_so: Callable[[], Awaitable[bool]], every_s: float = 0.05) -> float:
    """Wait; how many seconds it took."""
    begun = time.monotonic()
    while not await is_so():
        if time.monotonic() > begun + WITHIN_S:
            raise RuntimeError(f"not within {WITHIN_S:g} s: {what}")
        await asyncio.sleep(every_s)
    return time.monotonic() - begun


def say(text: str) -> None:
    """Tell of the progress, beside the report."""
    sys.stderr.write(f"bench operator: {text}\n")


# -- Teleward -------------------------------------------------------------------------------------


class Teleward:
    """The measured operator."""

    def __init__(self, made: Replicas, api: Api, objects: int) -> None:
        self.made = made
        self.api = api
        self.objects = objects
        self.port = 0

    async def sample(self, name: str, **labels: str) -> float:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{self.port}/metrics") as answer,
        ):
            text = await answer.text()
        return sum(
            found.value
            for family in text_string_to_metric_families(text)
            for found in family.samples
            if found.name == name and labels.items() <= found.labels.items()
        )

    async def is_at_rest(self) -> bool:
        """Everything is known, judged Ready as far as it can be, and nothing waits."""
        judged = await self.sample(
            "teleward_operator_object_conditions", condition="Programmed", status="True"
        )
        return judged >= self.objects and not await self.sample("teleward_operator_dirty_keys")

    async def start(self) -> tuple[int, float]:
        """Start it; its process id, and the seconds from its start until everything is done."""
        begun = time.monotonic()
        child = self.made.launch("bench")
        self.port = (await child.logged("process.started"))["port"]
        await until("it is at rest", self.is_at_rest, 0.5)
        return child.process.pid, time.monotonic() - begun

    async def stop(self) -> None:
        child = self.made.running["bench"]
        child.process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(child.process.wait, 20)

    async def shows(self, one: Document, text: str) -> bool:
        made: Any = one
        found = await self.made.projections.clinic(
            Namespace(made["metadata"]["namespace"]), _name(one)
        )
        return found is not None and found.display_name == text

    async def latency(self) -> Result:
        clinics = [one for one in declared() if dict(one)["kind"] == "Clinic"][:SAMPLES]
        samples = []
        for number, one in enumerate(clinics):
            text = f"changed {number}"
            begun = time.monotonic()
            await self.api.rename(one, text)
            await until("the change is routing state", lambda: self.shows(one, text), 0.001)  # noqa: B023  # called at once
            samples.append((time.monotonic() - begun) * 1000)
        return summarise("teleward: one clinic changed until routing state", samples, "ms")

    async def thousand(self) -> list[Result]:
        rooms = [one for one in declared() if dict(one)["kind"] == "MeetingRoom"][:1000]
        homes = {str(dict(one)["spec"]["clinicRef"]["name"]): one for one in rooms}  # type: ignore[index]  # every room has one

        async def all_shown() -> bool:
            found = await self.made.projections.clinics()
            names = [r.display_name for c in found if c.name in homes for r in c.rooms]
            return names.count("after") == len(rooms)

        begun = time.monotonic()
        await asyncio.gather(*(self.api.rename(one, "after") for one in rooms))
        sent_s = time.monotonic() - begun
        await until("all are shown", all_shown)
        return [
            Result(name="teleward: 1,000 changed at once, sending", value=round(sent_s, 2), unit="s"),
            Result(
                name="teleward: 1,000 changed at once, last sent until all in routing state",
                value=round(time.monotonic() - begun - sent_s, 2), unit="s",
            ),
        ]  # fmt: skip


async def measure_teleward(
    plane: ControlPlane, valkey: RunningValkey, directory: Path, api: Api, objects: int
) -> list[Result]:
    async with replicas(plane, valkey.url, directory) as made:
        measured = Teleward(made, api, objects)
        say("cold start")
        before = await api.writes()
        pid, cold_s = await measured.start()
        cold_writes = await api.writes() - before
        peak = Process(pid).peak_mib()
        say("restart")
        await measured.stop()
        before = await api.writes()
        pid, warm_s = await measured.start()
        await asyncio.sleep(5)
        warm_writes = await api.writes() - before
        say("single changes")
        single = await measured.latency()
        say("a thousand at once")
        burst = await measured.thousand()
        await until("it is at rest", measured.is_at_rest)
        say(f"at rest for {REST_S:g} s")
        await asyncio.sleep(5)
        cpu = Process(pid).cpu_s()
        await asyncio.sleep(REST_S)
        rest = (Process(pid).cpu_s() - cpu) / REST_S
        await measured.stop()
    return [
        Result(name="objects", value=objects, unit="objects"),
        Result(name="teleward: cold start until all programmed", value=round(cold_s, 2), unit="s"),
        Result(name="teleward: peak RSS after cold start", value=round(peak, 1), unit="MiB"),
        Result(
            name="teleward: writes per object, cold",
            value=round(cold_writes / objects, 3),
            unit="requests",
        ),
        Result(name="teleward: restart until all known", value=round(warm_s, 2), unit="s"),
        Result(
            name="teleward: writes after an unchanged restart", value=warm_writes, unit="requests"
        ),
        single,
        *burst,
        Result(name="teleward: CPU at rest", value=round(100 * rest, 2), unit="% of a core"),
    ]


# -- plain kopf -----------------------------------------------------------------------------------


async def measure_plain(
    plane: ControlPlane, valkey: RunningValkey, directory: Path, api: Api, objects: int
) -> list[Result]:
    environment = {
        **os.environ,
        "KUBECONFIG": str(plane.kubeconfig),
        "TELEWARD_REDIS_URL": valkey.url,
    }
    command = [
        sys.executable,
        "-m",
        "kopf",
        "run",
        "--quiet",
        "-A",
        str(ROOT / "tests/load/plain_handlers.py"),
    ]

    async def run_until_quiet() -> tuple[float, float, float]:
        """Seconds until the last write, writes, and peak memory."""
        before = seen = await api.writes()
        begun = last = time.monotonic()
        with (directory / "plain.log").open("ab") as sink:
            process = subprocess.Popen(command, env=environment, stdout=sink, stderr=sink)  # noqa: ASYNC220  # a moment
        try:
            while time.monotonic() < last + 8 or (
                seen == before and time.monotonic() < begun + 25
            ):
                await asyncio.sleep(0.25)
                now = await api.writes()
                if now != seen:
                    seen, last = now, time.monotonic()
            peak = Process(process.pid).peak_mib()
        finally:
            process.terminate()
            await asyncio.to_thread(process.wait, 30)
        return last - begun, seen - before, peak

    say("plain kopf handlers, cold start")
    cold_s, cold_writes, peak = await run_until_quiet()
    say("plain kopf handlers, restart")
    warm_s, warm_writes, _ = await run_until_quiet()
    return [
        Result(
            name="plain kopf: cold start until the last write", value=round(cold_s, 2), unit="s"
        ),
        Result(name="plain kopf: peak RSS after cold start", value=round(peak, 1), unit="MiB"),
        Result(
            name="plain kopf: writes per object, cold",
            value=round(cold_writes / objects, 3),
            unit="requests",
        ),
        Result(name="plain kopf: restart until the last write", value=round(warm_s, 2), unit="s"),
        Result(
            name="plain kopf: writes after an unchanged restart",
            value=warm_writes,
            unit="requests",
        ),
    ]


async def bench() -> list[Result]:
    """Measure both, each on an API server of its own with the same objects."""
    results: list[Result] = []
    for measure in (measure_teleward, measure_plain):
        with tempfile.TemporaryDirectory() as name, RunningValkey() as valkey:
            directory = Path(name)
            with running(directory / "kube") as plane:
                plane.define(ROOT / "crds")
                tls = ssl.create_default_context(cafile=str(plane.ca))
                async with aiohttp.ClientSession(
                    connector=aiohttp.TCPConnector(ssl=tls, limit=AT_ONCE),
                    headers={"Authorization": f"Bearer {plane.token}"},
                ) as session:
                    api = Api(plane, session)
                    say("creating objects")
                    objects = await api.fill()
                    results += await measure(plane, valkey, directory, api, objects)
    return results


def main() -> None:
    """Measure and print."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    if lacking := binaries.missing():
        sys.exit(f"bench operator: no {', '.join(lacking)}. Next: make kube")
    results = asyncio.run(bench())
    versions = {"kubernetes": binaries.kubernetes_version()}
    report = make_report(
        "operator",
        results,
        ("kopf", "kubernetes", "redis"),
        {f"{k} (server)": v for k, v in versions.items()},
    )
    sys.stdout.write(report.to_json() + "\n")


if __name__ == "__main__":
    main()

"""A running `teleward up` for tests: started as a user starts it, looked at through `teleward status`."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from pydantic import BaseModel, ConfigDict

from teleward_testing.gateways import LIMIT_FACTOR

TELEWARD = str(Path(sys.executable).with_name("teleward"))
KUBECTL = str(Path(sys.executable).with_name("kubectl"))

READY_WITHIN_S = 60.0
"""On a busy two-core machine; alone it takes a few seconds."""


class _Shown(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class MediaNodeShown(_Shown):
    """One media node of `teleward status`."""

    id: str
    pool: str
    udp: str
    state: str
    calls: int

    @property
    def process(self) -> str:
        """Name of its process."""
        return f"{self.pool.partition('/')[0]}/{self.id}"


class ClinicShown(_Shown):
    """One clinic of `teleward status`."""

    namespace: str
    name: str
    patient_url: str
    staff_url: str


class RoomShown(_Shown):
    """One room of `teleward status`."""

    namespace: str
    name: str
    kind: str
    url: str


class RoleShown(_Shown):
    """A role of an account in one clinic, `namespace/name`."""

    clinic: str
    role: str


class AccountShown(_Shown):
    """One account of the development sign-in."""

    user: str
    url: str
    roles: tuple[RoleShown, ...]


class ProcessShown(_Shown):
    """One process of `teleward status`."""

    name: str
    pid: int | None
    state: str
    metrics: str | None = None
    log: str | None = None


class Status(_Shown):
    """The answer of `teleward status -o json`."""

    state: str
    version: str
    data_dir: str
    gateway: str | None = None
    kubeconfig: str | None = None
    redis: str | None = None
    media_nodes: tuple[MediaNodeShown, ...] = ()
    clinics: tuple[ClinicShown, ...] = ()
    rooms: tuple[RoomShown, ...] = ()
    sign_in: tuple[AccountShown, ...] = ()
    processes: tuple[ProcessShown, ...] = ()


class Running:
    """One instance with its own data directory."""

    def __init__(self, process: subprocess.Popen[bytes], data: Path, output: Path) -> None:
        self.process = process
        self.data = data
        self.output = output

    def status(self) -> Status:
        """Ask `teleward status -o json`."""
        answer = subprocess.run(
            [TELEWARD, "status", "-o", "json", "--data", str(self.data)],
            capture_output=True,
            check=False,
            timeout=20,
        )
        assert answer.returncode in (0, 3), answer.stderr.decode()
        return Status.model_validate(json.loads(answer.stdout))

    @property
    def gateway(self) -> str:
        """The gateway's URL, without a slash at its end."""
        url = self.status().gateway
        assert url
        return url.rstrip("/")

    def kubectl(self, *words: str, stdin: str | None = None) -> str:
        """Run `kubectl` against this instance; fails with its message."""
        answer = subprocess.run(
            [KUBECTL, "--kubeconfig", str(self.status().kubeconfig), *words],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        assert answer.returncode == 0, answer.stderr
        return answer.stdout

    def pid(self, name: str) -> int:
        """The process id of `gateway`, `operator`, `api`, `redis`, or of a media node."""
        for process in self.status().processes:
            if process.name == name:
                assert process.pid is not None, f"{name} does not run"
                return process.pid
        raise AssertionError(f"no process named {name}")

    def kill(self, name: str, how: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal to one process by name; the answer is its process id."""
        pid = self.pid(name)
        os.kill(pid, how)
        return pid

    def kill_media_node(self, node: MediaNodeShown) -> int:
        """Kill the process of one media node."""
        return self.kill(node.process)

    def metric(self, process: str, sample: str, **labels: str) -> float:
        """Sum the samples of one process's /metrics that have this name and these labels."""
        return sum(
            found.value
            for family in text_string_to_metric_families(self.metrics(process))
            for found in family.samples
            if found.name == sample and labels.items() <= found.labels.items()
        )

    def metrics(self, process: str) -> str:
        """The text of one process's /metrics."""
        with urllib.request.urlopen(self.metrics_url(process), timeout=5) as answer:
            return str(answer.read().decode())

    def metrics_url(self, process: str) -> str:
        """Where one process shows its metrics."""
        urls = [p.metrics for p in self.status().processes if p.name == process and p.metrics]
        assert urls, f"{process} shows no metrics URL"
        return urls[0]

    def until(self, what: str, is_so: Callable[[Status], bool], seconds: float = 20) -> Status:
        """Wait until the status satisfies `is_so`."""
        deadline = time.monotonic() + seconds
        while True:
            status = self.status()
            if is_so(status):
                return status
            if self.process.poll() is not None:
                raise AssertionError(f"teleward up ended: {self.tail()}")
            assert time.monotonic() < deadline, f"within {seconds:g} s: {what}; {self.tail()}"
            time.sleep(0.25)

    def tail(self) -> str:
        """The end of what `teleward up` printed."""
        return self.output.read_text("utf-8", "replace")[-2000:]

    def stop(self) -> int:
        """End it as Ctrl-C does; the answer is its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGINT)  # twice: at once
                self.process.wait(10)
        return self.process.returncode


@contextlib.contextmanager
def running(
    data: Path,
    files: Sequence[Path] = (),
    *,
    environment: Mapping[str, str] | None = None,
    kubeconfig: Path | None = None,
) -> Iterator[Running]:
    """Start `teleward up` on free ports and yield it once it says that it is ready."""
    data.mkdir(parents=True, exist_ok=True)
    output = data.with_name(data.name + ".output")
    given = [word for path in files for word in ("-f", str(path))]
    if kubeconfig is not None:
        given += ["--kubeconfig", str(kubeconfig)]
    with output.open("wb") as sink:
        process = subprocess.Popen(
            [TELEWARD, "up", "--data", str(data), "--port", "0", *given],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            env={**os.environ, "TELEWARD_LIMIT_FACTOR": LIMIT_FACTOR, **(environment or {})},
            start_new_session=True,
        )
    instance = Running(process, data, output)
    try:
        instance.until("ready", lambda status: status.state == "ready", READY_WITHIN_S)
        yield instance
    finally:
        instance.stop()

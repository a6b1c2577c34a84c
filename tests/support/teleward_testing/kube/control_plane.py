"""etcd, kube-apiserver and kube-controller-manager on loopback ports, with RBAC; no node, so no pod ever runs.

Flags follow the envtest control plane of controller-runtime and the tests of Kubernetes itself.
"""

import contextlib
import signal
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

from teleward_cli.local import kubeconfig
from teleward_cli.store import free_port

from teleward_testing.kube import binaries, identities

READY_WITHIN_S = 60
CONTROLLERS = (
    "clusterrole-aggregation-controller", "deployment-controller", "disruption-controller",
    "endpointslice-controller", "garbage-collector-controller", "namespace-controller",
    "replicaset-controller", "root-ca-certificate-publisher-controller",
    "serviceaccount-controller", "statefulset-controller",
)  # fmt: skip
"""What the tests look at; each of the others would cost CPU at rest."""


class ControlPlane:
    """One control plane with a data directory of its own; its programs can be killed and started again."""

    def __init__(self, directory: Path, flags: Mapping[str, str] | None = None) -> None:
        """Prepare it; `flags` are added to those of kube-apiserver."""
        self._directory = directory
        self._flags = dict(flags or {})
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._etcd_port, self._peer_port = free_port(), free_port()
        self.port = free_port()
        self.identities = identities.Identities(directory / "pki", ("127.0.0.1", "10.0.0.1"))
        self.ca = self.identities.ca
        self.token = self.identities.tokens[identities.ADMIN]
        self.kubeconfig = self.kubeconfig_for("admin", self.token)

    @property
    def url(self) -> str:
        """Base of every request."""
        return f"https://127.0.0.1:{self.port}"

    @property
    def etcd_url(self) -> str:
        """Where etcd serves its clients."""
        return f"http://127.0.0.1:{self._etcd_port}"

    def kubeconfig_for(self, name: str, token: str, url: str = "") -> Path:
        """Write a kubeconfig for the bearer of a token."""
        path = self._directory / f"{name}.kubeconfig"
        kubeconfig.write(path, url or self.url, self.ca, token)
        return path

    def start(self) -> None:
        """Start everything and wait until the API server is ready."""
        self.start_etcd()
        self.start_api_server()
        self.start_controller_manager()

    def start_etcd(self) -> None:
        """Start etcd on the data it had."""
        peer = f"http://127.0.0.1:{self._peer_port}"
        self._start(
            "etcd", {
                "--name": "one", "--data-dir": str(self._directory / "etcd"),
                "--listen-client-urls": self.etcd_url, "--advertise-client-urls": self.etcd_url,
                "--listen-peer-urls": peer, "--initial-advertise-peer-urls": peer,
                "--initial-cluster": f"one={peer}", "--unsafe-no-fsync": "true",
            },
        )  # fmt: skip

    def start_api_server(self) -> None:
        """Start kube-apiserver and wait until it is ready."""
        made = self.identities
        self._start(
            "kube-apiserver", {
                "--etcd-servers": self.etcd_url, "--bind-address": "127.0.0.1",
                "--advertise-address": "127.0.0.1", "--secure-port": str(self.port),
                "--endpoint-reconciler-type": "none",
                "--tls-cert-file": str(made.serving),
                "--tls-private-key-file": str(made.serving_key),
                "--client-ca-file": str(made.ca), "--token-auth-file": str(made.tokens_file),
                "--authorization-mode": "Node,RBAC", "--allow-privileged": "true",
                "--service-cluster-ip-range": "10.0.0.0/16",
                "--service-account-issuer": "https://kubernetes.default.svc.cluster.local",
                "--service-account-key-file": str(made.accounts),
                "--service-account-signing-key-file": str(made.accounts_key),
                **self._flags,
            },
        )  # fmt: skip
        self.wait_until_ready()

    def start_controller_manager(self) -> None:
        """Start kube-controller-manager."""
        token = self.identities.tokens[identities.CONTROLLER_MANAGER]
        config = str(self.kubeconfig_for("controller-manager", token))
        self._start(
            "kube-controller-manager", {
                "--kubeconfig": config, "--authentication-kubeconfig": config,
                "--authorization-kubeconfig": config, "--leader-elect": "false",
                "--secure-port": "0", "--controllers": ",".join(CONTROLLERS),
                "--use-service-account-credentials": "true",
                "--service-account-private-key-file": str(self.identities.accounts_key),
                "--root-ca-file": str(self.ca),
                "--kube-api-qps": "300", "--kube-api-burst": "400",
            },
        )  # fmt: skip

    def define(self, definitions: Path) -> None:
        """Apply a folder of CustomResourceDefinitions and wait until they are served."""
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(definitions))
        self.kubectl("wait", "--for=condition=Established", "--timeout=30s", "crd", "--all")

    def kubectl(self, *words: str, stdin: str | None = None) -> str:
        """Run kubectl as the administrator; fails with its message."""
        program = binaries.find("kubectl")
        assert program, "no kubectl; next: make kube"
        answer = subprocess.run(
            [str(program), "--kubeconfig", str(self.kubeconfig), *words],
            input=stdin, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert answer.returncode == 0, answer.stderr
        return answer.stdout

    def signal(self, name: str, how: signal.Signals) -> None:
        """Send a signal to one program."""
        self._processes[name].send_signal(how)

    def kill(self, name: str) -> None:
        """Kill one program, as when its machine goes."""
        process = self._processes.pop(name, None)
        if process is not None:
            process.kill()
            process.wait(10)

    def stop(self) -> None:
        """End everything, the last started first. Nothing of it is worth a graceful stop."""
        for name in reversed([*self._processes]):
            self.kill(name)

    def wait_until_ready(self) -> None:
        """Wait until the API server says that it is ready."""
        context = ssl.create_default_context(cafile=str(self.ca))
        asked = urllib.request.Request(
            f"{self.url}/readyz", headers={"Authorization": f"Bearer {self.token}"}
        )
        deadline = time.monotonic() + READY_WITHIN_S
        while True:
            if self._is_ready(asked, context):
                return
            for name, process in self._processes.items():
                assert process.poll() is None, f"{name} ended: {self.log(name)}"
            assert time.monotonic() < deadline, f"not ready: {self.log('kube-apiserver')}"
            time.sleep(0.1)

    def _is_ready(self, asked: urllib.request.Request, context: ssl.SSLContext) -> bool:
        try:
            with urllib.request.urlopen(asked, timeout=5, context=context) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def log(self, name: str) -> str:
        """The end of a program's log."""
        return (self._directory / f"{name}.log").read_text("utf-8", "replace")[-3000:]

    def _start(self, name: str, flags: Mapping[str, str]) -> None:
        program = binaries.find(name)
        assert program, f"no {name}; next: make kube"
        with (self._directory / f"{name}.log").open("ab") as sink:
            self._processes[name] = subprocess.Popen(
                [str(program), *(f"{flag}={value}" for flag, value in flags.items())],
                stdin=subprocess.DEVNULL, stdout=sink, stderr=sink,
            )  # fmt: skip


@contextlib.contextmanager
def running(directory: Path, flags: Mapping[str, str] | None = None) -> Iterator[ControlPlane]:
    """Start a control plane; it is gone when the block ends."""
    directory.mkdir(parents=True, exist_ok=True)
    plane = ControlPlane(directory, flags)
    try:
        plane.start()
        yield plane
    finally:
        plane.stop()

"""A real OpenID Connect provider (npm `oidc-provider`) as a process of its own, and people who sign in there."""

import json
import shutil
import ssl
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
from teleward_cli.local import material
from teleward_cli.local.layout import Layout
from teleward_cli.store import free_port

from teleward_testing.go_programs import alone, fingerprint, home

FOLDER = Path(__file__).parents[1] / "oidc_provider"
INSTALL_WITHIN_S = 120
Claims = Mapping[str, object]


def install() -> Path:
    """Install the locked packages into the cache, once, and answer the program's path.

    Raises:
        OSError, subprocess.CalledProcessError: There is no npm, or it could not.
    """
    place = home() / "oidc-provider" / fingerprint(FOLDER)
    place.parent.mkdir(parents=True, exist_ok=True)
    with alone(place.parent):
        if not (place / "installed").exists():
            shutil.rmtree(place, ignore_errors=True)
            shutil.copytree(FOLDER, place, ignore=shutil.ignore_patterns("node_modules"))
            subprocess.run(
                ["npm", "ci", "--silent", "--no-audit", "--no-fund"],
                cwd=place, check=True, timeout=INSTALL_WITHIN_S,
            )  # fmt: skip
            (place / "installed").touch()
    return place / "provider.mjs"


@dataclass
class Provided:
    """One issuer of the provider."""

    host: str
    """`127.0.0.1` or `localhost`: browsers keep their cookies apart by host, and not by port."""
    accounts: Mapping[str, Claims]
    clients: Sequence[Mapping[str, object]]
    userinfo: bool = False
    """Claims are told at the UserInfo endpoint alone."""
    port: int = field(default_factory=free_port)

    @property
    def url(self) -> str:
        return f"https://{self.host}:{self.port}"

    def as_json(self) -> dict[str, Any]:
        return {
            "url": self.url, "port": self.port, "accounts": self.accounts, "clients": self.clients,
            "userinfo": self.userinfo,
        }  # fmt: skip


class RunningProvider:
    """The process."""

    def __init__(self, process: subprocess.Popen[str], certificate: Path) -> None:
        self.process = process
        self.certificate = certificate
        """PEM; signs itself."""
        self.trust = ssl.create_default_context(cafile=str(certificate))

    def rotate(self, issuer: Provided) -> None:
        """Give an issuer new keys; the old ones are gone."""
        httpx2.post(f"{issuer.url}/test/rotate", verify=self.trust).raise_for_status()

    def sign(self, issuer: Provided, claims: Claims, **header: object) -> str:
        """Sign any claims with the issuer's present key."""
        answer = httpx2.post(
            f"{issuer.url}/test/token",
            json={"claims": claims, "header": header},
            verify=self.trust,
        )
        return answer.raise_for_status().text


@contextmanager
def running_provider(folder: Path, *issuers: Provided) -> Iterator[RunningProvider]:
    """Start the provider with these issuers, and stop it."""
    layout = Layout(folder)
    layout.prepare()
    name, key_name = material.LOOPBACK_CERTIFICATE, material.LOOPBACK_KEY
    chain = material.certificate(layout, name, key_name, "127.0.0.1")
    given = {
        "certificate": str(chain), "key": str(layout.secret(key_name)),
        "issuers": [one.as_json() for one in issuers],
    }  # fmt: skip
    process = subprocess.Popen(
        ["node", "--no-warnings", str(install()), json.dumps(given)], text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "listening\n", "the provider does not start"
        yield RunningProvider(process, chain)
    finally:
        process.kill()
        process.communicate()


class Browser:
    """A browser as far as signing in needs one: cookies, redirects, forms. Its cookies are kept by host and port."""

    def __init__(self, gateway: str, trust: ssl.SSLContext) -> None:
        self.gateway = gateway
        self.http = httpx2.AsyncClient(verify=trust, timeout=20)
        self._jars: dict[str, dict[str, str]] = {}

    def cookies(self, url: str) -> dict[str, str]:
        """The cookies that a site gave, which may be changed."""
        return self._jars.setdefault(urlsplit(url).netloc, {})

    async def open(self, method: str, url: str, **more: Any) -> httpx2.Response:
        """Make one request and keep the cookies of the answer."""
        jar = self.cookies(url)
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in jar.items())}
        answer = await self.http.request(
            method, url, headers={**headers, **more.pop("headers", {})}, **more
        )
        for line in answer.headers.get_list("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            is_gone = "max-age=0" in line.lower() or "01 jan 1970" in line.lower()
            jar.pop(name, None) if is_gone else jar.update({name: value})
        self.http.cookies.clear()
        return answer

    async def begin(
        self, namespace: str, issuer: str, return_to: str = "", *, anew: bool = False
    ) -> httpx2.Response:
        """Press the button of an issuer on the sign-in page."""
        return await self.open(
            "POST", f"{self.gateway}/api/sign-in/at/{namespace}/{issuer}",
            json={"return_to": return_to, "anew": anew}, headers={"Origin": self.gateway},
        )  # fmt: skip

    async def at_provider(self, location: str, login: str | None) -> str:
        """Sign in at the provider, or say no (None); answers the address of the gateway it leads back to."""
        method, form = "GET", None
        while not location.startswith(self.gateway):
            answer = await self.open(method, location, data=form)
            if answer.is_redirect:
                location = str(answer.url.join(answer.headers["location"]))
                method, form = "GET", None
            else:
                assert answer.is_success, answer.text
                location = str(answer.url)
                method, form = "POST", {"login": login or "", "do": "in" if login else "deny"}
        return location

    async def sign_in(self, namespace: str, issuer: str, login: str | None, to: str = "") -> str:
        """Sign in; answers the path to which the gateway sends the browser."""
        begun = await self.begin(namespace, issuer, to)
        assert begun.is_success, begun.text
        back = await self.at_provider(begun.json()["location"], login)
        return await self.back(back)

    async def back(self, url: str) -> str:
        """Come back to the gateway; answers the path to which it sends the browser."""
        answer = await self.open("GET", url)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    async def me(self) -> httpx2.Response:
        """Ask who is signed in."""
        return await self.open("GET", f"{self.gateway}/api/staff/me")


NewBrowser = Callable[[], Browser]

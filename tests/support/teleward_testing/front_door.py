"""One clinic behind a real gateway, knocked at with raw requests: nothing is added, nothing is kept."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from teleward_contract.projections import (
    ClinicProjection,
    EntryField,
    Role,
    RoomKind,
    RoomProjection,
    TeamMember,
    WaitingAreaProjection,
)
from teleward_contract.units import Namespace, PoolId

from teleward_testing.gateways import RunningGateway, project, running_gateway
from teleward_testing.valkey import RunningValkey

NAMESPACE, CLINIC = "harbour", "cardiology"
HERE = f"{NAMESPACE}/{CLINIC}"
STAFF = "grace@example.org"
CARDIOLOGY = ClinicProjection(
    namespace=Namespace(NAMESPACE), name=CLINIC, uid="uid-cardiology", generation=1,
    display_name="Cardiology", pool=PoolId("harbour/media"),
    team=(TeamMember(role=Role.CLINICIAN, user=STAFF),),
    waiting_area=WaitingAreaProjection(
        uid="area", generation=1, max_waiting=5000,
        entry_fields=(EntryField(name="reason", label={"en": "Why do you come?"}),),
    ),
    rooms=(
        RoomProjection(
            kind=RoomKind.MEETING_ROOM, name="ward-round", uid="room", generation=1,
            display_name="Ward round",
        ),
    ),
)  # fmt: skip
EYES = CARDIOLOGY.model_copy(
    update={
        "name": "eyes", "uid": "uid-eyes", "display_name": "Eyes",
        "team": (TeamMember(role=Role.CLINICIAN, user="hedy@example.org"),),
    }
)  # fmt: skip
"""A clinic of the same organisation, in which `STAFF` has no standing."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    """Lower case; of several of one name the last."""
    text: str
    cookies: tuple[str, ...]
    """Every Set-Cookie as it stands."""

    @property
    def code(self) -> str:
        """The `code` of an error."""
        return str(json.loads(self.text)["error"]["code"])


class FrontDoor:
    """The gateway's door."""

    def __init__(self, gateway: RunningGateway, origin: str, http: aiohttp.ClientSession) -> None:
        self.gateway = gateway
        self.origin = origin
        self._http = http

    async def ask(
        self, method: str, path: str, *, body: object = None, origin: str | None = None,
        headers: Mapping[str, str] = {}, cookie: str = "",
    ) -> Answer:  # fmt: skip
        """Make one request, with our Origin unless another is given; "" sends none."""
        sent = {"Content-Type": "application/json", **headers}
        if (shown := self.origin if origin is None else origin) != "":
            sent["Origin"] = shown
        if cookie:
            sent["Cookie"] = cookie
        data = body if isinstance(body, bytes) else json.dumps(body if body is not None else {})
        async with self._http.request(
            method, f"{self.gateway.url}{path}", headers=sent, allow_redirects=False,
            data=None if method in ("GET", "HEAD") else data,
        ) as answer:  # fmt: skip
            text = (await answer.read()).decode()
            headers_ = {name.lower(): value for name, value in answer.headers.items()}
            cookies = tuple(answer.headers.getall("Set-Cookie", []))
            return Answer(answer.status, headers_, text, cookies)

    async def sign_in(self, user: str = STAFF) -> str:
        """Sign in; the cookie."""
        return _pair(await self.ask("POST", "/api/sign-in/development", body={"user": user}))

    async def enter(self, name: str = "Ann", **fields: str) -> str:
        """Enter the waiting area; the cookie."""
        body = {"name": name, "fields": fields, "locale": "en"}
        return _pair(await self.ask("POST", f"/api/clinics/{HERE}/visits", body=body))

    @contextlib.asynccontextmanager
    async def socket(
        self, path: str, *, origin: str | None = None, cookie: str = "",
        headers: Sequence[tuple[str, str]] = (),
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:  # fmt: skip
        """Open a socket; raises WSServerHandshakeError when it is refused."""
        sent = [*headers]
        if (shown := self.origin if origin is None else origin) != "":
            sent.append(("Origin", shown))
        if cookie:
            sent.append(("Cookie", cookie))
        async with self._http.ws_connect(
            f"{self.gateway.url}{path}", headers=sent, max_msg_size=0
        ) as ws:  # fmt: skip
            yield ws

    async def raw(self, data: bytes, quiet_s: float = 1) -> bytes:
        """Send these bytes on a connection of their own; what comes until it closes or has been quiet for so long."""
        host, _, port = self.gateway.url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        heard = b""
        with contextlib.suppress(ConnectionError, TimeoutError):
            writer.write(data)
            while chunk := await asyncio.wait_for(reader.read(65536), quiet_s):
                heard += chunk
        writer.close()
        return heard


def _pair(answer: Answer) -> str:
    assert answer.status in (201, 204), f"{answer.status} {answer.text}"
    return answer.cookies[0].partition(";")[0]


@contextlib.asynccontextmanager
async def front_door(
    valkey: RunningValkey, folder: Path, **settings: str
) -> AsyncIterator[FrontDoor]:
    """Run a gateway before one clinic; what the store held is gone."""
    valkey.flush()
    await project(valkey.url, CARDIOLOGY, EYES)
    with running_gateway(valkey.url, folder, **settings) as gateway:
        jar = aiohttp.DummyCookieJar()
        async with aiohttp.ClientSession(cookie_jar=jar) as http:
            yield FrontDoor(gateway, settings.get("public_url", gateway.url), http)

"""The gateway as one person meets it: cookies, HTTP requests, sockets. No media, no decisions.

Follows `docs/http.md` and `docs/wire.md` and shares no code with the gateway, so that it proves them.
"""

import json
import secrets
import ssl
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

import aiohttp
from pydantic import TypeAdapter, ValidationError
from teleward_contract.signalling import (
    MAX_FRAME_BYTES,
    SUBPROTOCOL,
    Frame,
    ServerFrame,
    encode,
    parse_server_frame,
)

from teleward_cli.demo.frames import (
    GUEST_FRAME,
    QUEUE_FRAME,
    VISIT_FRAME,
    ClinicDoor,
    Entry,
    ErrorAnswer,
    Followed,
    Guest,
    GuestEntry,
    GuestFrame,
    Hello,
    Invited,
    Me,
    Queue,
    QueueDelta,
    QueueFrame,
    RoomCount,
    VisitFrame,
)

Heard = Callable[[str, str], None]
"""Called with (where, text) for everything that reaches this person; for recordings."""

REQUEST_TIMEOUT_S = 10.0
"""A request that takes longer than this has failed."""

MAX_ANSWER_BYTES = 4 * 1024 * 1024
"""A queue snapshot may be large; nothing else comes near."""

_T = TypeVar("_T")


class DemoError(Exception):
    """What a demo person could not do, and what to look at next."""


class RefusedAnswerError(DemoError):
    """The gateway refused: HTTP `status`, the error's `code`, and who was first if that is told."""

    def __init__(self, status: int, code: str, message: str, by: str = "") -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.by = by


class SocketEndedError(DemoError):
    """A socket ended; `close_code` as in RFC 6455 section 7.4, or None if it simply broke."""

    def __init__(self, close_code: int | None) -> None:
        super().__init__(f"the socket ended with code {close_code}")
        self.close_code = close_code


class Socket:
    """One WebSocket, as text frames; use as `async with`."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse, where: str, heard: Heard) -> None:
        self._ws = ws
        self._where = where
        self._heard = heard

    async def send_text(self, text: str) -> None:
        """Send one frame as it stands.

        Raises:
            SocketEndedError: The socket has ended.
        """
        try:
            await self._ws.send_str(text)
        except (ConnectionError, aiohttp.ClientError) as err:
            raise SocketEndedError(self._ws.close_code) from err

    async def receive_text(self) -> str:
        """Wait for the next frame.

        Raises:
            SocketEndedError: The socket ended instead.
        """
        message = await self._ws.receive()
        if message.type is not aiohttp.WSMsgType.TEXT:
            raise SocketEndedError(self._ws.close_code)
        text = str(message.data)
        self._heard(self._where, text)
        return text

    async def close(self) -> None:
        """Close the socket from this side."""
        await self._ws.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, err: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()


class WaitingSocket(Socket):
    """The waiting socket of a patient."""

    async def receive(self) -> VisitFrame:
        """Wait for the next frame; raises SocketEndedError."""
        return _read(VISIT_FRAME, await self.receive_text())

    async def leave(self) -> None:
        """Give up the place."""
        await self.send_text('{"type": "leave"}')


class GuestSocket(Socket):
    """The guest socket of somebody who knocks."""

    async def receive(self) -> GuestFrame:
        """Wait for the next frame; raises SocketEndedError."""
        return _read(GUEST_FRAME, await self.receive_text())

    async def until(self, state: str) -> Guest:
        """Wait until the guest is in this state; the caller sets the deadline."""
        while True:
            frame = await self.receive()
            if isinstance(frame, Guest) and frame.state == state:
                return frame


class QueueSocket(Socket):
    """The queue socket of staff; keeps the queue that the frames describe."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse, where: str, heard: Heard) -> None:
        super().__init__(ws, where, heard)
        self.visits: dict[str, Entry] = {}
        self.guests: tuple[GuestEntry, ...] = ()
        self.rooms: dict[str, RoomCount] = {}

    async def receive(self) -> QueueFrame:
        """Wait for the next frame and bring `visits` up to date; raises SocketEndedError."""
        frame = _read(QUEUE_FRAME, await self.receive_text())
        match frame:
            case Queue():
                self.visits = {entry.visit: entry for entry in frame.visits}
            case QueueDelta():
                self.visits |= {entry.visit: entry for entry in frame.upsert}
                for visit in frame.remove:
                    self.visits.pop(visit, None)
            case _:
                return frame
        if frame.guests is not None:
            self.guests = frame.guests
        if frame.rooms is not None:
            self.rooms = {room.uid: room for room in frame.rooms}
        return frame

    async def find(self, wanted: Callable[[Entry], bool]) -> Entry:
        """Wait until the queue has an entry that `wanted` accepts; the caller sets the deadline."""
        while True:
            for entry in self.visits.values():
                if wanted(entry):
                    return entry
            await self.receive()

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait until what the frames have told is so; the caller sets the deadline."""
        while not is_so():
            await self.receive()


class CallSocket(Socket):
    """The call socket: signalling frames as `teleward_contract.signalling` has them."""

    async def send(self, frame: Frame) -> None:
        """Send one frame; raises SocketEndedError."""
        await self.send_text(encode(frame))

    async def receive(self) -> ServerFrame:
        """Wait for the next frame; raises SocketEndedError."""
        return parse_server_frame(await self.receive_text())


_S = TypeVar("_S", bound=Socket)


class Visitor:
    """One person's browser without the browser: own cookies, `Origin` on every request."""

    def __init__(
        self,
        gateway: str,
        *,
        heard: Heard = lambda where, text: None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.gateway = gateway.rstrip("/")
        self.cookies: dict[str, str] = {}
        self.waits_at = ""
        """The clinic last entered, as `namespace/name`."""
        self.claim = secrets.token_urlsafe(16)
        """Says to a guest link that it is this browser again."""
        self._heard = heard
        self._tls: ssl.SSLContext | bool = tls or True
        self._http = aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(),  # `__Host-` cookies are Secure; this is loopback
            timeout=aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_S),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, err: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._http.close()

    async def request(self, method: str, path: str, body: object = None) -> tuple[int, str]:
        """Make one request, keep the cookies it sets; the answer is (status, body text).

        Raises:
            DemoError: The gateway did not answer.
        """
        try:
            async with self._http.request(
                method,
                self.gateway + path,
                json=body,
                headers=self._headers(),
                allow_redirects=False,
                ssl=self._tls,
            ) as answer:
                text = await answer.text()
                self._keep(answer)
        except (aiohttp.ClientError, TimeoutError) as err:
            raise DemoError(f"the gateway at {self.gateway} does not answer") from err
        self._heard(f"{method} {path}", text)
        return answer.status, text

    async def ask(self, method: str, path: str, body: object = None) -> str:
        """As `request`, but raises RefusedAnswerError unless the status is 2xx."""
        status, text = await self.request(method, path, body)
        if status // 100 == 2:
            return text
        try:
            error = ErrorAnswer.model_validate_json(text).error
        except ValidationError:
            raise RefusedAnswerError(status, "", "no error document") from None
        raise RefusedAnswerError(status, error.code, error.message, error.by)

    async def door(self, namespace: str, clinic: str, locale: str = "en") -> ClinicDoor:
        """Look at a clinic's door."""
        path = f"/api/clinics/{namespace}/{clinic}?locale={locale}"
        return _read(TypeAdapter(ClinicDoor), await self.ask("GET", path))

    async def enter(
        self, namespace: str, clinic: str, name: str, fields: dict[str, str], locale: str = "en"
    ) -> None:
        """Enter the waiting area; the ticket is kept as a cookie."""
        body = {"name": name, "fields": fields, "locale": locale}
        await self.ask("POST", f"/api/clinics/{namespace}/{clinic}/visits", body)
        self.waits_at = f"{namespace}/{clinic}"

    @property
    def patient_call(self) -> str:
        """Path of the call socket of the patient who waits here."""
        return f"/ws/call/visit/{self.waits_at}"

    async def leave(self) -> None:
        """Give up the place."""
        await self.ask("POST", f"/api/clinics/{self.waits_at}/leave", {})

    async def follow(self) -> None:
        """Change the ticket for one of the clinic to which the visit was transferred."""
        answer = await self.ask("POST", f"/api/clinics/{self.waits_at}/follow", {})
        there = _read(TypeAdapter(Followed), answer).clinic
        self.waits_at = f"{self.waits_at.partition('/')[0]}/{there}"

    async def sign_in(self, user: str, secret: str | None = None) -> Me:
        """Sign in by the development sign-in and say who this is now."""
        body = {"user": user} | ({"secret": secret} if secret else {})
        await self.ask("POST", "/api/sign-in/development", body)
        return await self.me()

    async def me(self) -> Me:
        """Who is signed in, and their clinics."""
        return _read(TypeAdapter(Me), await self.ask("GET", "/api/staff/me"))

    async def act(
        self, namespace: str, clinic: str, visit: str, action: str, **body: object
    ) -> None:
        """Do one action on a visit, such as `call-in`, `end` or `refuse`."""
        await self.ask("POST", f"/api/staff/{namespace}/{clinic}/visits/{visit}/{action}", body)

    async def invite(
        self, namespace: str, clinic: str, place: str, name: str, **form: object
    ) -> Invited:
        """Make a guest link to a room, or to the consultation of a visit."""
        body = {"place": place, "name": name, **form}
        answer = await self.ask("POST", f"/api/staff/{namespace}/{clinic}/guests", body)
        return _read(TypeAdapter(Invited), answer)

    async def decide(self, namespace: str, clinic: str, guest: str, what: str) -> None:
        """Admit or refuse a guest, or revoke the link."""
        await self.ask("POST", f"/api/staff/{namespace}/{clinic}/guests/{guest}/{what}", {})

    async def redeem(self, namespace: str, clinic: str, secret: str, name: str) -> None:
        """Use a guest link up, and knock; the pass is kept as a cookie."""
        body = {"secret": secret, "claim": self.claim, "name": name}
        await self.ask("POST", f"/api/guests/{namespace}/{clinic}/redeem", body)

    async def knock(self, namespace: str, clinic: str, name: str) -> GuestSocket:
        """Open the guest socket and say hello."""
        socket = await self.connect(GuestSocket, f"/ws/guest/{namespace}/{clinic}")
        await socket.send_text(json.dumps({"type": "hello", "name": name}))
        return socket

    async def wait(self, name: str, fields: dict[str, str], locale: str = "en") -> WaitingSocket:
        """Open the waiting socket and say hello."""
        socket = await self.connect(WaitingSocket, f"/ws/visit/{self.waits_at}")
        hello = Hello(name=name, fields=fields, locale=locale)
        await socket.send_text(hello.model_dump_json())
        return socket

    async def watch(self, namespace: str, clinic: str) -> QueueSocket:
        """Open the queue socket of a clinic."""
        return await self.connect(QueueSocket, f"/ws/staff/{namespace}/{clinic}")

    async def call(self, path: str) -> CallSocket:
        """Open a call socket; `path` as in docs/wire.md."""
        return await self.connect(CallSocket, path, protocols=(SUBPROTOCOL,))

    async def connect(self, kind: type[_S], path: str, protocols: tuple[str, ...] = ()) -> _S:
        """Open one socket.

        Raises:
            RefusedAnswerError: The gateway refused the handshake.
            DemoError: It did not answer.
        """
        try:
            ws = await self._http.ws_connect(
                self.gateway.replace("http", "ws", 1) + path,
                headers=self._headers(),
                protocols=protocols,
                max_msg_size=max(MAX_FRAME_BYTES, MAX_ANSWER_BYTES),
                heartbeat=20.0,
                ssl=self._tls,
            )
        except aiohttp.WSServerHandshakeError as err:
            raise RefusedAnswerError(err.status, "handshake", "the socket was refused") from err
        except (aiohttp.ClientError, TimeoutError) as err:
            raise DemoError(f"the gateway at {self.gateway} does not answer") from err
        return kind(ws, path, self._heard)

    def _headers(self) -> dict[str, str]:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return {"Origin": self.gateway} | ({"Cookie": cookies} if cookies else {})

    def _keep(self, answer: aiohttp.ClientResponse) -> None:
        for name, morsel in answer.cookies.items():
            if morsel.value and morsel["max-age"] != "0":
                self.cookies[name] = morsel.value
            else:
                self.cookies.pop(name, None)


def _read(adapter: TypeAdapter[_T], text: str) -> _T:
    try:
        return adapter.validate_json(text)
    except ValidationError as err:
        where = ".".join(str(part) for part in err.errors(include_input=False)[0]["loc"])
        raise DemoError(
            f"the gateway sent something that is not in its documents: {where}"
        ) from None

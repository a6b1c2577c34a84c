"""Control sockets to media nodes, as their client."""

import asyncio
from collections.abc import AsyncIterator

from teleward_contract import signalling
from teleward_contract.errors import FrameRefusedError
from teleward_contract.placements import Placement
from teleward_contract.signalling import Admitted, Authenticate, Challenge, Error
from teleward_contract.tickets import MediaTicket, TicketSigner
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.typing import Subprotocol

from teleward_gateway.errors import ControlLostError, ControlRefusedError

OPEN_TIMEOUT_S = 2.0
CLOSE_TIMEOUT_S = 1.0
PING_INTERVAL_S = 2.0
PING_TIMEOUT_S = 3.0
"""A media node that hangs is noticed after this, beside its heartbeats."""
MAX_FRAME_BYTES = 1024 * 1024
"""A media node's largest frame, an answer for twenty people, is a tenth of this."""


class ControlSocket:
    """See `Control`."""

    def __init__(self, connection: ClientConnection, admitted: Admitted) -> None:
        self._connection = connection
        self.resumable = admitted.resumable

    async def send(self, frame: str) -> None:
        """See `Control`."""
        try:
            await self._connection.send(frame)
        except ConnectionClosed as err:
            raise ControlLostError from err

    async def frames(self) -> AsyncIterator[str]:
        """See `Control`."""
        try:
            while True:
                frame = await self._connection.recv()
                yield frame if isinstance(frame, str) else frame.decode()
        except (ConnectionClosed, UnicodeDecodeError) as err:
            raise ControlLostError from err

    async def close(self) -> None:
        """See `Control`."""
        await self._connection.close()


class WebSocketControlPorts:
    """See `ControlPorts`."""

    def __init__(self, signer: TicketSigner) -> None:
        self._signer = signer

    async def open(self, placement: Placement, ticket: MediaTicket) -> ControlSocket:
        """See `ControlPorts`."""
        try:
            connection = await connect(
                placement.control_url, subprotocols=[Subprotocol(signalling.SUBPROTOCOL)],
                open_timeout=OPEN_TIMEOUT_S, close_timeout=CLOSE_TIMEOUT_S,
                max_size=MAX_FRAME_BYTES, proxy=None, compression=None,
                ping_interval=PING_INTERVAL_S, ping_timeout=PING_TIMEOUT_S,
            )  # fmt: skip
        except (OSError, TimeoutError, InvalidHandshake, InvalidURI) as err:
            raise ControlLostError from err
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                return await self._authenticate(connection, placement, ticket)
        except (ConnectionClosed, TimeoutError, FrameRefusedError) as err:
            await connection.close()
            raise ControlLostError from err
        except BaseException:
            await connection.close()
            raise

    async def _authenticate(
        self, connection: ClientConnection, placement: Placement, ticket: MediaTicket
    ) -> ControlSocket:
        challenge = signalling.parse_control_frame(await connection.recv())
        if not isinstance(challenge, Challenge) or challenge.boot != placement.boot:
            raise ControlLostError("another boot answers at this address")
        filled = ticket.model_copy(
            update={
                "nonce": challenge.nonce,
                "media_node": placement.media_node,
                "boot": placement.boot,
            }
        )
        signed = Authenticate(ticket=self._signer.sign(filled))
        await connection.send(signalling.encode(signed))
        answer = _answer(await connection.recv())
        if isinstance(answer, Error):
            raise ControlRefusedError(answer.code)
        return ControlSocket(connection, answer)


def _answer(text: str | bytes) -> Admitted | Error:
    """Read the answer to a ticket; raises FrameRefusedError when it is neither yes nor no."""
    try:
        frame = signalling.parse_control_frame(text)
    except FrameRefusedError:
        refusal = signalling.parse_server_frame(text)
        if isinstance(refusal, Error):
            return refusal
        raise
    if isinstance(frame, Admitted):
        return frame
    raise FrameRefusedError("bad_frame", "the media node did not admit")

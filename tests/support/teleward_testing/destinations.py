"""Where a media port is told to send, by whichever call; nothing leaves this machine while it is watched."""

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any, cast

import pytest
from teleward_media.adapters import batches
from teleward_media.adapters.addresses import Address, to_tuple
from teleward_media.adapters.udp_port import UdpPort


class Destinations:
    """Addresses that the port was told to send to, and names that anybody was asked for."""

    def __init__(self) -> None:
        self.by_call: dict[str, set[object]] = {}

    @property
    def all(self) -> set[object]:
        """By whatever call."""
        return set[object]().union(*self.by_call.values())

    def note(self, call: str, address: Address) -> None:
        """Remember an address, and refuse what is not this machine's."""
        self.by_call.setdefault(call, set()).add(address)
        assert ip_address(address[0]).is_loopback, f"{call} to {address[0]}"

    def asked(self, name: object, *_: object, **__: object) -> list[Any]:
        """Stand for the resolver: remember what it was asked for, and know nobody."""
        self.by_call.setdefault("getaddrinfo", set()).add(name)
        raise socket.gaierror(socket.EAI_NONAME, "nobody is known")


class _Watched:
    """A socket that tells where it is told to send."""

    def __init__(self, sock: socket.socket, destinations: Destinations) -> None:
        self._sock, self._destinations = sock, destinations

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def sendto(self, data: bytes, address: Address) -> int:
        self._destinations.note("sendto", address)
        return self._sock.sendto(data, address)

    def sendmsg(self, views: Any, control: Any, flags: int, address: Address) -> int:
        self._destinations.note("sendmsg", address)
        return self._sock.sendmsg(views, control, flags, address)


@contextmanager
def watched(port: UdpPort) -> Iterator[Destinations]:
    """Watch a port that has sent no media yet."""
    assert port._socket is not None
    assert port._outlet is None, "it would go on sending by the socket that it has"
    destinations = Destinations()
    plain, lay_out = port._socket, batches.Writing.lay_out

    def noted(writing: batches.Writing, queue: Sequence[batches.Message]) -> None:
        for to, _, _ in queue:
            destinations.note("sendmmsg", to_tuple(to))
        lay_out(writing, queue)

    port._socket = cast("socket.socket", _Watched(plain, destinations))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches.Writing, "lay_out", noted)
        patch.setattr(socket, "getaddrinfo", destinations.asked)
        try:
            yield destinations
        finally:
            port._socket, port._outlet = plain, None

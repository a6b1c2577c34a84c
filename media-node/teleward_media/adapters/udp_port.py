"""The one UDP port: guard and demultiplexer in front of everything.

A datagram from an address that no peer was heard at is a STUN binding request that names an expected ufrag, or it is
dropped where it lies. Only a request with valid message integrity makes an address known, and only an answer to a
check of ours makes it one that is sent to (`core/ice.py`). What a client names as candidates is never used.

Held for one peer that has proved nothing: this record and its four addresses (2 KB) and 32 DTLS datagrams (`dtls.py`,
48 KB); for all strangers together 1.2 MB (`core/strangers.py`) and the kernel's buffer, 16 MB.

Source: RFC 7983 (first byte), RFC 8445 §2.5 (ICE-lite), RFC 8489 (STUN).
"""

import asyncio
import itertools
import secrets
import socket
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from teleward_contract.units import ParticipantId, Seconds

from teleward_media.adapters import batches
from teleward_media.adapters.addresses import origin, to_raw, to_source, to_tuple
from teleward_media.adapters.expected import Expected, PeerSink
from teleward_media.adapters.outlet import Outlet
from teleward_media.adapters.shutter import Shutter
from teleward_media.core import stun
from teleward_media.core.datagrams import LONGEST, STRIDE, Datagrams
from teleward_media.core.ice import Credentials, IceLite, Outcome
from teleward_media.core.strangers import Strangers

BATCH = 64
"""Datagrams read by one call: about what 200 peers send in 2 ms."""
ROUNDS = 16
"""Calls of one wake-up before other work gets its turn: 1,024 datagrams of strangers take about 1 ms."""
GATHER_S = 0.001
"""While much comes, it is left in the kernel's buffer for this long, so that one wake-up serves the packets of many
calls, as network cards hold interrupts back. A wake-up of Python costs as much as forwarding a packet; what it delays
is a twentieth of what a conversation bears."""
PACE_S, BUSY_WAKEUPS = Seconds(0.01), 20
"""From so many wake-ups in so long on: five calls of two."""
FEW, IDLE_READS = 2, 20
"""So many reads in a row that brought fewer than that end it. Ours."""
BUFFER_BYTES = 8 * 1024 * 1024
"""Asked of the kernel for each direction; it takes twice that of memory. It holds 20,000 small datagrams, what comes
in 50 ms of a flood of 400,000 a second, so that a process that waits for its core loses none of its peers'. Without
the right to force it `net.core.rmem_max` is the limit."""
SO_RCVBUFFORCE, SO_SNDBUFFORCE, SO_MEMINFO = 33, 32, 55
"""Socket options (asm-generic/socket.h)."""
_MEMINFO = struct.Struct("=9I")
"""The last is what the kernel dropped of this socket (linux/sock_diag.h, SK_MEMINFO_DROPS)."""
SETTLED_S = Seconds(5)
"""An address that a peer was heard from this recently is not handed to another one: two silent rounds of a browser's
checks."""
CALM_S, CALM_RATE = 1.0, 20_000
"""A flood is over when the kernel drops fewer in a second: what we refuse ourselves with 1 % of a core."""
LOOKS = 256
"""Strangers' datagrams that look like STUN and are looked into in one wake-up, at 1 µs each."""


@dataclass(slots=True)
class Counters:
    """What the port dropped and passed, by reason."""

    by_reason: dict[str, int] = field(default_factory=dict)

    def add(self, reason: str, count: int = 1) -> None:
        """Count."""
        self.by_reason[reason] = self.by_reason.get(reason, 0) + count


class Tap(Protocol):
    """Who is shown what passes."""

    def see(self, peer: int, datagram: memoryview, *, leaves: bool) -> None:
        """Look at a datagram of a peer; it is not valid afterwards."""
        ...


class UdpPort:
    """Owns the socket; knows peers by ufrag, by number and by address."""

    def __init__(
        self, ingress: Datagrams, on_media: Callable[[Seconds], None], counters: Counters,
        now: Callable[[], Seconds], *, may_batch: bool = True, may_cut: bool = True,
    ) -> None:  # fmt: skip
        self._ingress, self._on_media, self._counters, self._now = ingress, on_media, counters, now
        self._may_batch, self._may_cut = may_batch, may_cut
        self._numbers = itertools.count(1)
        self._by_number: dict[int, Expected] = {}
        self._by_ufrag: dict[str, Expected] = {}
        self._by_address: dict[bytes, Expected] = {}
        self._strangers = Strangers()
        self._socket: socket.socket | None = None
        self._outlet: Outlet | None = None
        self._read: Callable[[], tuple[list[int], list[bytes]]] = lambda: ([], [])
        self._looks = self._strangers_seen = self._drops_before = self._shut_out = 0
        self._shutter: Shutter | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._wakeups = self._idle = 0
        self._paced_at = Seconds(0.0)
        self._gathering: asyncio.TimerHandle | None = None
        self.tap: Tap | None = None

    def open(self, host: str, port: int) -> int:
        """Bind and begin to read; returns the port.

        Raises:
            OSError: The address cannot be bound.
        """
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM)
        sock.setblocking(False)
        _widen(sock)
        if family == socket.AF_INET6:  # IPv4 within IPv6 escapes the kernel filter and the limits
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            sock.bind((host, port))
        except OSError:
            sock.close()
            raise
        batched = self._may_batch and batches.is_available()
        self._read = batches.Reading(sock, self._ingress).read if batched else self._read_singly
        self._socket, self._shutter = sock, Shutter(sock)
        asyncio.get_running_loop().add_reader(sock.fileno(), self._readable)
        return int(sock.getsockname()[1])

    def close(self) -> None:
        """Stop reading and close."""
        if self._gathering is not None:
            self._gathering.cancel()
        if self._watch is not None:
            self._watch.cancel()
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = self._outlet = None

    @property
    def is_gathering(self) -> bool:
        """Whether it reads by the clock, not with each datagram."""
        return self._gathering is not None

    @property
    def number(self) -> int:
        """The port's number; 0 while it is closed."""
        return int(self._socket.getsockname()[1]) if self._socket is not None else 0

    def kernel_drops(self) -> int:
        """Count what the kernel dropped since the port was opened, unread; without what the shutter shut out."""
        is_down = self._shutter is not None and self._shutter.is_down
        return (self._drops_before if is_down else self._all_drops()) - self._shut_out

    def _all_drops(self) -> int:
        if self._socket is None:
            return 0
        try:
            told = self._socket.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, _MEMINFO.size)
        except OSError:  # another system than Linux
            return 0
        return int(_MEMINFO.unpack(told)[8]) if len(told) == _MEMINFO.size else 0

    # -- who is expected -----------------------------------------------------------------------

    def add(self, key: ParticipantId, credentials: Credentials, sink: PeerSink) -> Expected:
        """Expect a peer that will prove itself with these credentials."""
        ice = IceLite(credentials, secrets.token_bytes(8), self._now())
        entry = Expected.at(key, next(self._numbers), ice, sink, self._now())
        self._by_ufrag[credentials.ufrag] = self._by_number[entry.number] = entry
        return entry

    def restart(self, entry: Expected, credentials: Credentials) -> None:
        """Expect a known peer under new credentials, too; the old ones go with the first check that has the new."""
        unused = entry.ice.restart(credentials)
        if unused is not None:
            self._by_ufrag.pop(unused, None)
        self._by_ufrag[credentials.ufrag] = entry

    def remove(self, entry: Expected) -> None:
        """Forget a peer: from now on it is a stranger."""
        self._by_number.pop(entry.number, None)
        for one in (entry.ice.credentials, entry.ice.fresh):
            if one is not None:
                self._by_ufrag.pop(one.ufrag, None)
        for raw in entry.ice.paths:
            if self._by_address.get(raw) is entry:
                del self._by_address[raw]

    def note_alive(self, numbers: Iterable[int], now: Seconds) -> None:
        """Note of which peers the packet path has proof that they are there."""
        for number in numbers:
            entry = self._by_number.get(number)
            if entry is not None:
                entry.ice.heard_at = now

    # -- out -----------------------------------------------------------------------------------

    def send(self, peer: int, block: Datagrams, indexes: Sequence[int]) -> None:
        """Gather datagrams for a peer, always of the same block; all of one size, the last maybe shorter."""
        entry = self._by_number.get(peer)
        path = entry.ice.selected if entry is not None else None
        if path is None or self._socket is None:
            self._counters.add("drop_unproved", len(indexes))
            return
        if self._outlet is None:
            self._outlet = Outlet(
                self._socket, block, self._counters.add,
                may_batch=self._may_batch, may_cut=self._may_cut,
            )  # fmt: skip
        self._outlet.put(path.source.raw, indexes)
        if self.tap is not None:
            for index in indexes:
                at = index * STRIDE
                self.tap.see(peer, block.view[at : at + block.lengths[index]], leaves=True)

    def flush(self) -> None:
        """Send what was gathered for all peers."""
        if self._outlet is not None:
            self._outlet.flush()

    def send_to(self, entry: Expected, datagram: bytes) -> None:
        """Send a DTLS datagram now."""
        path = entry.ice.selected
        if path is None:
            self._counters.add("drop_unproved")
        else:
            self._reply(path.source.raw, datagram)
            self._show(entry.number, datagram, leaves=True)

    def _reply(self, raw: bytes, datagram: bytes) -> None:
        if self._socket is None:
            return
        try:
            self._socket.sendto(datagram, to_tuple(raw))
        except (BlockingIOError, InterruptedError):
            self._counters.add("send_would_block")
        except OSError:
            self._counters.add("send_error")

    def _show(self, peer: int, datagram: bytes | memoryview, *, leaves: bool) -> None:
        if self.tap is not None:
            self.tap.see(peer, memoryview(datagram), leaves=leaves)

    # -- in ------------------------------------------------------------------------------------

    def _readable(self) -> None:
        """Read when something comes; from a certain pace on, when a little has gathered."""
        self._take()
        self._wakeups += 1
        now = self._now()
        if now - self._paced_at < PACE_S:
            return
        is_busy = self._wakeups >= BUSY_WAKEUPS
        self._wakeups, self._paced_at = 0, now
        if is_busy and self._socket is not None:
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._socket.fileno())
            self._counters.add("gathering_begun")
            self._gathering = loop.call_later(GATHER_S, self._gathered)

    def _gathered(self) -> None:
        """Read what has gathered, and go on reading, whatever one of the datagrams led to."""
        taken = FEW
        try:
            taken = self._take()
        finally:
            self._go_on(taken)

    def _go_on(self, taken: int) -> None:
        """Read again when a little has gathered; where it was next to nothing, wake up for each again."""
        self._idle = self._idle + 1 if taken < FEW else 0
        if self._socket is None:
            return
        loop = asyncio.get_running_loop()
        if self._idle < IDLE_READS:
            wait = GATHER_S if taken < ROUNDS * BATCH else 0.0  # more than a wake-up's share waits
            self._gathering = loop.call_later(wait, self._gathered)
        else:
            self._gathering, self._idle = None, 0
            loop.add_reader(self._socket.fileno(), self._readable)

    def _take(self) -> int:
        """Read all that waits, but for a bound; how many datagrams."""
        self._looks = LOOKS
        taken = self._strangers_seen = 0
        for _ in range(ROUNDS):
            try:
                lengths, senders = self._read()
            except (BlockingIOError, InterruptedError):
                break
            except OSError:  # an ICMP error of an earlier send
                self._counters.add("receive_error")
                continue
            taken += len(lengths)
            self._sort(lengths, senders, self._now())
            if len(lengths) < BATCH or self._socket is None:
                break
        if self._strangers_seen > ROUNDS * BATCH // 2:
            self._lower_shutter()
        return taken

    def _lower_shutter(self) -> None:
        """Let the kernel refuse strangers: more of them wait than we refuse in one wake-up."""
        shutter = self._shutter
        if shutter is None or shutter.is_down:
            return
        self._drops_before = self._all_drops()
        if shutter.lower(self._by_address):
            self._counters.add("shutter_lowered")
            self._watch = asyncio.get_running_loop().call_later(CALM_S, self._watch_flood)

    def _watch_flood(self) -> None:
        """Count what the shutter shut out; lift it when that is little."""
        before, self._drops_before = self._drops_before, self._all_drops()
        shut_out, self._watch = self._drops_before - before, None
        self._shut_out += shut_out
        self._counters.add("drop_shutter", shut_out)
        if shut_out > CALM_S * CALM_RATE:
            self._watch = asyncio.get_running_loop().call_later(CALM_S, self._watch_flood)
        elif self._shutter is not None:
            self._shutter.lift()

    def _addresses_changed(self) -> None:
        if self._shutter is not None and self._shutter.is_down:
            self._shutter.lower(self._by_address)

    def _sort(self, lengths: list[int], senders: list[bytes], now: Seconds) -> None:
        """Keep media of peers in the block, side by side; hand the rest on or drop it."""
        block, known = self._ingress, self._by_address
        buffer, view, kept, peers = block.buffer, block.view, block.lengths, block.peers
        filled = strangers = 0
        for index, raw in enumerate(senders):
            length, at = lengths[index], index * STRIDE
            entry = known.get(raw)
            if entry is None and length and buffer[at] > 3:
                strangers += 1
            elif not 0 < length <= LONGEST:
                self._counters.add("drop_too_long" if length else "drop_empty")
            elif entry is not None and 128 <= buffer[at] <= 191:
                if filled != index:
                    to = filled * STRIDE
                    view[to : to + length] = view[at : at + length]
                kept[filled] = length
                peers[filled] = entry.number
                filled += 1
            else:
                self._slow(entry, view[at : at + length], raw, now)
        if strangers:
            self._strangers_seen += strangers
            self._counters.add("drop_stranger", strangers)
        if filled:
            block.count = filled
            if self.tap is not None:
                for n in range(filled):
                    datagram = block.view[n * STRIDE : n * STRIDE + block.lengths[n]]
                    self.tap.see(block.peers[n], datagram, leaves=False)
            self._on_media(now)

    def _slow(
        self, entry: Expected | None, datagram: memoryview, raw: bytes, now: Seconds
    ) -> None:
        """Take what is not media."""
        first = datagram[0]
        if first <= 3:
            self._stun(entry, datagram, raw, now)
        elif entry is not None and 20 <= first <= 63:
            if not entry.may_shake.allow(now):
                self._counters.add("drop_peer_rate")
                return
            self._show(entry.number, datagram, leaves=False)
            entry.sink.dtls(bytes(datagram))
            if entry.ice.selected is None:
                outcome = entry.ice.came(
                    to_source(raw), len(datagram), secrets.token_bytes(12), now
                )
                self._follow(entry, outcome, raw)
        else:
            self._counters.add("drop_unknown_kind")

    def _stun(
        self, known: Expected | None, datagram: memoryview, raw: bytes, now: Seconds
    ) -> None:
        if known is None:
            self._looks -= 1
            if self._looks < 0:
                self._counters.add("drop_stranger_busy")
                return
        elif not known.may_check.allow(now):
            self._counters.add("drop_peer_rate")
            return
        binding = stun.read_binding(datagram)
        if binding is None:
            self._counters.add("drop_stun_malformed")
            return
        if binding.kind == stun.SUCCESS:
            if known is None:
                self._counters.add("drop_stun_other")
            else:
                outcome = known.ice.answer(bytes(datagram), binding, to_source(raw), now)
                self._follow(known, outcome, raw)
            return
        entry = self._by_ufrag.get(binding.username.partition(":")[0])
        if entry is None:
            self._counters.add("drop_stun_unknown")
        elif entry is not known and not (
            entry.may_knock.allow(now) and self._strangers.allow(origin(raw), now)
        ):
            self._counters.add("drop_stranger_rate")
        else:
            self._request(entry, known, bytes(datagram), binding, raw, now)

    def _request(
        self, entry: Expected, holder: Expected | None, datagram: bytes, binding: stun.Binding,
        raw: bytes, now: Seconds,
    ) -> None:  # fmt: skip
        """Let the peer's agent answer; `holder` is whose address it was sent from until now."""
        before = entry.ice.credentials
        is_free = holder is None or holder is entry or holder.key == entry.key or (
            now - holder.heard_at >= SETTLED_S
        )  # fmt: skip
        outcome = entry.ice.request(
            datagram, binding, to_source(raw), secrets.token_bytes(12), now, is_free=is_free
        )
        if entry.ice.credentials is not before:
            self._by_ufrag.pop(before.ufrag, None)
            self._counters.add("ice_restarted")
        if outcome.forgotten is not None:
            self._by_address.pop(outcome.forgotten.source.raw, None)
        if outcome.learned is not None:
            if holder is not None:
                holder.ice.lose(raw)
            self._by_address[raw] = entry
            self._addresses_changed()
        self._show(entry.number, datagram, leaves=False)
        self._follow(entry, outcome, raw)

    def _follow(self, entry: Expected, outcome: Outcome, raw: bytes) -> None:
        if outcome.event:
            self._counters.add(outcome.event)
        if outcome.event == "proved":
            entry.sink.proved()
        for reply in outcome.replies:
            self._reply(raw, reply)
            self._show(entry.number, reply, leaves=True)

    def _read_singly(self) -> tuple[list[int], list[bytes]]:
        """Do what `batches.Reading` does, a call for each datagram."""
        block, sock = self._ingress, self._socket
        lengths: list[int] = []
        senders: list[bytes] = []
        assert sock is not None
        for index in range(block.capacity):
            at = index * STRIDE
            try:
                length, address = sock.recvfrom_into(block.view[at : at + STRIDE])
            except (BlockingIOError, InterruptedError):
                if not lengths:
                    raise
                break
            lengths.append(length)
            senders.append(to_raw(address))
        return lengths, senders


def _widen(sock: socket.socket) -> None:
    """Ask for large buffers: by force where that is allowed, else as much as the machine's limit lets through."""
    for force, ask in ((SO_RCVBUFFORCE, socket.SO_RCVBUF), (SO_SNDBUFFORCE, socket.SO_SNDBUF)):
        try:
            sock.setsockopt(socket.SOL_SOCKET, force, BUFFER_BYTES)
        except OSError:
            sock.setsockopt(socket.SOL_SOCKET, ask, BUFFER_BYTES)

"""People of any family in one call of a media node, and who sees and hears whom."""

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Self

from teleward_contract import signalling
from teleward_contract.signalling import Frame, Join, Joined, Slots
from teleward_contract.units import ParticipantId
from websockets.exceptions import ConnectionClosed

from teleward_testing.families.seen import AnyPeer, Seen
from teleward_testing.media_node import Participant, RunningMediaNode, attach

Heard = dict[tuple[str, str], tuple[int, float]]
"""(participant, kind) → frames decoded and energy heard."""


class Someone:
    """One person with a peer of some family. Their slots are followed as the media node tells them."""

    def __init__(self, name: str, socket: Participant, peer: AnyPeer) -> None:
        self.name, self.peer = name, peer
        self.id = ParticipantId("")
        self.answer = ""
        self._socket = socket
        self._shown: dict[str, tuple[str, str]] = {}
        self._listening: asyncio.Task[None] | None = None

    @classmethod
    async def join(cls, node: RunningMediaNode, call: str, name: str, peer: AnyPeer) -> Self:
        """Come in with this peer."""
        one = cls(name, await attach(node, name, call=call), peer)
        await one._socket.send(Join(offer=await peer.offer()))
        joined = await one._socket.receive(Joined)
        one.id, one.answer = ParticipantId(joined.you), joined.answer
        one._take(joined)
        await peer.accept(joined.answer)
        one._listening = asyncio.create_task(one._listen())
        return one

    async def send(self, frame: Frame) -> None:
        """Say something to the media node."""
        await self._socket.send(frame)

    async def _listen(self) -> None:
        with suppress(ConnectionClosed):
            while True:
                self._take(signalling.parse_server_frame(await self._socket.socket.recv()))

    def _take(self, frame: object) -> None:
        if isinstance(frame, Joined | Slots):
            self._shown = {
                slot.mid: (slot.participant, slot.kind) for slot in frame.slots if slot.participant
            }

    async def close(self) -> None:
        """Leave without a word."""
        if self._listening is not None:
            self._listening.cancel()
        await self.peer.close()
        await self._socket.socket.close()

    def slot_of(self, other: "Someone", kind: str) -> str:
        """The mid in which somebody appears."""
        return next(mid for mid, shown in self._shown.items() if shown == (other.id, kind))

    def shows(self, other: "Someone") -> bool:
        """Whether somebody's picture stands in a slot here."""
        return (other.id, "video") in self._shown.values()

    def heard(self, seen: Seen) -> Heard:
        """What has arrived of whom."""
        return {
            shown: (seen.slots[mid].frames, seen.slots[mid].energy)
            for mid, shown in self._shown.items()
            if mid in seen.slots
        }

    async def lacks(self, others: Iterable["Someone"], before: Seen) -> list[str]:
        """Name what has not moved on since a look: pictures decoded, sound heard."""
        then, now = self.heard(before), self.heard(await self.peer.look())
        lacking = []
        for other in others:
            for kind, which in (("video", 0), ("audio", 1)):
                key = (str(other.id), kind)
                if now.get(key, (0, 0.0))[which] <= then.get(key, (0, 0.0))[which]:
                    lacking.append(f"{self.name} has no new {kind} of {other.name}")
        return lacking


async def all_see_and_hear(people: list[Someone], *, seconds: float) -> None:
    """Wait until everybody has decoded new pictures and heard new sound of everybody else."""
    await see_and_hear(
        [(one, [other for other in people if other is not one]) for one in people], seconds=seconds
    )


async def see_and_hear(pairs: list[tuple[Someone, list[Someone]]], *, seconds: float) -> None:
    """Wait until each has decoded new pictures and heard new sound of the others named with them."""
    before = {one.name: await one.peer.look() for one, _ in pairs}
    deadline = time.monotonic() + seconds
    while True:
        lacking = [
            text for one, others in pairs for text in await one.lacks(others, before[one.name])
        ]
        if not lacking:
            return
        assert time.monotonic() < deadline, f"within {seconds:g} s: {'; '.join(lacking)}"
        await asyncio.sleep(0.5)

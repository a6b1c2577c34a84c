"""aiortc's own peer connection: the participant of `teleward demo`, able to be looked at."""

from teleward_cli.people.peer import Peer

from teleward_testing.families.seen import Seen, SlotSeen


class AiortcPeer(Peer):
    """A `Peer` that says what it sees as the other families do."""

    async def look(self) -> Seen:
        """Look at what was decoded; aiortc does not tell which codec it was."""
        slots = {
            mid: SlotSeen(one.kind, frames=one.frames, energy=one.energy)
            for mid, one in self.received.items()
        }
        return Seen(self.state, self.cipher, slots)

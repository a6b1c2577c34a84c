"""What is said in writing in one call, as far back as somebody may have missed it."""

from collections import deque
from dataclasses import dataclass

from teleward_contract.units import ParticipantId

KEPT = 100
"""Messages kept for those who return: an hour of a lively call; at most 800 KB of text, gone with the call. Ours."""
RATE, BURST = 1.0, 10.0
"""Messages a second of one participant, and at once: more than anybody types. Ours."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message; numbers rise by one in a call."""

    number: int
    by: ParticipantId
    text: str
    unseen_by: frozenset[ParticipantId]
    """Who was held when it was said: it is none of theirs, later neither."""


class Chat:
    """The messages of one call."""

    def __init__(self) -> None:
        self.last = 0
        """Number of the last message; 0 before the first."""
        self._kept: deque[Message] = deque(maxlen=KEPT)

    def say(self, by: ParticipantId, text: str, unseen_by: frozenset[ParticipantId]) -> Message:
        """Keep a message."""
        self.last += 1
        message = Message(self.last, by, text, unseen_by)
        self._kept.append(message)
        return message

    def since(self, number: int, participant: ParticipantId) -> tuple[Message, ...]:
        """What was said to a participant after this number, as far as it is kept."""
        return tuple(
            message
            for message in self._kept
            if message.number > number and participant not in message.unseen_by
        )

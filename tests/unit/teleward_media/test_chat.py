"""A chat is numbered, kept as far as it goes, and shown to whom it was said."""

from teleward_contract.units import ParticipantId
from teleward_media.core.chat import KEPT, Chat

ADA, BEN = ParticipantId("ada"), ParticipantId("ben")


def texts(chat: Chat, since: int, participant: ParticipantId) -> list[str]:
    return [message.text for message in chat.since(since, participant)]


def test_messages_are_numbered_from_one() -> None:
    chat = Chat()

    assert [chat.say(ADA, text, frozenset()).number for text in "abc"] == [1, 2, 3]
    assert chat.last == 3
    assert texts(chat, 1, BEN) == ["b", "c"]


def test_what_was_said_while_somebody_was_held_is_never_theirs() -> None:
    chat = Chat()
    chat.say(ADA, "before", frozenset())
    chat.say(ADA, "between us", frozenset({BEN}))
    chat.say(ADA, "after", frozenset())

    assert texts(chat, 0, BEN) == ["before", "after"]
    assert texts(chat, 0, ADA) == ["before", "between us", "after"]


def test_a_long_chat_is_kept_from_its_end() -> None:
    chat = Chat()
    for n in range(KEPT + 10):
        chat.say(ADA, str(n), frozenset())

    assert texts(chat, 0, BEN) == [str(n) for n in range(10, KEPT + 10)]

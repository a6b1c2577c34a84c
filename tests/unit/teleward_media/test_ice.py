"""A peer is answered where it asks from, and sent to only where somebody with its password answers."""

import pytest
from aioice import stun as oracle
from teleward_contract.units import Seconds
from teleward_media.core.ice import (
    CHECK_EVERY_S,
    CHECK_LIVES_S,
    MAX_PATHS,
    Credentials,
    IceLite,
    Outcome,
    Source,
)
from teleward_media.core.stun import read_binding

OURS = Credentials("ours", b"our-password-of-22-ch", "thrs", b"their-password-22-cha")
FRESH = Credentials("new0", b"our-next-password-22-", "new1", b"their-next-password-2")


def at(last: int) -> Source:
    """An address; the number is all that differs."""
    address = bytes([192, 0, 2, last])
    return Source(b"raw" + address, 4, address, 5000 + last)


class World:
    """One agent, and what a client does to it."""

    def __init__(self, *, proved: bool = True) -> None:
        self.ice = IceLite(OURS, b"12345678", Seconds(0))
        self.now = Seconds(100)
        self.checks = 0
        if proved:
            self.ask(at(1))
            (check,) = self.ice.came(at(1), 169, b"ours-ours-12", Seconds(99)).replies
            self.answer(check, at(1))

    def ask(
        self, source: Source, *, nominates: bool = True, free: bool = True,
        by: Credentials = OURS, password: bytes | None = None, bare: bool = False,
    ) -> Outcome:  # fmt: skip
        """A client's check."""
        self.checks += 1
        message = oracle.Message(
            oracle.Method.BINDING, oracle.Class.REQUEST,
            transaction_id=self.checks.to_bytes(12, "big"),
        )  # fmt: skip
        message.attributes["USERNAME"] = f"{by.ufrag}:{by.remote_ufrag}"
        if not bare:
            message.attributes["PRIORITY"] = 1
            message.attributes["ICE-CONTROLLING"] = 7
        if nominates:
            message.attributes["USE-CANDIDATE"] = None
        message.add_message_integrity(by.password if password is None else password)
        message.add_fingerprint()
        datagram = bytes(message)
        binding = read_binding(datagram)
        assert binding is not None
        ours = (1000 + self.checks).to_bytes(12, "big")
        return self.ice.request(datagram, binding, source, ours, self.now, is_free=free)

    def answer(
        self, check: bytes, source: Source, *, password: bytes = OURS.remote_password
    ) -> Outcome:
        """A client's answer to a check of ours."""
        asked = oracle.parse_message(check)
        assert asked.check_message_integrity(
            OURS.remote_password
        ) or asked.check_message_integrity(FRESH.remote_password)
        message = oracle.Message(
            oracle.Method.BINDING, oracle.Class.RESPONSE, transaction_id=asked.transaction_id
        )
        message.attributes["XOR-MAPPED-ADDRESS"] = ("192.0.2.9", 9)
        message.add_message_integrity(password)
        datagram = bytes(message)
        binding = read_binding(datagram)
        assert binding is not None
        return self.ice.answer(datagram, binding, source, self.now)

    @property
    def goes_to(self) -> Source | None:
        return self.ice.selected.source if self.ice.selected else None


def kind(datagram: bytes) -> oracle.Class:
    return oracle.parse_message(datagram).message_class


def test_the_first_address_that_asks_is_answered_and_not_yet_sent_to() -> None:
    world = World(proved=False)

    outcome = world.ask(at(1), nominates=False)

    assert [kind(one) for one in outcome.replies] == [oracle.Class.RESPONSE]
    assert outcome.learned is not None
    assert world.goes_to is None
    assert world.ice.heard_at == world.now


def test_a_peer_moves_when_the_new_address_has_answered_and_its_own_question_is_then_answered() -> (
    None
):
    world = World()

    asked = world.ask(at(2))
    assert [kind(one) for one in asked.replies] == [oracle.Class.REQUEST]
    assert world.goes_to == at(1), "nothing is proved yet"
    moved = world.answer(asked.replies[0], at(2))

    assert (moved.event, world.goes_to) == ("moved", at(2))
    (reply,) = moved.replies
    assert oracle.parse_message(reply).transaction_id == world.checks.to_bytes(12, "big")


def test_an_address_that_does_not_nominate_is_answered_and_moves_nobody() -> None:
    world = World()

    outcome = world.ask(at(2), nominates=False)

    assert [kind(one) for one in outcome.replies] == [oracle.Class.RESPONSE]
    assert (outcome.learned, world.goes_to) == (None, at(1))


@pytest.mark.parametrize("bare", [False, True], ids=["of a browser", "shorter than ours"])
def test_a_spoofed_sender_gets_no_more_bytes_than_it_sent_and_moves_nobody(bare: bool) -> None:
    """`bare` are checks without what RFC 8445 §7.1 demands: ours is longer than one of them."""
    world = World()
    sent = received = 0
    for step in range(200):
        world.now = Seconds(100 + step / 50)
        before = world.ice.paths.get(at(7).raw)
        outcome = world.ask(at(7), bare=bare)
        path = before or world.ice.paths[at(7).raw]
        received = path.received
        sent += sum(len(one) for one in outcome.replies)
        assert sent < received

    assert sent > 0
    assert world.goes_to == at(1)


def test_checks_of_ours_have_a_rate_and_are_the_same_question_while_it_lives() -> None:
    world = World()
    (first,) = world.ask(at(2)).replies

    assert world.ask(at(2)).event == "drop_check_rate"
    assert world.ask(at(3)).event == "drop_check_rate"
    world.now = Seconds(world.now + 1.1 * CHECK_EVERY_S)
    (second,) = world.ask(at(2)).replies
    assert first == second
    world.now = Seconds(world.now + CHECK_LIVES_S + 1)
    (third,) = world.ask(at(2)).replies

    assert third != first
    assert world.answer(first, at(2)).event == "drop_stun_other"


@pytest.mark.parametrize(
    ("sender", "password", "event"),
    [(3, OURS.remote_password, "drop_stun_other"), (2, b"guessed", "drop_stun_integrity"),
     (1, OURS.remote_password, "drop_stun_other")],
    ids=["from elsewhere", "by somebody else", "from where it is"],
)  # fmt: skip
def test_an_answer_moves_a_peer_only_from_the_address_that_was_asked_and_with_its_password(
    sender: int, password: bytes, event: str
) -> None:
    world = World()
    (check,) = world.ask(at(2)).replies

    assert world.answer(check, at(sender), password=password).event == event
    assert world.goes_to == at(1)


def test_an_answer_that_comes_too_late_moves_nobody() -> None:
    world = World()
    (check,) = world.ask(at(2)).replies
    world.now = Seconds(world.now + CHECK_LIVES_S + 0.1)

    assert world.answer(check, at(2)).event == "drop_stun_other"


def test_an_answer_said_twice_moves_once_and_moving_back_needs_an_answer_of_its_own() -> None:
    world = World()
    (check,) = world.ask(at(2)).replies
    world.answer(check, at(2))
    world.now = Seconds(world.now + 1)

    (back,) = world.ask(at(1)).replies
    assert world.answer(check, at(2)).event == "drop_stun_other"
    assert world.goes_to == at(2)
    assert world.answer(back, at(1)).event == "moved"


def test_another_peers_address_is_not_taken() -> None:
    world = World()

    outcome = world.ask(at(2), free=False)

    assert (outcome.event, outcome.replies) == ("drop_taken_address", ())


def test_who_does_not_know_the_password_or_the_names_changes_nothing() -> None:
    world = World(proved=False)

    assert world.ask(at(1), password=b"guessed").event == "drop_stun_integrity"
    assert world.ask(at(1), by=FRESH).event == "drop_stun_unknown"
    assert world.goes_to is None


def test_so_many_addresses_are_remembered_and_the_one_in_use_stays() -> None:
    world = World()
    for number in range(2, 20):
        world.now = Seconds(world.now + 1)
        world.ask(at(number))

    assert len(world.ice.paths) == MAX_PATHS
    assert world.goes_to == at(1)
    assert at(1).raw in world.ice.paths


def test_a_restart_holds_beside_the_old_names_until_it_is_used() -> None:
    world = World()
    assert world.ice.restart(FRESH) is None

    assert world.ask(at(1)).replies, "the old ones still hold"
    assert world.ask(at(1), by=FRESH).replies
    assert world.ask(at(1)).event == "drop_stun_unknown"
    assert world.goes_to == at(1)


def test_a_restart_from_another_address_asks_with_the_new_names() -> None:
    world = World()
    world.ice.restart(FRESH)

    (check,) = world.ask(at(2), by=FRESH).replies

    assert oracle.parse_message(check).attributes["USERNAME"] == "new1:new0"
    assert world.answer(check, at(2), password=OURS.remote_password).event == "drop_stun_integrity"
    assert world.answer(check, at(2), password=FRESH.remote_password).event == "moved"


def test_a_restart_that_nobody_followed_is_forgotten_with_the_next() -> None:
    world = World()
    world.ice.restart(FRESH)

    assert world.ice.restart(OURS) == FRESH.ufrag


def test_a_first_address_is_answered_then_asked_and_never_sent_more_than_it_sent() -> None:
    world = World(proved=False)
    kinds = []
    for _ in range(4):
        world.now = Seconds(world.now + 1.1 * CHECK_EVERY_S)
        kinds.append([kind(one) for one in world.ask(at(1)).replies])

    asked, answered = oracle.Class.REQUEST, oracle.Class.RESPONSE
    assert kinds == [[answered], [asked], [answered], [asked, answered]]
    path = world.ice.paths[at(1).raw]
    assert 0 < path.sent < path.received


def test_a_client_hello_from_a_first_address_pays_for_our_check() -> None:
    world = World(proved=False)
    world.ask(at(1))

    (check,) = world.ice.came(at(1), 169, b"ours-ours-12", world.now).replies
    assert world.ice.came(at(1), 169, b"ours-ours-12", world.now).replies == (), "asked just now"
    assert world.goes_to is None
    outcome = world.answer(check, at(1))

    assert (outcome.event, outcome.replies) == ("proved", ())
    assert world.goes_to == at(1)


def test_of_two_first_addresses_the_one_that_answers_is_taken() -> None:
    world = World(proved=False)
    assert world.ask(at(1)).learned is not None
    assert world.ask(at(2)).learned is not None

    (check,) = world.ice.came(at(2), 169, b"ours-ours-12", world.now).replies
    assert world.answer(check, at(1)).event == "drop_stun_other"
    assert world.answer(check, at(2)).event == "proved"

    assert world.goes_to == at(2)


def test_a_peer_whose_address_another_has_now_is_sent_to_nowhere_until_it_proves_one() -> None:
    world = World()
    world.ice.lose(at(1).raw)
    world.ice.lose(at(1).raw)
    assert world.goes_to is None

    (answered,) = world.ask(at(2), nominates=False).replies
    assert kind(answered) is oracle.Class.RESPONSE
    assert world.goes_to is None
    (check,) = world.ask(at(2)).replies
    assert world.answer(check, at(2)).event == "proved"
    assert world.goes_to == at(2)


def test_losing_an_address_that_is_not_in_use_changes_nothing() -> None:
    world = World()
    world.ask(at(2))
    world.ice.lose(at(2).raw)

    assert world.goes_to == at(1)


def test_a_check_too_short_to_be_answered_is_not() -> None:
    world = World(proved=False)
    message = oracle.Message(oracle.Method.BINDING, oracle.Class.REQUEST, transaction_id=bytes(12))
    short = Credentials("o", b"p", "t", b"q")
    message.attributes["USERNAME"] = "o:t"
    message.add_message_integrity(short.password)
    ice = IceLite(short, bytes(8), Seconds(0))
    datagram = bytes(message)[:-8]  # without its fingerprint
    datagram = datagram[:2] + (len(datagram) - 20).to_bytes(2, "big") + datagram[4:]
    binding = read_binding(datagram)
    assert binding is not None

    outcome = ice.request(datagram, binding, at(1), bytes(12), world.now, is_free=True)

    assert (outcome.replies, outcome.event) == ((), "drop_check_rate")

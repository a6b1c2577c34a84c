"""Guests at the gateway's real doors: who opens, guesses, forges or walks on is let nowhere, and is told nothing."""

import asyncio
import json

import pytest
from teleward_cli.demo.client import CallSocket, RefusedAnswerError, SocketEndedError, Visitor
from teleward_cli.demo.frames import Refusal, Unknown
from teleward_contract.signalling import ParticipantRole, Ready
from teleward_gateway.core.guests import MAX_LABEL, GuestAction, GuestState, guest_changes
from teleward_gateway.core.tickets import guest_cookie, visit_cookie
from teleward_gateway.usecases.host_guests import REFUSING_AT_ONCE
from teleward_gateway.web.guests import FRAMES_AT_ONCE
from teleward_testing.doors import NOT_FOUND, first, knock_at_call, knock_at_guest_socket
from teleward_testing.guest_house import (
    ADA,
    BEN,
    GUEST_CALL,
    HARBOUR,
    WITHIN_S,
    GuestHouse,
    refused,
    until,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAGE, REDEEM = "/g/harbour/cardiology", "/api/guests/harbour/cardiology/redeem"
LOOKED_AT_S = 3.0
"""Three times as long as a gateway takes to look whether somebody may stay."""


# ── the link ──────────────────────────────────────────────────────────────────────────────────


async def test_the_secret_stands_behind_the_hash_and_nowhere_else(
    house: GuestHouse, ada: Visitor
) -> None:
    link = await house.invite(ada, "meeting", "ward")
    address, _, secret = link.url.partition("#")

    assert address == f"{house.gateway.url}{PAGE}"
    assert len(secret) >= 32, "192 random bits"
    held = [str(key) for key in await house.store.redis.keys("*")]
    texts = [str(await house.store.redis.get(key)) for key in held if ":guest:" in key]
    assert texts, "there is a record"
    assert not [one for one in (*held, *texts) if secret in one]
    assert secret not in house.gateway.log.read_text()


async def test_a_scanner_that_opens_the_page_uses_nothing_up(
    house: GuestHouse, ada: Visitor
) -> None:
    link = await house.invite(ada, "meeting", "ward")
    scanner = house.person()

    for method in ("GET", "HEAD", "GET"):
        assert (await scanner.request(method, PAGE))[0] == 200
    assert (await scanner.request("GET", REDEEM))[0] in (404, 405)
    assert (await scanner.request("GET", "/api/guests/harbour/cardiology"))[0] == 200

    assert await house.state(link) is GuestState.INVITED
    assert guest_cookie("harbour", "cardiology") not in scanner.cookies
    await house.knocks(link)


async def test_unknown_used_revoked_refused_and_elsewheres_links_are_one_answer(
    house: GuestHouse, ada: Visitor
) -> None:
    used, revoked, refused_ = [await house.invite(ada, "meeting", "ward") for _ in range(3)]
    elsewhere = await ada.invite("harbour", "eyes", "meeting", "ward")
    await house.knocks(used)
    await house.knocks(refused_)
    await house.decide(ada, refused_, "refuse")
    await house.decide(ada, revoked, "revoke")
    secrets = [used.secret, revoked.secret, refused_.secret, elsewhere.secret, "x" * 32, ""]

    answers = set()
    for secret in secrets:
        person = house.person()
        body = {"secret": secret, "claim": person.claim, "name": "Ida"}
        answers.add(await person.request("POST", REDEEM, body))
        assert person.cookies == {}

    assert len(answers) == 1, "to the byte"
    ((status, text),) = answers
    assert (status, json.loads(text)["error"]["code"]) == (404, "unknown_link")


async def test_guessing_is_bounded_and_locks_nobody_out(house: GuestHouse, ada: Visitor) -> None:
    link = await house.invite(ada, "meeting", "ward")
    guesser = house.person()

    async def guess(number: int) -> int:
        body = {"secret": f"guess-{number}", "claim": guesser.claim, "name": "Eve"}
        return (await guesser.request("POST", REDEEM, body))[0]

    answers = await asyncio.gather(*(guess(n) for n in range(2 * REFUSING_AT_ONCE)))

    assert set(answers) <= {404, 429}
    assert answers.count(404) >= 1
    await house.knocks(link)


async def test_the_browser_that_used_it_may_ask_again_and_no_other(
    house: GuestHouse, ada: Visitor
) -> None:
    link = await house.invite(ada, "meeting", "ward")
    ida = await house.knocks(link)
    first = dict(ida.cookies)

    ida.cookies.clear()
    await ida.redeem("harbour", "cardiology", link.secret, "Ida")

    assert list(ida.cookies) == list(first) == [guest_cookie("harbour", "cardiology")]
    assert await refused(house.knocks(link)) == "unknown_link"


@pytest.mark.parametrize("minutes", [0, 4, 10_081, "60", 5.5, -1])
async def test_how_long_it_is_good_is_bounded(
    house: GuestHouse, ada: Visitor, minutes: object
) -> None:
    assert (
        await refused(house.invite(ada, "meeting", "ward", minutes=minutes)) == "invalid_request"
    )


async def test_a_label_is_bounded_and_cleaned(house: GuestHouse, ada: Visitor) -> None:
    long = house.invite(ada, "meeting", "ward", label="x" * (MAX_LABEL + 1))
    assert await refused(long) == "too_long"

    link = await house.invite(ada, "meeting", "ward", label="In\u202eter\x00preter ")

    guest = await house.guest(link)
    assert guest is not None
    assert guest.label == "Interpreter"


# ── the name ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["", " ", "\u200d\u200d", "\u202e", "x" * 81])
async def test_a_name_that_is_none_uses_nothing_up(
    house: GuestHouse, ada: Visitor, name: str
) -> None:
    link = await house.invite(ada, "meeting", "ward")

    assert await refused(house.knocks(link, name)) == "invalid_entry"
    assert await refused(house.knocks(link, "x" * 10_000)) == "invalid_request"
    assert await house.state(link) is GuestState.INVITED


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"),
        ("Ida\u202e nimda", "Ida nimda"),
        ("  I\nd\ta  ", "I d a"),
        ("ليلى", "ليلى"),
    ],
)
async def test_markup_is_text_and_nothing_turns_the_line_round(
    house: GuestHouse, ada: Visitor, name: str, shown: str
) -> None:
    link = await house.invite(ada, "meeting", "ward")
    await house.knocks(link, name)

    _, guests, _ = await house.seen_by(ada)

    assert [one.name for one in guests if one.guest == link.guest] == [shown]
    await house.decide(ada, link, "revoke")


# ── the pass ──────────────────────────────────────────────────────────────────────────────────


async def test_a_pass_that_was_bent_or_carried_elsewhere_is_none(
    house: GuestHouse, ada: Visitor
) -> None:
    ida, link = await house.admitted(ada)
    patient, _ = await house.patient("Pat")
    (name, value), (_, ticket) = *ida.cookies.items(), *patient.cookies.items()
    bent = value[:40] + ("A" if value[40] != "A" else "B") + value[41:]
    forged = [
        {name: bent}, {name: value[:-4]}, {name: ""}, {name: ticket},
        {visit_cookie("harbour", "cardiology"): value}, {guest_cookie("harbour", "eyes"): value},
    ]  # fmt: skip

    for cookies in forged:
        thief = house.person()
        thief.cookies = cookies
        for clinic in ("cardiology", "eyes"):
            assert await knock_at_guest_socket(thief, "harbour", clinic) == NOT_FOUND
            assert await knock_at_call(thief, f"/ws/call/guest/harbour/{clinic}") == NOT_FOUND
    assert await knock_at_call(ida, GUEST_CALL) != NOT_FOUND
    assert await house.state(link) is GuestState.ADMITTED
    await house.decide(ada, link, "revoke")


async def test_a_guest_gets_into_no_other_room_no_visit_and_no_dashboard(
    house: GuestHouse, ada: Visitor
) -> None:
    ida, link = await house.admitted(ada)
    _, visit = await house.in_consultation(ada, "Quinn")

    for path in (
        "/ws/call/room/harbour/cardiology/meeting/ward",
        "/ws/call/room/harbour/cardiology/meeting/open",
        "/ws/call/room/harbour/cardiology/user/ada",
        f"/ws/call/visit/{visit}",
        "/ws/call/visit/harbour/cardiology",
        "/ws/call/guest/harbour/eyes",
    ):
        assert await knock_at_call(ida, path) == NOT_FOUND
    assert (await ida.request("GET", "/api/staff/me"))[0] == 401
    assert await refused(house.decide(ida, link, "admit")) == "sign_in"
    await house.decide(ada, link, "revoke")
    await house.act(ada, visit, "end")


async def test_who_only_knocks_has_no_call_and_is_told_of_nobody(
    house: GuestHouse, ada: Visitor
) -> None:
    first, second = [await house.invite(ada, "meeting", "ward") for _ in range(2)]
    ida, eve = await house.knocks(first, "Ida-Canary"), await house.knocks(second, "Eve")

    assert await knock_at_call(eve, GUEST_CALL) == NOT_FOUND
    async with (
        asyncio.timeout(WITHIN_S),
        await eve.knock("harbour", "cardiology", "Eve") as socket,
    ):
        told = [await socket.receive_text()]
        await house.decide(ada, first, "admit")
        await house.decide(ada, second, "admit")
        told.append(await socket.receive_text())

    assert [json.loads(one) for one in told] == [
        {
            "type": "guest",
            "state": word,
            "place": "meeting",
            "room": "Ward",
            "clinic": "Cardiology",
        }
        for word in ("knocking", "admitted")
    ]
    assert await knock_at_call(ida, GUEST_CALL) != NOT_FOUND
    for link in (first, second):
        await house.decide(ada, link, "revoke")


# ── what staff decide ─────────────────────────────────────────────────────────────────────────


async def test_of_admitting_and_refusing_the_first_counts_and_the_other_is_told_who(
    house: GuestHouse, ada: Visitor, ben: Visitor
) -> None:
    link = await house.invite(ada, "meeting", "ward")
    await house.knocks(link)
    await house.decide(ada, link, "refuse")

    with pytest.raises(RefusedAnswerError) as err:
        await house.decide(ben, link, "admit")

    assert (err.value.status, err.value.code, err.value.by) == (409, "taken", "Dr Ada")


async def test_revoking_takes_the_guest_out_of_the_call(house: GuestHouse, ada: Visitor) -> None:
    ida, link = await house.admitted(ada)
    async with (
        asyncio.timeout(WITHIN_S),
        await ida.knock("harbour", "cardiology", "Ida") as socket,
        await ida.call(GUEST_CALL) as call,
    ):
        await socket.until("admitted")
        await house.decide(ada, link, "revoke")

        while not isinstance(await socket.receive(), Unknown):
            pass
        assert await how_it_ends(call) == 1000
        removed = ("remove", house.control.newest(ParticipantRole.GUEST))
        assert removed in house.control.commands(), "whatever the page does"
    assert await knock_at_call(ida, GUEST_CALL) == NOT_FOUND
    assert await house.guest(link) is None


async def how_it_ends(call: CallSocket) -> int | None:
    """Read a call socket until it closes: the code."""
    try:
        while True:
            await call.receive()
    except SocketEndedError as err:
        return err.close_code


async def test_an_open_room_lets_in_who_knocks_unless_it_is_locked_or_they_were_put_out(
    house: GuestHouse, ada: Visitor
) -> None:
    link, locked = [await house.invite(ada, "meeting", name) for name in ("open", "shut")]
    ida, eve = await house.knocks(link), await house.knocks(locked)
    assert await house.state(link) is GuestState.ADMITTED
    assert await house.state(locked) is GuestState.KNOCKING
    assert await refused(house.decide(ada, locked, "admit")) == "locked"
    assert await knock_at_call(eve, GUEST_CALL) == NOT_FOUND

    removed = guest_changes(GuestAction.REMOVE, ADA)
    await house.guests.change(HARBOUR, link.guest, GuestAction.REMOVE, removed)
    assert await knock_at_call(ida, GUEST_CALL) == NOT_FOUND
    async with (
        asyncio.timeout(WITHIN_S),
        await ida.knock("harbour", "cardiology", "Ida") as socket,
    ):
        await socket.until("removed")
        await socket.send_text('{"type": "knock"}')
        await socket.until("knocking")
        await house.decide(ada, link, "admit")
        await socket.until("admitted")


async def test_a_room_that_is_full_says_so_and_the_guest_knocks_on(
    house: GuestHouse, ada: Visitor
) -> None:
    link = await house.invite(ada, "meeting", "small")
    await house.knocks(link)
    async with (
        asyncio.timeout(WITHIN_S),
        await ada.call("/ws/call/room/harbour/cardiology/meeting/small") as one,
        await (await house.staff(BEN)).call(
            "/ws/call/room/harbour/cardiology/meeting/small"
        ) as two,
    ):
        await one.receive()
        await two.receive()
        await until(lambda: house.shows(ada, "uid-small", ("Dr Ada", "Dr Ben")))
        assert await refused(house.decide(ada, link, "admit")) == "full"
        assert await house.state(link) is GuestState.KNOCKING
    await until(lambda: house.shows(ada, "uid-small", ()))
    await house.decide(ada, link, "admit")
    await house.decide(ada, link, "revoke")


async def test_who_leaves_comes_back_only_by_knocking_and_nobody_keeps_the_name(
    house: GuestHouse, ada: Visitor
) -> None:
    ida, link = await house.admitted(ada)
    async with (
        asyncio.timeout(WITHIN_S),
        await ida.knock("harbour", "cardiology", "Ida") as socket,
    ):
        await socket.until("admitted")
        await socket.send_text('{"type": "leave"}')
        await socket.until("left")
        guest = await house.guest(link)
        assert guest is not None
        assert guest.name == ""
        assert await knock_at_call(ida, GUEST_CALL) == NOT_FOUND
        await socket.send_text('{"type": "knock"}')
        await socket.until("knocking")
    await house.decide(ada, link, "revoke")


async def test_nothing_that_a_guest_says_is_logged(house: GuestHouse, ada: Visitor) -> None:
    link = await house.invite(ada, "meeting", "ward", label="Zanzibar-Label")
    ida = await house.knocks(link, "Zanzibar-Quokka")
    await house.decide(ada, link, "admit")
    await knock_at_call(ida, GUEST_CALL)
    await house.decide(ada, link, "revoke")

    log = house.gateway.log.read_text()
    assert "guest.revoked" in log
    assert [
        word for word in ("Zanzibar", link.secret, ida.claim, *ida.cookies.values()) if word in log
    ] == []


async def test_who_knocks_without_end_is_told_to_stop(house: GuestHouse, ada: Visitor) -> None:
    link = await house.invite(ada, "meeting", "ward")
    ida = await house.knocks(link)
    async with (
        asyncio.timeout(WITHIN_S),
        await ida.knock("harbour", "cardiology", "Ida") as socket,
    ):
        for _ in range(FRAMES_AT_ONCE + 1):
            await socket.send_text('{"type": "knock"}')
        while not isinstance(frame := await socket.receive(), Refusal):
            pass
    assert frame.code == "too_fast"
    await house.decide(ada, link, "revoke")


async def test_a_store_that_was_emptied_ends_no_guests_call_and_brings_nobody_new_in(
    house: GuestHouse, ada: Visitor
) -> None:
    ida, link = await house.admitted(ada)
    fresh = await house.invite(ada, "meeting", "ward")
    async with (
        asyncio.timeout(2 * WITHIN_S),
        await ida.knock("harbour", "cardiology", "Ida") as socket,
        await ida.call(GUEST_CALL) as call,
    ):
        await socket.until("admitted")
        await first(call, Ready)
        await house.empty()

        assert (await socket.receive()).type == "wait"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(LOOKED_AT_S):
                await how_it_ends(call)
    assert await knock_at_call(ida, GUEST_CALL) == NOT_FOUND
    assert await knock_at_guest_socket(ida, "harbour", "cardiology") == NOT_FOUND
    assert await refused(house.knocks(fresh)) == "unknown_link"
    assert await house.guest(link) is None

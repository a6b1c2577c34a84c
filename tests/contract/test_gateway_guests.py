"""Guests at the gateway's real doors: who opens, guesses, forges or walks on is let nowhere, and is told nothing."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
from teleward_cli.demo.client import CallSocket, RefusedAnswerError, SocketEndedError, Visitor
from teleward_cli.demo.frames import Invited, Refusal, Unknown
from teleward_contract.signalling import ParticipantRole, Ready, Remove
from teleward_gateway.core.guests import MAX_LABEL, GuestAction, GuestState, guest_changes
from teleward_gateway.core.tickets import guest_cookie, visit_cookie
from teleward_gateway.core.visits import VisitAction
from teleward_gateway.usecases.host_guests import REFUSING_AT_ONCE
from teleward_gateway.web.guests import FRAMES_AT_ONCE
from teleward_testing import browser
from teleward_testing.doors import NOT_FOUND, first, knock_at_call, knock_at_guest_socket
from teleward_testing.guest_house import ADA, BEN, CAPACITY, DESK, HARBOUR, GuestHouse, guest_house
from teleward_testing.valkey import RunningValkey

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAGE, REDEEM = "/g/harbour/cardiology", "/api/guests/harbour/cardiology/redeem"
GUEST_CALL = "/ws/call/guest/harbour/cardiology"
WITHIN_S = 15.0
LOOKED_AT_S = 3.0
"""Three times as long as a gateway takes to look whether somebody may stay."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(
    valkey: RunningValkey, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[GuestHouse]:
    async with guest_house(valkey, tmp_path_factory.mktemp("keys")) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def ada(house: GuestHouse) -> Visitor:
    return await house.staff(ADA)


@pytest_asyncio.fixture(loop_scope="module")
async def ben(house: GuestHouse) -> Visitor:
    return await house.staff(BEN)


async def refused(answer: Awaitable[object]) -> str:
    """The code with which this is refused."""
    with pytest.raises(RefusedAnswerError) as err:
        await answer
    return err.value.code


async def state(house: GuestHouse, link: Invited) -> GuestState | None:
    guest = await house.guest(link)
    return guest.state if guest else None


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

    assert await state(house, link) is GuestState.INVITED
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
    assert await state(house, link) is GuestState.INVITED


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
    assert await state(house, link) is GuestState.ADMITTED
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
    assert await state(house, link) is GuestState.ADMITTED
    assert await state(house, locked) is GuestState.KNOCKING
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
        await until(lambda: is_shown_in(house, ada, "uid-small", ("Dr Ada", "Dr Ben")))
        assert await refused(house.decide(ada, link, "admit")) == "full"
        assert await state(house, link) is GuestState.KNOCKING
    await until(lambda: is_shown_in(house, ada, "uid-small", ()))
    await house.decide(ada, link, "admit")
    await house.decide(ada, link, "revoke")


async def is_shown_in(house: GuestHouse, who: Visitor, room: str, names: tuple[str, ...]) -> bool:
    _, _, rooms = await house.seen_by(who)
    return rooms.get(room, ()) == names


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    """Wait until it is so."""
    await browser.until("it is so", is_so, seconds=WITHIN_S, every=0.1)


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


# ── user rooms ────────────────────────────────────────────────────────────────────────────────


async def test_a_user_room_is_its_owners_and_others_see_neither_its_guests_nor_who_is_in_it(
    house: GuestHouse, ada: Visitor, ben: Visitor
) -> None:
    link = await house.invite(ada, "user", "ada")
    ida = await house.knocks(link)
    desk = await house.staff(DESK)

    for other in (ben, desk):
        assert await refused(house.invite(other, "user", "ada")) == "not_found"
        for what in ("admit", "refuse", "revoke"):
            assert await refused(house.decide(other, link, what)) == "not_found"
        _, guests, _ = await house.seen_by(other)
        assert link.guest not in {one.guest for one in guests}
    _, guests, _ = await house.seen_by(ada)
    assert link.guest in {one.guest for one in guests}
    await house.decide(ada, link, "admit")
    async with asyncio.timeout(WITHIN_S), await ida.call(GUEST_CALL) as call:
        await call.receive()
        await until(lambda: is_shown_in(house, ada, "uid-ada", ("Ida",)))
        assert await is_shown_in(house, ben, "uid-ada", ())
        assert await is_shown_in(house, desk, "uid-ada", ())
    await house.decide(ada, link, "revoke")


async def test_patients_are_called_into_a_user_room_that_says_so_by_its_owner_alone(
    house: GuestHouse, ada: Visitor, ben: Visitor
) -> None:
    pat, visit = await house.patient("Vera")

    assert await refused(house.act(ben, visit, "call-in", room="ada")) == "not_found"
    assert await refused(house.act(ada, visit, "call-in", room="private")) == "no_patients"
    assert await refused(house.act(ada, visit, "call-in", room="nowhere")) == "not_found"
    assert (await house.visit(visit)).state == "waiting"

    await house.act(ada, visit, "call-in", room="ada")
    called = await house.visit(visit)
    assert (called.state, called.called_by, called.call) == ("called", ADA, "room:uid-ada")
    assert await knock_at_call(pat, "/ws/call/visit/harbour/cardiology") != NOT_FOUND
    assert await knock_at_call(ben, f"/ws/call/visit/{visit}") == NOT_FOUND, "not by the visit"
    assert await refused(house.act(ada, visit, "hand-over", to=BEN)) == "in_user_room"

    await house.act(ada, visit, "return")
    assert (await house.visit(visit)).call != "room:uid-ada"
    assert await knock_at_call(pat, "/ws/call/visit/harbour/cardiology") == NOT_FOUND
    await house.act(ada, visit, "end")


# ── consultations ─────────────────────────────────────────────────────────────────────────────


async def test_a_guest_of_a_consultation_is_admitted_to_that_one_and_no_later_one(
    house: GuestHouse, ada: Visitor
) -> None:
    _, visit = await house.patient("Wim")
    assert await refused(house.invite(ada, "visit", visit)) == "not_running"
    assert await refused(house.invite(ada, "visit", "no-such-visit")) == "not_found"
    await house.act(ada, visit, "call-in")
    ida, link = await house.admitted(ada, "visit", visit)
    assert await knock_at_call(ida, GUEST_CALL) != NOT_FOUND

    async with (
        asyncio.timeout(WITHIN_S),
        await ida.knock("harbour", "cardiology", "Ida") as socket,
    ):
        await socket.until("admitted")
        await house.act(ada, visit, "return")
        await socket.until("knocking")
        assert await refused(house.decide(ada, link, "admit")) == "not_running"
        await house.act(ada, visit, "call-in")
        assert await knock_at_call(ida, GUEST_CALL) == NOT_FOUND, "another consultation"
        await house.decide(ada, link, "admit")
        await socket.until("admitted")

        await house.act(ada, visit, "end")
        while not isinstance(await socket.receive(), Unknown):
            pass
    assert await knock_at_call(ida, GUEST_CALL) == NOT_FOUND
    await until(lambda: is_forgotten(house, link))


async def is_forgotten(house: GuestHouse, link: Invited) -> bool:
    return await house.guest(link) is None


async def test_an_added_patient_has_a_state_of_their_own_and_the_call_goes_on_until_the_last(
    house: GuestHouse, ada: Visitor
) -> None:
    _, one = await house.in_consultation(ada, "Xena")
    bert, two = await house.patient("Yves")

    await house.act(ada, two, "add", to=one)
    await house.visits.change(HARBOUR, two, VisitAction.JOIN)

    first, second = await house.visit(one), await house.visit(two)
    assert (second.call, second.called_by, second.state) == (first.call, ADA, "in_consultation")
    rows, _, _ = await house.seen_by(ada)
    assert rows[one].consultation == rows[two].consultation != ""
    await house.act(ada, two, "hold")
    assert ((await house.visit(one)).state, (await house.visit(two)).state) == (
        "in_consultation",
        "on_hold",
    )
    await house.act(ada, two, "resume")
    assert (await house.visit(two)).call == first.call
    house.control.heard.clear()
    await house.act(ada, one, "end")
    assert [what for what, _ in house.control.commands()] == ["remove"], "of the first alone"
    assert (await house.visit(two)).state == "called"
    assert await knock_at_call(bert, "/ws/call/visit/harbour/cardiology") != NOT_FOUND
    assert await knock_at_call(ada, f"/ws/call/visit/{one}") != NOT_FOUND, "it goes on"
    house.control.heard.clear()
    await house.act(ada, two, "end")
    assert [what for what, _ in house.control.commands()] == ["end"]
    assert await knock_at_call(ada, f"/ws/call/visit/{two}") == NOT_FOUND


async def test_who_is_removed_in_the_call_is_to_be_admitted_anew(
    house: GuestHouse, ada: Visitor
) -> None:
    pat, visit = await house.in_consultation(ada, "Hugo")
    ida, link = await house.admitted(ada, "visit", visit)
    async with (
        asyncio.timeout(WITHIN_S),
        await ada.call(f"/ws/call/visit/{visit}") as staff,
        await pat.call("/ws/call/visit/harbour/cardiology") as theirs,
        await ida.call(GUEST_CALL) as guests,
    ):
        for call in (staff, theirs, guests):
            await first(call, Ready)
    async with asyncio.timeout(WITHIN_S), await ada.call(f"/ws/call/visit/{visit}") as staff:
        await first(staff, Ready)
        for role in (ParticipantRole.GUEST, ParticipantRole.PATIENT):
            await staff.send(Remove(participant=house.control.newest(role)))
        await until(lambda: is_on_hold(house, visit))

    assert await state(house, link) is GuestState.REMOVED
    assert await knock_at_call(ida, GUEST_CALL) == NOT_FOUND
    assert await knock_at_call(pat, "/ws/call/visit/harbour/cardiology") == NOT_FOUND
    await house.act(ada, visit, "end")


async def is_on_hold(house: GuestHouse, visit: str) -> bool:
    return (await house.visit(visit)).state == "on_hold"


async def test_nobody_is_added_to_a_consultation_that_is_somebody_elses_over_or_away(
    house: GuestHouse, ada: Visitor, ben: Visitor
) -> None:
    _, one = await house.in_consultation(ada, "Zoe")
    _, two = await house.patient("Abel")

    with pytest.raises(RefusedAnswerError) as err:
        await house.act(ben, two, "add", to=one)
    assert (err.value.code, err.value.by) == ("taken", "Dr Ada")
    assert await refused(house.act(ada, two, "add", to=two)) == "not_running"
    assert await refused(house.act(ada, two, "add", to="no-such-visit")) == "not_running"
    await house.act(ada, one, "end")
    assert await refused(house.act(ada, two, "add", to=one)) == "not_running"
    waits = await house.visit(two)
    assert (waits.state, waits.called_by, waits.into) == ("waiting", "", "")
    await house.act(ada, two, "end")


async def test_without_capacity_nobody_is_added_nor_admitted_and_all_keep_their_places(
    house: GuestHouse, ada: Visitor
) -> None:
    _, one = await house.in_consultation(ada, "Cleo")
    _, two = await house.patient("Dan")
    link = await house.invite(ada, "visit", one)
    await house.knocks(link)
    house.capacity = 2
    await asyncio.sleep(BEATS_S)

    assert await refused(house.act(ada, two, "add", to=one)) == "full"
    assert await refused(house.decide(ada, link, "admit")) == "full"

    assert (await house.visit(two)).state == "waiting"
    assert await state(house, link) is GuestState.KNOCKING
    house.capacity = CAPACITY
    await asyncio.sleep(BEATS_S)
    await house.act(ada, two, "add", to=one)
    await house.decide(ada, link, "admit")
    for visit in (one, two):
        await house.act(ada, visit, "end")


BEATS_S = 1.2
"""Two heartbeats, and a bit."""


async def test_a_consultation_holds_six_and_the_next_is_told_that_it_is_full(
    house: GuestHouse, ada: Visitor
) -> None:
    _, one = await house.in_consultation(ada, "Eli")
    others = [(await house.patient(f"Other {n}"))[1] for n in range(5)]

    for visit in others[:4]:
        await house.act(ada, visit, "add", to=one)
    assert await refused(house.act(ada, others[4], "add", to=one)) == "full"

    for visit in (one, *others):
        await house.act(ada, visit, "end")


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

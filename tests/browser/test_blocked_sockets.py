"""Where a network blocks WebSockets, patients wait and staff see the queue, and both read what will not work."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import pytest_asyncio
from playwright.async_api import expect
from teleward_testing.blocking_proxy import BlockingProxy, Sockets, blocking_proxy
from teleward_testing.front_door import CLINIC, HERE, NAMESPACE, STAFF, front_door
from teleward_testing.gateways import free_address
from teleward_testing.pages import PATIENCE_MS, Guest, Patient, Staff
from teleward_testing.recording import canary
from teleward_testing.valkey import RunningValkey

NewPatient = Callable[[str], Awaitable[Patient]]
NewStaff = Callable[[str], Awaitable[Staff]]
NewGuest = Callable[[str], Awaitable[Guest]]


class Network(NamedTuple):
    """A gateway behind a proxy."""

    url: str
    proxy: BlockingProxy

    @property
    def patient_url(self) -> str:
        return f"{self.url}/c/{HERE}"


@pytest_asyncio.fixture(loop_scope="session")
async def network(tmp_path: Path) -> AsyncIterator[Network]:
    url, inside = free_address(), free_address()
    with RunningValkey() as valkey:
        async with (
            front_door(valkey, tmp_path, at=inside, public_url=url),
            blocking_proxy(url, int(inside.rpartition(":")[2])) as proxy,
        ):
            yield Network(url, proxy)


async def work(staff: NewStaff, network: Network) -> Staff:
    person = await staff("clinician")
    await person.sign_in(network.url, STAFF)
    await person.open_dashboard(network.url, NAMESPACE, CLINIC)
    return person


@pytest.mark.parametrize("how", [Sockets.REFUSE, Sockets.SWALLOW])
async def test_a_patient_waits_and_staff_see_and_act_without_a_single_websocket(
    network: Network, patient: NewPatient, staff: NewStaff, how: Sockets, tmp_path: Path
) -> None:
    network.proxy.sockets = how
    ada, ben = canary("Ada"), canary("Ben")
    waiting = await patient("ada")
    await waiting.page.goto(network.patient_url)
    await waiting.page.get_by_label("Your name").fill(ada)
    await waiting.page.get_by_role("button", name="Enter the waiting area").click()
    await expect(waiting.page.get_by_text("The clinic knows that you are here.")).to_be_visible(
        timeout=2 * PATIENCE_MS
    )
    await expect(waiting.page.get_by_test_id("sockets-blocked")).to_contain_text(
        "another network", timeout=PATIENCE_MS
    )

    desk = await work(staff, network)
    row = desk.page.get_by_role("row").filter(has_text=ada)
    await expect(row).to_be_visible(timeout=2 * PATIENCE_MS)
    await desk.sees("sockets-blocked")
    await expect(row.get_by_test_id("queue-device")).to_contain_text("Chrome", timeout=PATIENCE_MS)
    other = await patient("ben")
    await other.page.goto(network.patient_url)
    await other.page.get_by_label("Your name").fill(ben)
    await other.page.get_by_role("button", name="Enter the waiting area").click()
    await desk.sees_waiting(ben)
    await desk.page.get_by_test_id("message-all").click()
    await desk.page.get_by_label("Message", exact=True).fill("Desk 5, please.")
    await desk.page.get_by_test_id("write-send").click()
    await expect(waiting.page.get_by_test_id("message")).to_contain_text(
        "Desk 5", timeout=PATIENCE_MS
    )
    await waiting.page.screenshot(path=tmp_path / f"waiting-{how.value}.png")
    await desk.page.screenshot(path=tmp_path / f"dashboard-{how.value}.png")
    await row.get_by_test_id("refuse").click()
    await desk.page.get_by_test_id("write-send").click()
    await waiting.sees("refused")

    assert network.proxy.asked > 0
    assert waiting.recording.leaks([ben]) == []


async def test_a_guest_who_knocks_reads_that_the_call_needs_another_network(
    network: Network, staff: NewStaff, guest: NewGuest
) -> None:
    desk, ida = await work(staff, network), await guest("ida")
    await ida.knock(await desk.invite("room"), "Ida")

    await expect(ida.page.get_by_test_id("sockets-blocked")).to_contain_text(
        "another network", timeout=2 * PATIENCE_MS
    )
    network.proxy.sockets = Sockets.PASS
    await ida.reads("They know that you are here.")
    await expect(ida.page.get_by_test_id("sockets-blocked")).to_have_count(0)


async def test_a_tab_remembers_what_is_blocked_and_goes_back_when_it_is_not(
    network: Network, patient: NewPatient
) -> None:
    person = await patient("ada")
    await person.page.goto(network.patient_url)
    await person.page.get_by_label("Your name").fill("Ada")
    await person.page.get_by_role("button", name="Enter the waiting area").click()
    await person.sees("sockets-blocked")
    asked = network.proxy.asked

    await person.page.reload()
    await person.waits()
    assert network.proxy.asked <= asked + 1, "but for one that finds out whether it still is"

    network.proxy.sockets = Sockets.PASS
    network.proxy.drop_all()
    await expect(person.page.get_by_test_id("sockets-blocked")).to_have_count(
        0, timeout=PATIENCE_MS
    )
    await person.waits()


async def test_a_network_that_was_away_for_a_while_is_not_taken_for_one_that_blocks(
    network: Network, patient: NewPatient
) -> None:
    network.proxy.sockets = Sockets.PASS
    person = await patient("ada")
    await person.enter(network.patient_url, "Ada")
    await person.page.context.set_offline(True)
    network.proxy.drop_all()
    await person.reads("We lost the connection for a moment.")
    await person.page.wait_for_timeout(4000)
    await person.page.context.set_offline(False)

    await person.reads("The clinic knows that you are here.")
    await expect(person.page.get_by_test_id("sockets-blocked")).to_have_count(0)

"""A webhook goes to an allowed host by HTTPS and nowhere else, holds no patient's data, and is bounded."""

import asyncio
import json

import httpx2
import pytest
from teleward_contract.projections import ClinicProjection, WaitingAreaProjection
from teleward_contract.units import Namespace
from teleward_gateway.adapters.webhooks import HttpsWebhooks
from teleward_gateway.errors import WebhookLostError
from teleward_gateway.usecases.clinics import Found
from teleward_gateway.usecases.tell_arrivals import MOST_UNDER_WAY, Arrivals

PAGER = "https://pager.example.org/arrival"


def found(webhook: str = PAGER) -> Found:
    area = WaitingAreaProjection(uid="a", generation=1, alert_webhook=webhook)
    clinic = ClinicProjection(
        namespace=Namespace("harbour"), name="cardiology", uid="u", generation=1,
        display_name="Cardiology", waiting_area=area,
    )  # fmt: skip
    return clinic, None


class Pager:
    """The other side: answers as told, and remembers what it was asked."""

    def __init__(self, *statuses: int) -> None:
        self._statuses = list(statuses)
        self.heard: list[httpx2.Request] = []
        self.counted: list[str] = []
        self._settled = asyncio.Event()

    def count(self, outcome: str) -> None:
        self.counted.append(outcome)
        self._settled.set()

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.heard.append(request)
        status = self._statuses.pop(0) if self._statuses else 204
        if status == 0:
            raise httpx2.ConnectError("nobody there")
        return httpx2.Response(status, headers={"Location": "https://inside.example.org/"})

    def arrivals(self, hosts: str = "pager.example.org") -> Arrivals:
        webhooks = HttpsWebhooks(httpx2.MockTransport(self), hosts)
        return Arrivals(webhooks, self.count, "https://clinic.example.org", (0.0, 0.0))

    async def settle(self) -> None:
        async with asyncio.timeout(5):
            await self._settled.wait()


@pytest.mark.parametrize(
    ("hosts", "url", "is_allowed"),
    [
        ("pager.example.org", PAGER, True),
        (" other.example.org , PAGER.example.org ", PAGER, True),
        ("pager.example.org:443", PAGER, True),
        ("10.0.0.7:8443", "https://10.0.0.7:8443/x", True),
        ("10.0.0.7", "https://10.0.0.7:8443/x", False),
        ("", PAGER, False),
        ("example.org", PAGER, False),
        ("pager.example.org", "http://pager.example.org/arrival", False),
        ("pager.example.org", "https://pager.example.org@inside/", False),
        ("pager.example.org", "https://inside@pager.example.org/", False),
        ("pager.example.org", "https://pager.example.org.evil.org/", False),
        ("pager.example.org", "https://169.254.169.254/latest", False),
        ("pager.example.org", "https://pager.example.org:port/", False),
        ("pager.example.org", "https://[::1", False),
        ("pager.example.org", "https:///arrival", False),
        (":::,/", PAGER, False),
    ],
)
def test_only_a_host_that_the_settings_name_is_called(
    hosts: str, url: str, is_allowed: bool
) -> None:
    webhooks = HttpsWebhooks(httpx2.MockTransport(Pager()), hosts)

    assert webhooks.is_allowed(url) is is_allowed


async def test_it_is_told_where_somebody_has_come_and_nothing_of_who() -> None:
    pager = Pager()

    pager.arrivals().tell(found())
    await pager.settle()

    (request,) = pager.heard
    assert (request.method, str(request.url)) == ("POST", PAGER)
    assert json.loads(request.content) == {
        "type": "arrival", "namespace": "harbour", "clinic": "cardiology",
        "dashboard": "https://clinic.example.org/staff/harbour/cardiology",
    }  # fmt: skip
    assert pager.counted == ["sent"]


@pytest.mark.parametrize(
    ("statuses", "outcome", "tries"),
    [
        ([204], "sent", 1),
        ([503, 0, 200], "sent", 3),
        ([429, 201], "sent", 2),
        ([503, 500, 0], "failed", 3),
        ([404], "refused", 1),
        ([302], "refused", 1),
    ],
)
async def test_it_is_tried_three_times_and_no_redirect_is_followed(
    statuses: list[int], outcome: str, tries: int
) -> None:
    pager = Pager(*statuses)

    pager.arrivals().tell(found())
    await pager.settle()

    assert (pager.counted, len(pager.heard)) == ([outcome], tries)
    assert {request.url.host for request in pager.heard} == {"pager.example.org"}


@pytest.mark.parametrize(
    ("hosts", "webhook", "counted"), [("", PAGER, ["not_allowed"]), ("pager.example.org", "", [])]
)
async def test_without_an_allowed_address_nobody_is_called(
    hosts: str, webhook: str, counted: list[str]
) -> None:
    pager = Pager()

    arrivals = pager.arrivals(hosts)
    arrivals.tell(found(webhook))
    await arrivals.close()

    assert (pager.counted, pager.heard) == (counted, [])


async def test_a_pager_that_does_not_answer_holds_up_a_bounded_number() -> None:
    class Silent:
        calls = 0

        def is_allowed(self, url: str) -> bool:
            return True

        async def call(self, url: str, body: bytes) -> bool:
            Silent.calls += 1
            await asyncio.Event().wait()
            raise WebhookLostError

    counted: list[str] = []
    arrivals = Arrivals(Silent(), counted.append, "https://clinic.example.org")
    for _ in range(MOST_UNDER_WAY + 3):
        arrivals.tell(found())
    await asyncio.sleep(0)
    await arrivals.close()

    assert (Silent.calls, counted) == (MOST_UNDER_WAY, ["dropped"] * 3)

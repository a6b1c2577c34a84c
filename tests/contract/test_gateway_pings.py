"""A socket on which nothing happens is asked whether it is there, so that no proxy takes it for dead."""

import asyncio

import aiohttp
import pytest
from teleward_testing.front_door import HERE, front_door
from teleward_testing.valkey import RunningValkey

WITHIN_S = 20
"""Ten times what two pings take here, a second apart."""


@pytest.mark.parametrize("answers", [True, False])
async def test_a_quiet_dashboard_is_pinged_and_cut_if_it_never_answers(
    valkey: RunningValkey, tmp_path_factory: pytest.TempPathFactory, answers: bool
) -> None:
    async with front_door(valkey, tmp_path_factory.mktemp("keys"), socket_ping_s="1") as door:
        headers = {"Origin": door.origin, "Cookie": await door.sign_in()}
        async with (
            aiohttp.ClientSession() as http,
            http.ws_connect(
                f"{door.gateway.url}/ws/staff/{HERE}", headers=headers, autoping=False
            ) as ws,
            asyncio.timeout(WITHIN_S),
        ):
            pings = 0
            while pings < 2:
                message = await ws.receive()
                if message.type is not aiohttp.WSMsgType.PING:
                    if message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED):
                        break
                    continue
                pings += 1
                if answers:
                    await ws.pong(message.data)

    assert (pings == 2) is answers
    assert pings > 0

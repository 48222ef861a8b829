from typing import Any

import aiohttp
import pytest

from simulator.faults import Fault
from simulator.server import Simulator

EXCHANGE = "/api/platform/users/cli-token"
REFRESH = {"grant_type": "refresh_token", "refresh_token": "ory_rt_first", "client_id": "mulerun-cli"}


@pytest.fixture
async def anybody(sim: Simulator) -> Any:
    async with aiohttp.ClientSession(sim.url) as session:
        yield session


async def exchange(anybody: aiohttp.ClientSession, token: str) -> tuple[int, Any]:
    async with anybody.post(EXCHANGE, headers={"Authorization": f"Bearer {token}"}) as answer:
        return answer.status, await answer.json()


async def refresh(anybody: aiohttp.ClientSession, **changed: str) -> tuple[int, Any]:
    async with anybody.post("/oauth2/token", data={**REFRESH, **changed}) as answer:
        return answer.status, await answer.json()


async def test_an_exchange_gives_the_same_key_each_time(sim: Simulator, anybody: aiohttp.ClientSession) -> None:
    first, second = await exchange(anybody, "eyJa"), await exchange(anybody, "eyJb")
    assert first == second == (200, {"code": "SUCCESS", "data": {"key": sim.account.key}})
    assert len(sim.account.key) == len("muk-") + 64


async def test_a_dead_or_foreign_token_is_not_exchanged(sim: Simulator, anybody: aiohttp.ClientSession) -> None:
    sim.account.kill("eyJdead")
    for token in ("eyJdead", "muk-x", ""):
        status, told = await exchange(anybody, token)
        assert (status, told["code"]) == (401, "UNAUTHORIZED")


async def test_a_scripted_refusal_of_an_exchange_has_the_hosts_shape(sim: Simulator, anybody: aiohttp.ClientSession) -> None:
    sim.fault(Fault(status=403), path=EXCHANGE)
    assert await exchange(anybody, "eyJa") == (403, {"code": "BAD", "message": "scripted fault"})


async def test_a_refresh_token_works_once(anybody: aiohttp.ClientSession) -> None:
    status, fresh = await refresh(anybody)
    assert (status, fresh["expires_in"]) == (200, 3600)
    assert fresh["access_token"].startswith("eyJ")
    status, told = await refresh(anybody)
    assert (status, told["error"]) == (400, "invalid_grant")
    assert (await refresh(anybody, refresh_token=fresh["refresh_token"]))[0] == 200
    assert (await exchange(anybody, fresh["access_token"]))[0] == 200


@pytest.mark.parametrize(
    ("changed", "status", "error"),
    [
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"client_id": "somebody"}, 401, "invalid_client"),
        ({"refresh_token": "x"}, 400, "invalid_grant"),
    ],
)
async def test_a_bad_refresh_is_refused_as_oauth_does(
    anybody: aiohttp.ClientSession, changed: dict[str, str], status: int, error: str
) -> None:
    code, told = await refresh(anybody, **changed)
    assert (code, told["error"]) == (status, error)


async def test_a_refresh_that_fails_for_the_moment_leaves_the_token_alive(sim: Simulator, anybody: aiohttp.ClientSession) -> None:
    sim.fault(Fault(status=503), path="/oauth2/token")
    assert (await refresh(anybody))[0] == 503
    assert (await refresh(anybody))[0] == 200

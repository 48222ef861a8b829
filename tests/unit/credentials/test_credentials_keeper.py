"""A credential is found, exchanged and renewed ahead of its end."""

import asyncio
from pathlib import Path
from urllib.parse import parse_qs

import aiohttp
import pytest

from services.credentials.discovery import Found
from services.credentials.keeper import Keeper
from services.domain.errors import UpstreamCredentialRefused
from services.domain.ports import Plane
from tests.hosts import HastyClock, ScriptedHost, closed_port
from tests.logins import (
    EXCHANGE,
    GRANT,
    ILL,
    INVALID,
    KEY,
    REFRESH,
    SAME_KEY,
    Login,
    asked,
    kept,
    mode_of,
    store,
)
from tests.worlds import NOON


async def test_a_plain_key_is_sent_as_it_is_and_cannot_be_renewed(
    host: ScriptedHost, session: aiohttp.ClientSession, clock: HastyClock
) -> None:
    keeper = Keeper(Found(source="env:MULERUN_TOKEN", token="muk-a"), session, host.url, clock)
    assert keeper.source == "env:MULERUN_TOKEN"
    assert await keeper.token(Plane.TEXT) == await keeper.token(Plane.STUDIO) == "muk-a"
    assert await keeper.refused(Plane.TEXT, "muk-a") is False
    assert host.seen == []


async def test_planes_with_tokens_of_their_own_keep_them_apart(
    host: ScriptedHost, session: aiohttp.ClientSession, clock: HastyClock
) -> None:
    keeper = Keeper(Found(source="env", token="llm-key", studio_token="muk-a"), session, host.url, clock)
    assert (await keeper.token(Plane.TEXT), await keeper.token(Plane.STUDIO)) == ("llm-key", "muk-a")


async def test_a_login_from_the_environment_is_exchanged_once(
    host: ScriptedHost, session: aiohttp.ClientSession, clock: HastyClock
) -> None:
    host.say(KEY)
    keeper = Keeper(Found(source="env:MULERUN_TOKEN", token="eyJenv"), session, host.url, clock)
    assert await asyncio.gather(*(keeper.token(plane) for plane in [*Plane] * 5)) == ["muk-new"] * 10
    (seen,) = host.seen
    assert (seen.method, seen.path, seen.headers["authorization"], seen.body) == ("POST", EXCHANGE, "Bearer eyJenv", b"")
    assert seen.headers["content-type"] == "application/json"


async def test_a_login_that_cannot_be_exchanged_goes_on_raw_with_a_warning(
    host: ScriptedHost, session: aiohttp.ClientSession, clock: HastyClock, caplog: pytest.LogCaptureFixture
) -> None:
    host.say(ILL, KEY)
    keeper = Keeper(Found(source="env:MULERUN_TOKEN", token="eyJsecret"), session, host.url, clock)
    assert await keeper.token(Plane.TEXT) == "eyJsecret"
    assert await keeper.token(Plane.TEXT) == "eyJsecret"
    assert len(host.seen) == 1
    assert "could not be exchanged" in caplog.text
    assert "eyJsecret" not in caplog.text
    clock.time += 31
    assert await keeper.token(Plane.TEXT) == "muk-new"


async def test_a_refused_key_of_the_environments_login_is_exchanged_again_once(
    host: ScriptedHost, session: aiohttp.ClientSession, clock: HastyClock
) -> None:
    host.say(SAME_KEY, SAME_KEY, KEY)
    keeper = Keeper(Found(source="env", token="eyJenv"), session, host.url, clock)
    assert await keeper.token(Plane.STUDIO) == "muk-old"
    assert await keeper.refused(Plane.STUDIO, "muk-old") is False
    assert await keeper.refused(Plane.STUDIO, "muk-old") is False
    assert len(host.seen) == 2
    clock.time += 31
    assert await keeper.refused(Plane.STUDIO, "muk-old") is True
    assert await keeper.refused(Plane.STUDIO, "muk-old") is True
    assert len(host.seen) == 3


async def test_a_stored_key_of_a_live_login_needs_no_network(login: Login, host: ScriptedHost) -> None:
    keeper = login(access_token="eyJa", expires_at=NOON + 3600, cli2api_muk_key="muk-old")
    assert await keeper.token(Plane.TEXT) == "muk-old"
    assert host.seen == []


async def test_a_live_login_is_exchanged_and_the_key_stored_beside_what_was_there(
    login: Login, host: ScriptedHost, path: Path
) -> None:
    host.say(KEY)
    keeper = login(access_token="eyJa", refresh_token="ory_rt_a", expires_at=NOON + 3600, base_url="https://x.test")
    assert await keeper.token(Plane.TEXT) == "muk-new"
    assert kept(path) == {
        "access_token": "eyJa",
        "refresh_token": "ory_rt_a",
        "expires_at": NOON + 3600,
        "base_url": "https://x.test",
        "cli2api_muk_key": "muk-new",
    }
    assert mode_of(path) == 0o600


@pytest.mark.parametrize("left", [-1, 30])
async def test_a_login_at_its_end_is_renewed_then_exchanged_by_one_for_all(
    login: Login, host: ScriptedHost, path: Path, left: float
) -> None:
    host.say(GRANT, KEY)
    keeper = login(access_token="eyJa", refresh_token="ory_rt_a", expires_at=NOON + left, cli2api_muk_key="muk-old")
    assert await asyncio.gather(*(keeper.token(Plane.STUDIO) for _ in range(20))) == ["muk-new"] * 20
    assert asked(host) == [REFRESH, EXCHANGE]
    assert parse_qs(host.seen[0].body.decode()) == {
        "grant_type": ["refresh_token"],
        "refresh_token": ["ory_rt_a"],
        "client_id": ["mulerun-cli"],
    }
    assert host.seen[1].headers["authorization"] == "Bearer eyJnew"
    assert kept(path) == {
        "access_token": "eyJnew",
        "refresh_token": "ory_rt_new",
        "expires_at": NOON + 3600,
        "cli2api_muk_key": "muk-new",
    }


async def test_a_renewed_login_is_on_disk_even_where_its_exchange_fails(login: Login, host: ScriptedHost, path: Path) -> None:
    host.say(GRANT, ILL)
    keeper = login(access_token="eyJa", refresh_token="ory_rt_a", expires_at=NOON - 1, cli2api_muk_key="muk-old")
    assert await keeper.token(Plane.STUDIO) == "eyJnew"
    assert kept(path) == {"access_token": "eyJnew", "refresh_token": "ory_rt_new", "expires_at": NOON + 3600}


@pytest.mark.parametrize("content", [{"cli2api_muk_key": "muk-old"}, {}])
async def test_a_login_host_that_is_ill_leaves_what_is_stored_in_use(
    login: Login, host: ScriptedHost, path: Path, clock: HastyClock, content: dict[str, str]
) -> None:
    host.say(ILL, GRANT, KEY)
    keeper = login(access_token="eyJa", refresh_token="ory_rt_a", expires_at=NOON - 1, **content)
    assert await keeper.token(Plane.STUDIO) == content.get("cli2api_muk_key", "eyJa")
    assert kept(path)["refresh_token"] == "ory_rt_a"
    assert await keeper.token(Plane.STUDIO) == content.get("cli2api_muk_key", "eyJa")
    assert asked(host) == [REFRESH]
    clock.time += 31
    assert await keeper.token(Plane.STUDIO) == "muk-new"


async def test_an_unreachable_login_host_is_for_the_moment_too(
    path: Path, session: aiohttp.ClientSession, clock: HastyClock
) -> None:
    store(path, access_token="eyJa", refresh_token="r", expires_at=NOON - 1, cli2api_muk_key="muk-old")
    keeper = Keeper(Found(source="file", cache=path), session, f"http://127.0.0.1:{closed_port()}", clock)
    assert await keeper.token(Plane.STUDIO) == "muk-old"


async def test_a_login_that_is_refused_for_good_asks_for_a_new_one_and_is_not_tried_again(
    login: Login, host: ScriptedHost, path: Path
) -> None:
    host.say(INVALID)
    keeper = login(access_token="eyJa", refresh_token="ory_rt_dead", expires_at=NOON - 1, cli2api_muk_key="muk-old")
    for _ in range(3):
        with pytest.raises(UpstreamCredentialRefused, match="run `mulerun login` again"):
            await keeper.token(Plane.STUDIO)
    assert asked(host) == [REFRESH]
    assert kept(path)["refresh_token"] == "ory_rt_dead"


async def test_a_new_login_is_noticed_without_a_restart(login: Login, host: ScriptedHost, path: Path) -> None:
    host.say(INVALID)
    keeper = login(access_token="eyJa", refresh_token="ory_rt_dead", expires_at=NOON - 1)
    with pytest.raises(UpstreamCredentialRefused):
        await keeper.token(Plane.STUDIO)
    store(path, access_token="eyJb", cli2api_muk_key="muk-fresh")
    assert await keeper.token(Plane.STUDIO) == "muk-fresh"


async def test_an_expired_login_without_renewal_uses_its_stored_key(login: Login, host: ScriptedHost) -> None:
    keeper = login(access_token="eyJa", expires_at=NOON - 1, cli2api_muk_key="muk-old")
    assert await keeper.token(Plane.STUDIO) == "muk-old"
    assert host.seen == []


async def test_a_login_that_expires_with_nothing_left_says_so(login: Login, clock: HastyClock, host: ScriptedHost) -> None:
    host.say(ILL)
    keeper = login(access_token="eyJa", expires_at=NOON + 100)
    assert await keeper.token(Plane.STUDIO) == "eyJa"
    clock.time += 200
    with pytest.raises(UpstreamCredentialRefused, match="has ended: run `mulerun login` again or set MULERUN_TOKEN"):
        await keeper.token(Plane.STUDIO)

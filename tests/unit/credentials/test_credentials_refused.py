"""A credential is renewed when the upstream refuses it, whoever shares it and whatever goes wrong meanwhile."""

import asyncio
import logging
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from services.credentials.discovery import Found
from services.credentials.keeper import Keeper
from services.domain.ports import Plane
from tests.hosts import HastyClock, Says, Script, ScriptedHost
from tests.logins import (
    EXCHANGE,
    GRANT,
    KEY,
    REFRESH,
    SAME_KEY,
    Login,
    asked,
    kept,
    link_into,
    spoil,
    store,
)
from tests.worlds import NOON


async def test_a_refused_key_is_exchanged_anew_by_one_for_all(login: Login, host: ScriptedHost) -> None:
    host.say(KEY)
    keeper = login(access_token="eyJa", expires_at=NOON + 3600, cli2api_muk_key="muk-old")
    assert await asyncio.gather(*(keeper.refused(Plane.STUDIO, "muk-old") for _ in range(10))) == [True] * 10
    assert await keeper.token(Plane.STUDIO) == "muk-new"
    assert asked(host) == [EXCHANGE]


async def test_the_same_key_again_is_no_other_key(login: Login, host: ScriptedHost) -> None:
    host.say(SAME_KEY)
    keeper = login(access_token="eyJa", expires_at=NOON + 3600, cli2api_muk_key="muk-old")
    assert await keeper.refused(Plane.STUDIO, "muk-old") is False
    assert await keeper.refused(Plane.STUDIO, "muk-old") is False
    assert asked(host) == [EXCHANGE]


async def test_a_login_that_died_before_its_time_is_renewed_when_its_key_is_refused(login: Login, host: ScriptedHost) -> None:
    host.say(Says({"code": "BAD", "message": "m"}, status=403), GRANT, KEY)
    keeper = login(access_token="eyJa", refresh_token="ory_rt_a", expires_at=NOON + 3600, cli2api_muk_key="muk-old")
    assert await keeper.refused(Plane.STUDIO, "muk-old") is True
    assert asked(host) == [EXCHANGE, REFRESH, EXCHANGE]


async def test_what_another_process_renewed_is_taken_over(login: Login, host: ScriptedHost, path: Path) -> None:
    keeper = login(access_token="eyJa", expires_at=NOON + 3600, cli2api_muk_key="muk-old")
    assert await keeper.token(Plane.STUDIO) == "muk-old"
    store(path, access_token="eyJb", cli2api_muk_key="muk-theirs")
    assert await keeper.refused(Plane.STUDIO, "muk-old") is True
    assert await keeper.token(Plane.STUDIO) == "muk-theirs"
    assert host.seen == []


async def test_two_gateways_on_one_cache_renew_it_once(
    login: Login, host: ScriptedHost, path: Path, session: aiohttp.ClientSession, clock: HastyClock
) -> None:
    host.say(GRANT, KEY)
    first = login(access_token="eyJa", refresh_token="ory_rt_a", expires_at=NOON - 1)
    second = Keeper(Found(source="file", cache=path), session, host.url, clock)
    assert await asyncio.gather(*(keeper.token(Plane.TEXT) for keeper in (first, second))) == ["muk-new", "muk-new"]
    assert asked(host) == [REFRESH, EXCHANGE]


async def test_a_caller_that_leaves_loses_no_renewed_login(login: Login, host: ScriptedHost, path: Path) -> None:
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        arrived.set()
        await go_on.wait()
        return web.json_response(GRANT.json)

    host.say(slow, KEY)
    async with login(access_token="eyJa", refresh_token="ory_rt_a", expires_at=NOON - 1) as keeper:
        call = asyncio.create_task(keeper.token(Plane.STUDIO))
        await arrived.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        go_on.set()
    assert kept(path)["refresh_token"] == "ory_rt_new"
    assert kept(path)["cli2api_muk_key"] == "muk-new"


async def test_a_renewed_login_that_cannot_be_written_lives_in_memory_and_is_told_loudly(
    login: Login, host: ScriptedHost, path: Path, clock: HastyClock, caplog: pytest.LogCaptureFixture
) -> None:
    folder = path.with_name("real")
    link_into(folder, path)
    host.say(GRANT, KEY)
    keeper = login(access_token="eyJa", refresh_token="ory_rt_a", expires_at=NOON + 100, cli2api_muk_key="muk-old")
    assert await keeper.token(Plane.STUDIO) == "muk-old"
    spoil(folder)
    clock.time += 200
    assert await keeper.token(Plane.STUDIO) == "muk-new"
    assert await keeper.token(Plane.STUDIO) == "muk-new"
    assert asked(host) == [REFRESH, EXCHANGE]
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * 2


async def test_a_cache_that_cannot_be_locked_is_exchanged_but_never_renewed(
    login: Login, host: ScriptedHost, path: Path, clock: HastyClock
) -> None:
    path.with_name(path.name + ".lock").mkdir()
    host.say(KEY)
    keeper = login(access_token="eyJa", refresh_token="ory_rt_a", expires_at=NOON + 100)
    assert await keeper.token(Plane.STUDIO) == "muk-new"
    assert "cli2api_muk_key" not in kept(path)
    clock.time += 200
    assert await keeper.token(Plane.STUDIO) == "muk-new"
    assert asked(host) == [EXCHANGE]


@pytest.mark.parametrize(
    "answer",
    [
        Says({"code": "SUCCESS", "data": {"key": ""}}),
        Says({"code": "SUCCESS", "data": {"key": "sk-other"}}),
        Says({"code": "SUCCESS"}),
        Says(body=b"<html>"),
        Says(body=b"[" * 70_000),
        Says({}, status=302, headers={"location": "/elsewhere"}),
    ],
)
async def test_an_exchange_that_gives_no_account_key_leaves_the_login_as_it_is(
    login: Login, host: ScriptedHost, answer: Script
) -> None:
    host.say(answer)
    keeper = login(access_token="eyJa", expires_at=NOON + 3600)
    assert await keeper.token(Plane.STUDIO) == "eyJa"
    assert asked(host) == [EXCHANGE]

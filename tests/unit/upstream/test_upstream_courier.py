"""Carrying messages to the operator's receiver, and to nobody behind it."""

import socket
from typing import Any

import aiohttp
import pytest

from services.upstream.courier import open_courier
from tests.hosts import Says, ScriptedHost, closed_port, dropped

HEADERS = {"content-type": "application/json", "webhook-id": "msg_1"}


async def deliver(url: str, *, private: bool = True) -> str:
    async with open_courier(url, private=private) as courier:
        return await courier.deliver(HEADERS, b'{"a":1}')


@pytest.mark.parametrize("status", [200, 202, 204])
async def test_a_message_arrives_as_it_is(status: int) -> None:
    async with ScriptedHost() as host:
        host.say(Says(status=status))
        assert await deliver(f"{host.url}/hooks?a=b%20c") == ""
        (seen,) = host.seen
        assert (seen.method, seen.path, seen.body) == ("POST", "/hooks?a=b%20c", b'{"a":1}')
        assert {name: seen.headers[name] for name in HEADERS} == HEADERS
        assert seen.headers["user-agent"].startswith("cli2api/")


@pytest.mark.parametrize("status", [302, 400, 410, 429, 500])
async def test_any_other_status_is_a_refusal_and_no_redirect_is_followed(status: int) -> None:
    async with ScriptedHost() as host:
        host.say(Says(status=status, headers={"location": f"{host.url}/elsewhere"}))
        assert await deliver(host.url) == f"the receiver answered HTTP {status}"
        assert len(host.seen) == 1


async def test_a_receiver_that_breaks_off_or_is_not_there_is_told() -> None:
    async with ScriptedHost() as host:
        host.say(dropped)
        assert (await deliver(host.url)).startswith("the receiver at 127.0.0.1 cannot be reached")
    assert (await deliver(f"http://127.0.0.1:{closed_port()}")).startswith("the receiver at 127.0.0.1 cannot be reached")


@pytest.mark.parametrize("host", ["127.0.0.1", "10.0.0.7", "169.254.169.254", "[::1]", "[::ffff:7f00:1]", "0.0.0.0", "127.1"])
async def test_an_address_on_the_inside_is_refused(host: str) -> None:
    why = await deliver(f"http://{host}:{closed_port()}/", private=False)
    assert why == f"{host.strip('[]')} is no public address; set CLI2API_NOTIFY_ALLOW_PRIVATE=1 if it is meant"


async def test_a_name_that_leads_inside_is_refused_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    async def resolve(self: Any, host: str, port: int = 0, family: int = 0) -> list[dict[str, Any]]:
        found = {"hostname": host, "port": port, "family": socket.AF_INET, "proto": 0, "flags": 0}
        return [{**found, "host": "8.8.8.8"}, {**found, "host": "127.0.0.1"}]

    monkeypatch.setattr(aiohttp.ThreadedResolver, "resolve", resolve)
    async with ScriptedHost() as host:
        host.say(Says())
        why = await deliver(host.url.replace("127.0.0.1", "hooks.test"), private=False)
        assert (
            why == "hooks.test leads to 127.0.0.1, which is no public address; set CLI2API_NOTIFY_ALLOW_PRIVATE=1 if it is meant"
        )
        assert host.seen == []


async def test_a_name_that_nobody_knows_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def resolve(self: Any, host: str, port: int = 0, family: int = 0) -> list[dict[str, Any]]:
        raise OSError(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(aiohttp.ThreadedResolver, "resolve", resolve)
    assert await deliver("https://hooks.test/", private=False) == "hooks.test cannot be found"

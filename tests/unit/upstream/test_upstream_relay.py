import asyncio
import gzip
from collections.abc import Sequence

import aiohttp
import pytest
from aiohttp import web

from cli.readiness import until
from services.domain.errors import InvalidRequest, UpstreamCredentialRefused, UpstreamRefused, UpstreamUnavailable
from services.domain.model import Operation, Route
from services.domain.ports import Plane
from services.upstream.line import Chunks
from services.upstream.mulerun import MuleRun
from tests.hosts import HastyClock, Says, ScriptedCredentials, ScriptedHost, closed_port, drop

CHAT = Route(operation=Operation.CHAT_COMPLETIONS, path="/v1/chat/completions", model="gpt-5")
MESSAGES = Route(operation=Operation.MESSAGES, path="/v1/messages", model="claude-sonnet-4-6")
BODY = b'{ "model":"gpt-5", "n": 12345678901234567890, "zzz": {"model": 1.10} }'


async def relayed(
    mulerun: MuleRun, route: Route = CHAT, body: bytes = BODY, headers: Sequence[tuple[str, str]] = ()
) -> tuple[int, dict[str, str], bytes]:
    async with mulerun.relay(route, body, headers) as reply:
        return reply.status, dict(reply.headers), b"".join([chunk async for chunk in reply.chunks()])


async def test_body_and_answer_pass_byte_for_byte(mulerun: MuleRun, host: ScriptedHost) -> None:
    host.say(Says(body=b'{ "id" : 1 }\n'))
    status, _, answer = await relayed(mulerun)
    assert (status, answer) == (200, b'{ "id" : 1 }\n')
    assert host.seen[0].body == BODY
    assert host.seen[0].path == "/v1/chat/completions"


async def test_only_the_models_name_is_rewritten(mulerun: MuleRun, host: ScriptedHost) -> None:
    host.say(Says({}))
    await relayed(mulerun, body=BODY.replace(b'"gpt-5"', b'"openai/gpt-5"'))
    assert host.seen[0].body == BODY


async def test_the_callers_headers_pass_but_for_credentials_and_hops(mulerun: MuleRun, host: ScriptedHost) -> None:
    host.say(Says({}))
    dropped = {
        "Authorization": "Bearer caller",
        "X-API-Key": "caller",
        "api-key": "caller",
        "Cookie": "a=b",
        "Proxy-Authorization": "x",
        "Connection": "close, X-Hop",
        "X-Hop": "1",
        "X-Forwarded-For": "10.0.0.1",
        "Forwarded": "for=10.0.0.1",
        "x-envoy-attempt-count": "1",
        "x-cli2api-caller": "abc",
        "TE": "trailers",
    }
    kept = {"User-Agent": "OpenAI/Python", "x-request-id": "r-1", "OpenAI-Organization": "o", "content-type": "application/json"}
    await relayed(mulerun, headers=[*dropped.items(), *kept.items()])
    seen = host.seen[0].headers
    assert seen["authorization"] == "Bearer muk-first"
    assert {name: seen[name] for name in kept} == kept
    assert not {name.lower() for name in dropped} - {"authorization"} & {name.lower() for name in seen}
    assert seen["accept-encoding"] == "identity"


async def test_messages_take_the_key_in_their_own_header_and_a_version(mulerun: MuleRun, host: ScriptedHost) -> None:
    host.say(Says({}))
    body = b'{"model":"claude-sonnet-4-6"}'
    await relayed(mulerun, MESSAGES, body)
    await relayed(mulerun, MESSAGES, body, [("anthropic-version", "2026-10-21"), ("anthropic-beta", "x")])
    first, second = (seen.headers for seen in host.seen)
    assert first["x-api-key"] == "muk-first"
    assert "authorization" not in first
    assert first["anthropic-version"] == "2023-06-01"
    assert (second["anthropic-version"], second["anthropic-beta"]) == ("2026-10-21", "x")


async def test_a_redirect_is_told_and_never_passed_on_to_the_caller(mulerun: MuleRun, host: ScriptedHost) -> None:
    host.say(Says({}, status=307, headers={"location": "http://elsewhere.example/"}))
    with pytest.raises(UpstreamRefused, match=r"HTTP 307: .*redirect, which is never followed.*MULERUN_API_BASE_URL"):
        await relayed(mulerun)


async def test_a_packed_answer_stays_packed(mulerun: MuleRun, host: ScriptedHost) -> None:
    packed = gzip.compress(b'{"id":1}')
    host.say(Says(body=packed, headers={"content-encoding": "gzip"}))
    _, headers, answer = await relayed(mulerun, headers=[("accept-encoding", "gzip")])
    assert host.seen[0].headers["accept-encoding"] == "gzip"
    assert (headers["content-encoding"], answer) == ("gzip", packed)


async def test_the_upstreams_headers_pass_but_for_cookies_and_hops(mulerun: MuleRun, host: ScriptedHost) -> None:
    host.say(Says({}, headers={"Set-Cookie": "a=b", "X-Request-Id": "up-1", "Traceparent": "00-1", "Retry-After": "3"}))
    _, headers, _ = await relayed(mulerun)
    assert headers["x-request-id"] == "up-1"
    assert headers["traceparent"] == "00-1"
    assert headers["retry-after"] == "3"
    assert not {"set-cookie", "connection", "content-length", "transfer-encoding"} & set(headers)


@pytest.mark.parametrize("status", [400, 402, 404, 429, 500, 529])
async def test_an_error_answer_passes_unchanged(mulerun: MuleRun, host: ScriptedHost, status: int) -> None:
    host.say(Says(status=status, body=b'{"error":{"message":"m"}}', headers={"location": "http://elsewhere.test/"}))
    assert (await relayed(mulerun))[::2] == (status, b'{"error":{"message":"m"}}')
    assert len(host.seen) == 1


async def test_our_own_credentials_refusal_is_never_shown_as_the_callers(mulerun: MuleRun, host: ScriptedHost) -> None:
    host.say(Says({"title": "Invalid API Key format"}, status=401))
    with pytest.raises(UpstreamCredentialRefused, match="LLM gateway key"):
        await relayed(mulerun)


async def test_a_renewed_key_carries_the_same_body_again(
    host: ScriptedHost, session: aiohttp.ClientSession, clock: HastyClock
) -> None:
    credentials = ScriptedCredentials("old", "new")
    host.say(Says({}, status=401), Says({"ok": True}))
    assert (await relayed(MuleRun(session, host.url, credentials, clock)))[0] == 200
    assert [seen.body for seen in host.seen] == [BODY, BODY]
    assert credentials.refusals == [(Plane.TEXT, "old")]


async def test_chunks_come_as_they_are_sent(mulerun: MuleRun, host: ScriptedHost) -> None:
    host.say(host.stream_then_hang(b"data: 1\n\n"))
    async with mulerun.relay(CHAT, BODY, []) as reply:
        assert await anext(aiter(reply.chunks())) == b"data: 1\n\n"
    await asyncio.wait_for(host.hung_up.wait(), 5)


async def test_leaving_before_the_first_byte_stops_the_upstream(mulerun: MuleRun, host: ScriptedHost) -> None:
    host.say(host.hang)
    call = asyncio.create_task(relayed(mulerun))
    await host.reached.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await asyncio.wait_for(host.hung_up.wait(), 5)


async def test_an_upstream_that_dies_in_the_midst_is_named(mulerun: MuleRun, host: ScriptedHost) -> None:
    host.say(host.stream(b"data: 1\n\n", broken=True))
    with pytest.raises(UpstreamUnavailable, match="broke off"):
        await relayed(mulerun)


async def test_what_came_before_the_break_is_passed_on_to_a_reader_that_was_busy(
    session: aiohttp.ClientSession, host: ScriptedHost
) -> None:
    read = asyncio.Event()

    async def break_off_meanwhile(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"one")
        await read.wait()
        await response.write(b"two")
        drop(request)
        return response

    host.say(break_off_meanwhile)
    async with session.get(host.url) as answer:
        pieces = Chunks(answer)
        assert await anext(pieces) == b"one"
        read.set()

        async def has_broken_off() -> bool:
            return answer.content.exception() is not None

        await asyncio.wait_for(until(has_broken_off), 5)
        assert await anext(pieces) == b"two"
        with pytest.raises(UpstreamUnavailable, match="broke off"):
            await anext(pieces)


async def test_no_answer_at_all_is_named(
    session: aiohttp.ClientSession, clock: HastyClock, credentials: ScriptedCredentials
) -> None:
    with pytest.raises(UpstreamUnavailable, match="takes no connection"):
        await relayed(MuleRun(session, f"http://127.0.0.1:{closed_port()}", credentials, clock))


@pytest.mark.parametrize("header", [("bad name", "x"), ("x-split", "a\r\nb: c"), ("", "x"), ("x-nul", "\0")])
async def test_a_header_that_would_split_the_request_is_refused(
    mulerun: MuleRun, host: ScriptedHost, header: tuple[str, str]
) -> None:
    with pytest.raises(InvalidRequest, match="headers"):
        await relayed(mulerun, headers=[header])
    assert host.seen == []

"""Chat completions: bytes in, the same bytes out, and what happens when either side goes away."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import grpc
import httpx2
import pytest
from cli2api.v1 import text_pb2

from tests.unit.edge.scripted import EVENTS, Core, chunk, edge_for, fails, fails_streaming, head

PATH = "/v1/chat/completions"
BODY = b'{"model":"gpt-5-mini", "messages":[{"role":"user","content":"hi"}],"big":12345678901234567890,"unknown":{"z":1,"a":2}}'
STREAMED = BODY[:-1] + b',"stream":true}'


async def test_the_body_reaches_the_core_byte_for_byte(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["Relay"] = [head(content_type="application/json"), chunk(b'{"id":'), chunk(b'"x" }')]

    answer = await http.post(PATH, content=BODY, headers={"x-custom": "kept", "x-cli2api-job-id": "forged"})

    assert answer.content == b'{"id":"x" }'
    assert answer.headers["content-type"] == "application/json"
    request = core.last()
    assert request.body == BODY
    assert request.model == "gpt-5-mini"
    assert request.operation == text_pb2.RELAY_OPERATION_CHAT_COMPLETIONS
    passed_on = {each.name: each.value for each in request.headers}
    assert passed_on["x-custom"] == "kept"
    assert "x-cli2api-job-id" not in passed_on
    assert "accept-encoding" not in passed_on


async def test_key_and_request_id_travel_as_metadata(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["Relay"] = [head()]

    answer = await http.post(
        PATH, content=BODY, headers={"authorization": "Bearer key-1", "x-api-key": "key-2", "x-request-id": "req-7"}
    )

    assert core.metadata[-1]["authorization"] == "Bearer key-1"
    assert core.metadata[-1]["x-api-key"] == "key-2"
    assert core.metadata[-1]["x-request-id"] == "req-7"
    assert answer.headers.get_list("x-request-id") == ["req-7"]


async def test_an_upstream_error_passes_unchanged(core: Core, http: httpx2.AsyncClient) -> None:
    refusal = b'{"error": {"message": "slow down", "vendor": true}}'
    core.answers["Relay"] = [head(429, content_type="application/json", retry_after="7", x_request_id="theirs"), chunk(refusal)]

    answer = await http.post(PATH, content=BODY)

    assert (answer.status_code, answer.content) == (429, refusal)
    assert answer.headers["retry-after"] == "7"
    assert answer.headers["x-request-id"] != "theirs"


async def test_a_failure_before_the_head_is_a_whole_error(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["Relay"] = fails_streaming(
        grpc.StatusCode.FAILED_PRECONDITION, "UPSTREAM_CREDENTIAL", "upstream HTTP 401: log in again"
    )

    answer = await http.post(PATH, content=BODY)

    assert answer.status_code == 502
    assert answer.json() == {
        "error": {
            "message": "upstream HTTP 401: log in again",
            "type": "upstream_error",
            "param": None,
            "code": "upstream_credential",
        }
    }
    assert answer.headers["x-should-retry"] == "false"


@pytest.mark.parametrize("cut", [1, 5, 7, 21])
async def test_events_pass_however_they_are_cut(core: Core, http: httpx2.AsyncClient, cut: int) -> None:
    stream = b'data: {"n":1}\n\ndata: {"n":"\xc3\xa9"}\r\n\r\ndata: [DONE]\n\n'
    core.answers["Relay"] = [EVENTS, *(chunk(stream[at : at + cut]) for at in range(0, len(stream), cut))]

    answer = await http.post(PATH, content=STREAMED)

    assert answer.content == stream


async def test_a_chunk_is_passed_on_before_the_next_one_exists(core: Core, http: httpx2.AsyncClient) -> None:
    seen = asyncio.Event()

    async def relay(request: Any, context: Any) -> AsyncIterator[text_pb2.RelayResponse]:
        yield EVENTS
        yield chunk(b"data: 1\n\n")
        await seen.wait()
        yield chunk(b"data: 2\n\n")

    core.answers["Relay"] = relay
    pieces = []
    async with http.stream("POST", PATH, content=STREAMED) as answer:
        async for piece in answer.aiter_bytes():
            pieces.append(piece)
            seen.set()

    assert b"".join(pieces) == b"data: 1\n\ndata: 2\n\n"


async def test_a_stream_that_dies_ends_with_an_error_and_no_done(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["Relay"] = fails_streaming(
        grpc.StatusCode.UNAVAILABLE, "UPSTREAM_UNAVAILABLE", "the upstream broke off", after=(EVENTS, chunk(b"data: 1\n\n"))
    )

    answer = await http.post(PATH, content=STREAMED)

    first, second, rest = answer.content.split(b"\n\n")
    assert (first, rest) == (b"data: 1", b"")
    assert json.loads(second.removeprefix(b"data: "))["error"]["message"] == "the upstream broke off"


async def test_a_stream_that_dies_inside_an_event_keeps_the_error_apart(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["Relay"] = fails_streaming(
        grpc.StatusCode.UNAVAILABLE, "UPSTREAM_UNAVAILABLE", after=(EVENTS, chunk(b'data: {"half'))
    )

    answer = await http.post(PATH, content=STREAMED)

    half, error, rest = answer.content.split(b"\n\n")
    assert (half, rest) == (b'data: {"half', b"")
    assert json.loads(error.removeprefix(b"data: "))["error"]["code"] == "upstream_unavailable"


async def test_an_answer_that_is_no_stream_though_asked_for_breaks_off_visibly(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["Relay"] = fails_streaming(
        grpc.StatusCode.UNAVAILABLE,
        "UPSTREAM_UNAVAILABLE",
        after=(head(content_type="application/json"), chunk(b'{"half":')),
    )

    with pytest.raises(httpx2.RemoteProtocolError):
        await http.post(PATH, content=STREAMED)


async def test_a_whole_answer_that_breaks_off_is_a_whole_error(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["RelayWhole"] = fails(grpc.StatusCode.UNAVAILABLE, "UPSTREAM_UNAVAILABLE", "MuleRun broke off")

    answer = await http.post(PATH, content=BODY)

    assert (answer.status_code, answer.json()["error"]["message"]) == (502, "MuleRun broke off")


async def test_a_whole_answer_says_how_long_it_is(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["Relay"] = [head(content_type="application/json"), chunk(b'{"id":'), chunk(b'"x" }')]

    answer = await http.post(PATH, content=BODY)

    assert answer.headers["content-length"] == "11"
    assert "transfer-encoding" not in answer.headers


async def test_a_silent_stream_is_kept_alive_between_events_only(core: Core) -> None:
    alive = asyncio.Event()

    async def relay(request: Any, context: Any) -> AsyncIterator[text_pb2.RelayResponse]:
        yield EVENTS
        yield chunk(b"data: 1\n\n")
        await alive.wait()
        yield chunk(b"data: 2\n\n")

    core.answers["Relay"] = relay
    content = b""
    async with (
        edge_for(core.target, CLI2API_HEARTBEAT="20ms") as url,
        httpx2.AsyncClient(base_url=url) as http,
        http.stream("POST", PATH, content=STREAMED) as answer,
    ):
        async for piece in answer.aiter_bytes():
            content += piece
            if b": keep-alive\n\n" in content:
                alive.set()

    assert content.startswith(b"data: 1\n\n: keep-alive\n\n")
    assert content.replace(b": keep-alive\n\n", b"") == b"data: 1\n\ndata: 2\n\n"


@pytest.mark.parametrize(("body", "method"), [(BODY, "RelayWhole"), (STREAMED, "Relay")])
async def test_a_caller_that_leaves_before_the_head_ends_the_call(core: Core, url: str, body: bytes, method: str) -> None:
    reached = asyncio.Event()

    async def relay(request: Any, context: Any) -> AsyncIterator[text_pb2.RelayResponse]:
        reached.set()
        await asyncio.Event().wait()
        yield EVENTS

    core.answers["Relay"] = relay
    writer = await _post(url, PATH, body)
    await asyncio.wait_for(reached.wait(), 10)
    writer.close()

    assert await asyncio.wait_for(core.ended.get(), 5) == method
    await writer.wait_closed()


async def test_a_caller_that_leaves_a_stream_ends_the_call(core: Core, http: httpx2.AsyncClient) -> None:
    async def relay(request: Any, context: Any) -> AsyncIterator[text_pb2.RelayResponse]:
        yield EVENTS
        yield chunk(b"data: 1\n\n")
        await asyncio.Event().wait()

    core.answers["Relay"] = relay
    async with http.stream("POST", PATH, content=STREAMED) as answer:
        await anext(answer.aiter_bytes())

    assert await asyncio.wait_for(core.ended.get(), 5) == "Relay"


async def test_a_core_that_cancels_a_call_is_an_error_and_not_a_broken_line(core: Core, http: httpx2.AsyncClient) -> None:
    async def relay(request: Any, context: Any) -> AsyncIterator[text_pb2.RelayResponse]:
        await context.abort(grpc.StatusCode.CANCELLED)
        yield EVENTS

    core.answers["Relay"] = relay

    answer = await http.post(PATH, content=BODY)

    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "core_lost")


async def test_a_core_that_is_away_is_503_and_may_be_tried_again() -> None:
    async with edge_for("127.0.0.1:1") as url, httpx2.AsyncClient(base_url=url) as http:
        answer = await http.post(PATH, content=BODY)

    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "core_unreachable"
    assert answer.headers["retry-after"] == "1"
    assert "x-should-retry" not in answer.headers


async def test_a_restarted_core_is_used_again() -> None:
    reborn = Core(answers={"Relay": [head(), chunk(b"first")]})
    async with reborn.running() as before:
        address = before.target
        async with edge_for(address) as url, httpx2.AsyncClient(base_url=url) as client:
            assert (await client.post(PATH, content=BODY)).content == b"first"
            again = Core(answers={"Relay": [head(), chunk(b"second")]})
            await before.stop()
            async with again.running(address):
                assert (await client.post(PATH, content=BODY)).content == b"second"


async def _post(url: str, path: str, body: bytes) -> asyncio.StreamWriter:
    parts = urlsplit(url)
    _, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
    await writer.drain()
    return writer

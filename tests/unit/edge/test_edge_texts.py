"""What the shim does around a text call: packed bodies, silence before the first byte, and the way over to translation."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import grpc
import httpx2
import pytest
from cli2api.v1 import text_pb2

from tests.unit.edge.scripted import EVENTS, Core, chunk, edge_for, fails, fails_streaming, head

CHAT = "/v1/chat/completions"
BODY: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
NOT_SPOKEN = fails_streaming(grpc.StatusCode.UNIMPLEMENTED, "UNSUPPORTED", "m is not served by this dialect")
STARTED = text_pb2.StreamGenerateResponse(started=text_pb2.AnswerStarted(id="msg_1", model="m"))
WORDS = text_pb2.StreamGenerateResponse(text=text_pb2.TextDelta(text="hello"))


def packed(body: Any) -> dict[str, Any]:
    return {"content": gzip.compress(json.dumps(body).encode()), "headers": {"content-encoding": "gzip"}}


async def test_a_packed_body_reaches_the_core_unpacked(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["Relay"] = [head(), chunk(b"{}")]

    answer = await http.post(CHAT, **packed(BODY))

    assert answer.status_code == 200
    assert json.loads(core.last().body) == BODY
    assert "content-encoding" not in {each.name for each in core.last().headers}


async def test_a_body_packed_in_several_members_is_read_whole(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["Relay"] = [head(), chunk(b"{}")]
    written = json.dumps(BODY).encode()

    await http.post(CHAT, content=gzip.compress(written[:9]) + gzip.compress(written[9:]), headers={"content-encoding": "gzip"})

    assert core.last().body == written


async def test_a_small_body_that_unpacks_to_too_much_is_refused(core: Core) -> None:
    async with edge_for(core.target, CLI2API_MAX_BODY="64KB") as url, httpx2.AsyncClient(base_url=url) as http:
        answer = await http.post(CHAT, **packed({"model": "m", "padding": "x" * (1 << 20)}))

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "request_too_large")


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"plain", "not gzip"), (gzip.compress(b'{"a":1}', mtime=0)[:-4], "cut off"), (b"", "the body is empty")],
)
async def test_a_body_that_is_no_gzip_is_refused(http: httpx2.AsyncClient, content: bytes, words: str) -> None:
    answer = await http.post(CHAT, content=content, headers={"content-encoding": "gzip"})

    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


@pytest.mark.parametrize("raw", [b'{"model":"\\ud800","messages":[1]}', b'{"model":"m","messages":[1],"n":' + b"9" * 9000 + b"}"])
async def test_numbers_and_letters_that_nobody_can_hold_are_no_fault_of_ours(
    core: Core, http: httpx2.AsyncClient, raw: bytes
) -> None:
    core.answers["Relay"] = NOT_SPOKEN

    assert (await http.post(CHAT, content=raw)).status_code == 400


@pytest.mark.parametrize(
    ("path", "beat"),
    [
        (CHAT, b": keep-alive\n\n"),
        ("/v1/responses", b": keep-alive\n\n"),
        ("/v1/messages", b'event: ping\ndata: {"type": "ping"}\n\n'),
    ],
)
async def test_a_stream_that_was_asked_for_is_kept_alive_before_the_upstream_answers(core: Core, path: str, beat: bytes) -> None:
    alive = asyncio.Event()

    async def relay(request: Any, context: Any) -> AsyncIterator[text_pb2.RelayResponse]:
        await alive.wait()
        yield EVENTS
        yield chunk(b"data: 1\n\n")

    core.answers["Relay"] = relay
    content = b""
    async with (
        edge_for(core.target, CLI2API_HEARTBEAT="20ms") as url,
        httpx2.AsyncClient(base_url=url) as http,
        http.stream("POST", path, json={**BODY, "stream": True}) as answer,
    ):
        async for piece in answer.aiter_bytes():
            content += piece
            alive.set()

    assert answer.status_code == 200
    assert content.startswith(beat)
    assert content.replace(beat, b"") == b"data: 1\n\n"


async def test_an_answer_that_is_no_stream_is_waited_for_in_silence(core: Core) -> None:
    alive = asyncio.Event()

    async def relay(request: Any, context: Any) -> AsyncIterator[text_pb2.RelayResponse]:
        await alive.wait()
        yield head(429, content_type="application/json")
        yield chunk(b'{"error":{}}')

    core.answers["Relay"] = relay
    async with edge_for(core.target, CLI2API_HEARTBEAT="10ms") as url, httpx2.AsyncClient(base_url=url) as http:
        waited = asyncio.create_task(http.post(CHAT, json=BODY))
        # A stream beside it hears heartbeats meanwhile, and so tells when some have been due.
        async with http.stream("POST", CHAT, json={**BODY, "stream": True}) as beside:
            beats = 0
            async for piece in beside.aiter_bytes():
                beats += piece.count(b": keep-alive")
                if beats >= 3:
                    alive.set()
        answer = await waited

    assert (answer.status_code, answer.content) == (429, b'{"error":{}}')


async def test_a_failure_after_a_heartbeat_is_told_inside_the_stream(core: Core) -> None:
    alive = asyncio.Event()

    async def relay(request: Any, context: Any) -> AsyncIterator[text_pb2.RelayResponse]:
        await alive.wait()
        await fails(grpc.StatusCode.UNAVAILABLE, "UPSTREAM_UNAVAILABLE", "gone")(request, context)
        yield EVENTS

    core.answers["Relay"] = relay
    content = b""
    async with (
        edge_for(core.target, CLI2API_HEARTBEAT="20ms") as url,
        httpx2.AsyncClient(base_url=url) as http,
        http.stream("POST", CHAT, json={**BODY, "stream": True}) as answer,
    ):
        async for piece in answer.aiter_bytes():
            content += piece
            alive.set()

    assert json.loads(content.rpartition(b"data: ")[2])["error"]["message"] == "gone"
    assert b"[DONE]" not in content


async def test_a_dialect_that_the_upstream_does_not_speak_is_translated(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["Relay"] = NOT_SPOKEN
    said = text_pb2.Message(role=text_pb2.ROLE_ASSISTANT, parts=[text_pb2.Part(text="hello")])
    core.answers["Generate"] = text_pb2.GenerateResponse(id="msg_1", candidates=[text_pb2.Candidate(message=said)])

    answer = await http.post(CHAT, json=BODY)

    assert answer.json()["choices"][0]["message"]["content"] == "hello"
    assert core.last().messages[0].parts[0].text == "hi"


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
async def test_a_field_that_the_core_refuses_bears_the_callers_name(core: Core, http: httpx2.AsyncClient, name: str) -> None:
    core.answers["Relay"] = NOT_SPOKEN
    core.answers["Generate"] = fails(
        grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", "max_output_tokens: too many", field="max_output_tokens"
    )

    answer = await http.post(CHAT, json={**BODY, name: 9})

    assert answer.json()["error"]["param"] == name
    assert answer.json()["error"]["message"] == f"{name}: too many"


async def test_a_translated_stream_that_dies_ends_with_an_error_and_no_done(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["Relay"] = NOT_SPOKEN
    core.answers["StreamGenerate"] = fails_streaming(
        grpc.StatusCode.UNAVAILABLE, "UPSTREAM_UNAVAILABLE", "gone", after=(STARTED, WORDS)
    )

    answer = await http.post(CHAT, json={**BODY, "stream": True})

    events = [json.loads(event.removeprefix("data: ")) for event in answer.text.strip().split("\n\n")]
    assert events[1]["choices"][0]["delta"] == {"content": "hello"}
    assert events[-1]["error"]["message"] == "gone"


async def test_a_translated_stream_that_never_began_is_a_whole_error(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["Relay"] = NOT_SPOKEN
    core.answers["StreamGenerate"] = fails_streaming(grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED", "slow down")

    answer = await http.post(CHAT, json={**BODY, "stream": True})

    assert (answer.status_code, answer.json()["error"]["type"]) == (429, "rate_limit_error")

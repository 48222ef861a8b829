"""What Envoy says by itself, word for word, and what it lets through to the parts."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from edge.body import PATIENCE
from tests.wire import front

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]

MAX_BODY = 1 << 20


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gate(module_path: Path) -> AsyncIterator[front.Front]:
    async with front.edge(module_path), front.envoy(module_path, max_body=MAX_BODY) as running:
        yield running


async def raw(gate: front.Front, sent: bytes) -> tuple[bytes, bytes]:
    """Head and body of the answer to bytes that no client would send."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gate.port)
    writer.write(sent)
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    return head, body


@pytest.mark.parametrize(
    "sent",
    [
        b"hello\r\n\r\n",
        b"GET /v1/models HTTP/1.1\r\nHost colon\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: five\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_refused_in_openais_shape(gate: front.Front, sent: bytes) -> None:
    head, body = await raw(gate, sent)

    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"content-type: application/json" in head
    assert body.startswith(b'{"error":{"code":"bad_request","message":"this is not a request that HTTP allows (')
    assert body.endswith(b',"param":null,"type":"invalid_request_error"}}\n')


async def test_a_body_that_is_announced_as_far_too_large_is_refused_before_it_is_sent(gate: front.Front) -> None:
    far_too_large = PATIENCE * MAX_BODY + 1
    head, body = await raw(gate, b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % far_too_large)

    assert head.startswith(b"HTTP/1.1 400 ")
    assert body == (
        b'{"error":{"code":"request_too_large","message":"request body too large: send less, or raise CLI2API_MAX_BODY",'
        b'"param":null,"type":"invalid_request_error"}}\n'
    )


async def test_a_client_that_sends_a_body_that_is_too_large_can_read_why(gate: front.Front) -> None:
    body = io.BytesIO(bytes(8 * MAX_BODY))
    async with aiohttp.ClientSession() as session, session.post(f"{gate.url}/x", data=body) as answer:
        assert answer.status == 400
        assert (await answer.json())["error"]["code"] == "request_too_large"


async def test_a_body_as_large_as_is_allowed_passes(gate: front.Front) -> None:
    async with aiohttp.ClientSession() as session, session.post(f"{gate.url}/x", data=io.BytesIO(bytes(MAX_BODY))) as answer:
        assert (await answer.json())["length"] == MAX_BODY


async def test_a_head_that_is_too_large_is_refused(gate: front.Front) -> None:
    async with aiohttp.ClientSession() as session, session.get(gate.url, headers={"x-long": "a" * 65536}) as answer:
        assert answer.status == 400
        assert await answer.json() == {
            "error": {
                "message": "request head too large: at most 60 KB in 100 headers",
                "type": "invalid_request_error",
                "param": None,
                "code": "request_too_large",
            }
        }


async def test_an_upgrade_is_refused_for_what_it_is_and_not_for_its_key(gate: front.Front) -> None:
    head, body = await raw(
        gate, b"GET /v1/realtime HTTP/1.1\r\nHost: x\r\nConnection: upgrade, close\r\nUpgrade: websocket\r\n\r\n"
    )
    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body) == {
        "error": {
            "message": "no upgrade is served here, to WebSocket or else: send a plain request",
            "type": "invalid_request_error",
            "param": None,
            "code": "bad_request",
        }
    }


async def test_metrics_are_not_for_the_world(gate: front.Front) -> None:
    async with aiohttp.ClientSession() as session, session.get(f"{gate.url}/metrics") as answer:
        assert answer.status == 404
        assert await answer.json() == {
            "error": {"message": "no such endpoint", "type": "invalid_request_error", "param": None, "code": "not_found"}
        }


async def test_without_an_edge_the_caller_is_told_to_try_again(short_path: Path) -> None:
    async with front.envoy(short_path) as gate, aiohttp.ClientSession() as session, session.post(f"{gate.url}/x") as answer:
        assert answer.status == 503
        assert answer.headers["retry-after"] == "1"
        assert await answer.json() == {
            "error": {
                "message": "the gateway is starting or restarting, try again",
                "type": "server_error",
                "param": None,
                "code": "unavailable",
            }
        }


async def test_an_edge_that_comes_back_in_time_is_not_missed(short_path: Path) -> None:
    async with front.envoy(short_path) as gate, aiohttp.ClientSession() as session:
        asking = asyncio.create_task(session.post(f"{gate.url}/x"))
        async with front.edge(short_path), await asking as answer:
            assert answer.status == 200


async def test_an_edge_that_dies_with_the_call_in_its_hands_is_no_reason_to_pay_twice(gate: front.Front) -> None:
    async with aiohttp.ClientSession() as session, session.post(f"{gate.url}/die") as answer:
        assert answer.status == 503
        assert answer.headers["x-should-retry"] == "false"
        assert (await answer.json())["error"] == {
            "message": "the gateway broke off while it served this call; what was started goes on as a job",
            "type": "server_error",
            "param": None,
            "code": "interrupted",
        }


async def test_headers_that_would_speak_as_a_part_or_steer_envoy_do_not_get_in(gate: front.Front) -> None:
    sent = {
        "X-Cli2api-Caller": "boss",
        "x-cli2api-job-id": "job_1",
        "x_cli2api_caller": "boss",
        "X-Envoy-Upstream-Rq-Timeout-Ms": "1",
        "x-envoy-original-path": "/v1/jobs",
        "Cookie": "session=1",
        "x-mine": "kept",
    }
    async with aiohttp.ClientSession() as session, session.get(f"{gate.url}/x", headers=sent) as answer:
        arrived = {name.lower(): value for name, value in (await answer.json())["headers"].items()}

    assert arrived["x-mine"] == "kept"
    assert not [name for name in arrived if name.startswith(("x-envoy", "x-cli2api", "x_cli2api", "cookie"))]


async def test_the_callers_request_id_is_kept_byte_for_byte(gate: front.Front) -> None:
    given = "3e2a1f0c-8a1d-4c0e-9f54-0f6d3a2b1c9d"
    async with aiohttp.ClientSession() as session, session.get(gate.url, headers={"x-request-id": given}) as answer:
        assert answer.headers["x-request-id"] == given
        assert (await answer.json())["headers"]["X-Request-ID"] == given


async def test_a_call_without_a_request_id_gets_one(gate: front.Front) -> None:
    async with aiohttp.ClientSession() as session, session.get(gate.url) as answer:
        assert len(answer.headers["x-request-id"]) == 36
        assert (await answer.json())["headers"]["X-Request-ID"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("asked", "arrives"),
    [
        (b"/v1/models/openai%2Fgpt-5.5", "/v1/models/openai%2Fgpt-5.5"),
        (b"/v1/models/openai/gpt-5.5", "/v1/models/openai/gpt-5.5"),
        (b"//v1//models", "/v1/models"),
        (b"/v1/../metrics/../v1/models", "/v1/models"),
        (b"/v1/models?after=%2Fa//b", "/v1/models?after=%2Fa//b"),
    ],
)
async def test_paths_are_put_right_and_ids_left_alone(gate: front.Front, asked: bytes, arrives: str) -> None:
    _, body = await raw(gate, b"GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % asked)

    assert f'"path": "{arrives}"'.encode() in body


async def test_a_path_that_only_becomes_hidden_by_cleaning_is_hidden(gate: front.Front) -> None:
    head, _ = await raw(gate, b"GET /v1/..//metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 404 ")

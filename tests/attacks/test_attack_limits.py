"""Callers that send slowly, come in crowds or want all of the memory: each meets a limit, and the limits are these."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import pytest
import yaml

from cli.readiness import until
from edge.envoy import render
from tests.attacks.wires import answered, http2, said
from tests.wire import front

pytestmark = pytest.mark.wire

HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"


def connections(config: Any) -> list[Any]:
    """How each listener treats its connections."""
    return [each["filter_chains"][0]["filters"][0]["typed_config"] for each in config["static_resources"]["listeners"]]


def test_the_limits_are_these() -> None:
    config = yaml.safe_load(render.TEMPLATE.read_text())
    rest, grpc_side = connections(config)
    for each in (rest, grpc_side):
        assert each["request_headers_timeout"] == "10s"
        assert each["request_timeout"] == "900s"
        assert each["max_request_headers_kb"] == 60
        assert each["use_remote_address"] is True
        assert each["normalize_path"] is True
        assert each["common_http_protocol_options"] == {
            "idle_timeout": "300s",
            "max_headers_count": 100,
            "headers_with_underscores_action": "DROP_HEADER",
        }
        assert each["http2_protocol_options"]["initial_stream_window_size"] == 262_144
        assert each["http2_protocol_options"]["initial_connection_window_size"] == 1 << 20
    assert rest["http2_protocol_options"]["max_concurrent_streams"] == 256
    assert grpc_side["http2_protocol_options"]["max_concurrent_streams"] == 1024
    heap, crowd = (each["typed_config"] for each in config["overload_manager"]["resource_monitors"])
    assert (heap["max_heap_size_bytes"], crowd["max_active_downstream_connections"]) == (1 << 30, 10_000)
    assert [each["name"].rpartition(".")[2] for each in config["overload_manager"]["actions"]] == [
        *("shrink_heap", "disable_http_keepalive", "stop_accepting_requests", "stop_accepting_connections")
    ]


def hasty(config: Any) -> None:
    """The limits of time, short enough to wait for."""
    for each in connections(config):
        each["request_headers_timeout"] = "0.3s"
        each["request_timeout"] = "0.6s"
        each["common_http_protocol_options"]["idle_timeout"] = "0.9s"
        each["drain_timeout"] = "0.3s"


async def test_who_sends_too_slowly_is_cut_off_and_told(short_path: Path) -> None:
    async with front.edge(short_path), front.envoy(short_path, change=hasty) as gate:
        for slow in (HEAD, HEAD + b"X-A: ", HEAD + b"Content-Length: 10\r\n\r\nhello"):
            answer = await said(gate.port, slow)
            assert answer.startswith(b"HTTP/1.1 408 ")
            assert b"the request did not arrive in time" in answer


async def test_who_says_nothing_is_cut_off(short_path: Path) -> None:
    async with front.edge(short_path), front.envoy(short_path, change=hasty) as gate:
        for port in (gate.port, int(gate.grpc_target.rpartition(":")[2])):
            assert await said(port) == b""
            async with http2(port) as silent:
                await silent.until_ended()


async def test_a_crowd_is_let_in_up_to_its_limit_and_again_when_some_have_left(short_path: Path) -> None:
    def few(config: Any) -> None:
        config["overload_manager"]["resource_monitors"][1]["typed_config"]["max_active_downstream_connections"] = 3

    async with front.edge(short_path), front.envoy(short_path, change=few) as gate:
        async with AsyncExitStack() as held:
            for _ in range(3):
                session = await held.enter_async_context(aiohttp.ClientSession())
                answer = await held.enter_async_context(session.get(f"{gate.url}/x"))
                assert answer.status == 200
            assert await answered(gate.port, HEAD + b"\r\n") == 0
        status = 0
        while not status:
            status = await answered(gate.port, HEAD + b"Content-Length: 0\r\n\r\n")
        assert status == 200


async def test_without_memory_calls_are_turned_away_in_the_words_of_their_dialect(short_path: Path) -> None:
    def full(config: Any) -> None:
        config["overload_manager"]["resource_monitors"][0]["typed_config"]["max_heap_size_bytes"] = 1
        config["overload_manager"]["actions"].pop()

    words = "the gateway has no room for more calls at the moment, try again"
    async with (
        front.edge(short_path) as edge,
        front.core(short_path),
        front.envoy(short_path, change=full) as gate,
        aiohttp.ClientSession() as session,
    ):

        async def is_full() -> bool:
            return "stop_accepting_requests_active{} 1" in await gate.admin.prometheus("stop_accepting_requests.active")

        await asyncio.wait_for(until(is_full), 10)
        errors = []
        for path in ("/v1/chat/completions", "/v1/messages"):
            async with session.post(gate.url + path) as answer:
                assert (answer.status, answer.headers["retry-after"]) == (503, "1")
                errors.append((await answer.json())["error"])
        assert errors == [
            {"message": words, "type": "server_error", "param": None, "code": "overloaded"},
            {"message": words, "type": "overloaded_error"},
        ]
        assert edge.seen == []
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await front.call(gate.grpc_target)
        assert (refused.value.code(), refused.value.details()) == (grpc.StatusCode.UNAVAILABLE, words)


async def test_headers_with_underscores_reach_no_part_on_either_side(short_path: Path) -> None:
    async with front.edge(short_path), front.core(short_path), front.envoy(short_path) as gate:
        async with aiohttp.ClientSession() as session, session.get(gate.url, headers={"x_api_key": "k"}) as answer:
            assert "x_api_key" not in (await answer.json())["headers"]
        assert not [line for line in await front.call(gate.grpc_target, (("x_api_key", "k"),)) if line.startswith("x_api_key")]


async def test_more_headers_than_are_allowed_are_refused(short_path: Path) -> None:
    async with front.edge(short_path) as edge, front.envoy(short_path) as gate:
        for count, status in ((90, 200), (101, 400)):
            fields = b"".join(b"X-%d: a\r\n" % number for number in range(count))
            assert await answered(gate.port, HEAD + b"Content-Length: 0\r\n" + fields + b"\r\n") == status
        assert len(edge.seen) == 1

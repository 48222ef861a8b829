"""Streams through Envoy: nothing is held back, and whoever leaves is heard at once."""

import asyncio
import json
from pathlib import Path

import aiohttp
import grpc
import pytest

from cli.readiness import is_listening, until
from edge.envoy.address import Tcp
from tests.wire import front

pytestmark = pytest.mark.wire


async def test_a_chunk_arrives_before_the_stream_ends(short_path: Path) -> None:
    async with (
        front.edge(short_path) as edge,
        front.envoy(short_path) as gate,
        aiohttp.ClientSession() as session,
        session.get(f"{gate.url}/stream") as answer,
    ):
        assert await answer.content.readuntil(b"\n\n") == b"data: one\n\n"
        edge.go_on.set()
        assert await answer.content.read() == b"data: two\n\n"


async def test_a_caller_that_leaves_before_the_first_byte_is_heard(short_path: Path) -> None:
    async with front.edge(short_path) as edge, front.envoy(short_path) as gate, aiohttp.ClientSession() as session:
        asking = asyncio.create_task(session.post(f"{gate.url}/hang"))
        await edge.arrived.wait()

        asking.cancel()

        async with asyncio.timeout(1):
            await edge.left.wait()
        await asyncio.gather(asking, return_exceptions=True)


async def test_a_caller_that_leaves_in_mid_stream_is_heard(short_path: Path) -> None:
    async with front.edge(short_path) as edge, front.envoy(short_path) as gate, aiohttp.ClientSession() as session:
        async with session.get(f"{gate.url}/stream") as answer:
            await answer.content.readuntil(b"\n\n")
            answer.close()

        async with asyncio.timeout(1):
            await edge.left.wait()


async def test_after_the_word_to_drain_open_streams_go_on_and_new_ones_are_refused(short_path: Path) -> None:
    async with (
        front.edge(short_path) as edge,
        front.envoy(short_path) as gate,
        aiohttp.ClientSession() as session,
        session.get(f"{gate.url}/stream") as answer,
    ):
        await answer.content.readuntil(b"\n\n")
        assert not await gate.admin.is_idle()

        await gate.admin.stop_listening()

        async def refuses() -> bool:
            return not await is_listening(Tcp("127.0.0.1", gate.port))

        async with asyncio.timeout(5):
            await until(refuses)
        edge.go_on.set()
        assert await answer.content.read() == b"data: two\n\n"
        async with asyncio.timeout(5):
            await until(gate.admin.is_idle)


async def test_what_envoy_answers_by_itself_leaves_a_json_line(short_path: Path) -> None:
    async with front.envoy(short_path, keys=["k"]) as gate:
        async with aiohttp.ClientSession() as session, session.get(f"{gate.url}/v1/models?q=private") as answer:
            request_id = answer.headers["x-request-id"]

        async def logged() -> bool:
            return any(request_id.encode() in line for line in gate.log)

        async with asyncio.timeout(15):
            await until(logged)
        line = next(json.loads(line) for line in gate.log if request_id.encode() in line)
        assert (line["status"], line["path"], line["level"], line["logger"]) == (401, "/v1/models", "warning", "envoy.access")


async def test_a_grpc_call_reaches_the_core_with_its_metadata(short_path: Path) -> None:
    sent = (("authorization", "Bearer k"), ("x-request-id", "mine"), ("x-cli2api-caller", "boss"), ("cookie", "a=b"))
    async with front.core(short_path), front.envoy(short_path, keys=["other"]) as gate:
        arrived = await front.call(gate.grpc_target, sent)

    assert "authorization=Bearer k" in arrived
    assert "x-request-id=mine" in arrived
    assert not [line for line in arrived if line.startswith(("x-cli2api", "x-envoy", "cookie"))]


async def test_without_a_core_a_grpc_caller_is_told_to_try_again(short_path: Path) -> None:
    async with front.envoy(short_path) as gate:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await front.call(gate.grpc_target)

    assert failed.value.code() == grpc.StatusCode.UNAVAILABLE
    assert failed.value.details() == "the gateway is starting or restarting, try again"


async def test_a_core_that_comes_back_is_used_at_once(short_path: Path) -> None:
    async with front.envoy(short_path) as gate:
        for _ in range(2):
            async with front.core(short_path), asyncio.timeout(5):
                assert await front.call(gate.grpc_target)


async def test_plain_http_on_the_grpc_port_is_told_where_it_is(short_path: Path) -> None:
    async with (
        front.envoy(short_path) as gate,
        aiohttp.ClientSession() as session,
        session.get(f"http://{gate.grpc_target}/v1/models") as answer,
    ):
        assert answer.status == 415
        assert await answer.text() == "this port speaks gRPC; REST is on the other one, CLI2API_PORT\n"

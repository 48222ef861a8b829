"""HTTP/2 has floods of its own: each ends the connection on which it comes, and nobody else notices."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from tests.attacks.wires import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    PING,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    frame,
    head,
    http2,
    request,
)
from tests.wire import front

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]

INTERNAL_ERROR, REFUSED_STREAM = 2, 7


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gate(module_path: Path) -> AsyncIterator[front.Front]:
    async with front.core(module_path), front.envoy(module_path) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def edge(module_path: Path) -> AsyncIterator[front.ScriptedEdge]:
    async with front.edge(module_path) as scripted:
        yield scripted


def port_of(gate: front.Front, listener: str) -> int:
    return gate.port if listener == "rest" else int(gate.grpc_target.rpartition(":")[2])


def calls_begun_and_dropped() -> bytes:
    streams = range(1, 4001, 2)
    return b"".join(request(each, "/hang") + frame(RST_STREAM, each, b"\0\0\0\x08") for each in streams)


FLOODS: dict[str, Callable[[], bytes]] = {
    "calls that are begun and dropped": calls_begun_and_dropped,
    "pings": lambda: frame(PING, payload=bytes(8)) * 60_000,
    "settings": lambda: frame(SETTINGS) * 100_000,
    "empty pieces of a body": lambda: request(1, "/x", flags=END_HEADERS) + frame(DATA, 1) * 10,
    "words on what is urgent": lambda: b"".join(frame(PRIORITY, 1, b"\0\0\0\0\x10") for _ in range(10_000)),
    "room that nobody needs": lambda: request(1, "/hang", flags=END_HEADERS) + frame(WINDOW_UPDATE, 1, b"\0\0\0\x01") * 10_000,
    "no frames at all": lambda: b"\xff" * 100_000,
}


@pytest.mark.parametrize("listener", ["rest", "grpc"])
@pytest.mark.parametrize("flood", FLOODS)
async def test_a_flood_ends_its_connection_and_nobody_elses(gate: front.Front, flood: str, listener: str) -> None:
    async with aiohttp.ClientSession() as session, session.get(f"{gate.url}/x") as before:
        assert before.status == 200
        async with http2(port_of(gate, listener)) as stranger:
            stranger.send(FLOODS[flood]())
            await stranger.until_ended()
        async with session.get(f"{gate.url}/x") as after:
            assert after.status == 200
    assert await front.call(gate.grpc_target)


@pytest.mark.parametrize("listener", ["rest", "grpc"])
async def test_a_head_without_end_is_given_up_before_anybody_sees_it(
    gate: front.Front, edge: front.ScriptedEdge, listener: str
) -> None:
    edge.seen.clear()
    async with http2(port_of(gate, listener)) as stranger:
        piece = head({"x-a": "b" * 120}) * 100
        stranger.send(request(1, "/x", flags=0), *[frame(CONTINUATION, 1, piece)] * 50)
        assert await stranger.resets(1) == [INTERNAL_ERROR]
    assert edge.seen == []


async def test_more_calls_at_once_than_are_allowed_are_turned_away_unsent(gate: front.Front, edge: front.ScriptedEdge) -> None:
    edge.seen.clear()
    async with http2(gate.port) as stranger:
        stranger.send(*(request(each, "/hang") for each in range(1, 601, 2)))
        assert await stranger.resets(300 - 256) == [REFUSED_STREAM] * (300 - 256)
    assert len(edge.seen) <= 256

"""What our session does otherwise than aiohttp's own: how a body is sent, and when a connection is told to go on."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp

from services.upstream.session import open_session

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
PIECES = 20_000
PIECE = b"100\r\n" + b"x" * 256 + b"\r\n"


@asynccontextmanager
async def host(serve: Serve) -> AsyncGenerator[tuple[aiohttp.ClientSession, str]]:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, open_session() as session:
        yield session, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


async def test_a_small_body_arrives_together_with_its_head() -> None:
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(65536))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        await writer.drain()
        writer.close()

    async with host(serve) as (session, url), session.post(url, data=b'{"a": 1}') as answer:
        assert await answer.read() == b"ok"
    (request,) = heard
    assert request.startswith(b"POST / HTTP/1.1\r\n")
    assert b"\r\nContent-Length: 8\r\n" in request
    assert request.endswith(b'\r\n\r\n{"a": 1}')


async def test_a_connection_serves_one_call_after_the_other() -> None:
    connections: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        while await reader.read(65536):
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            await writer.drain()
        writer.close()

    async with host(serve) as (session, url):
        for _ in range(3):
            async with session.post(url, data=b"body") as answer:
                assert await answer.read() == b"ok"
    assert len(connections) == 1


async def test_an_answer_that_is_read_slower_than_it_comes_arrives_whole() -> None:
    """Many small pieces, several times what is buffered, so that the connection stands still and goes on again."""
    written = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        writer.write(PIECE * 8_000)
        written.set()
        for _ in range(PIECES - 8_000):
            writer.write(PIECE)
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        writer.close()

    size = 0
    async with host(serve) as (session, url), asyncio.timeout(20), session.post(url, data=b"go") as answer:
        await written.wait()
        while chunk := await answer.content.read(1000):
            assert not chunk.strip(b"x")
            size += len(chunk)
    assert size == PIECES * 256

"""The edge's own gRPC over HTTP/2 against the library's server: what is large, slow, given up, refused or lost."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import grpc
import pytest
from grpc import aio

from edge.errors import Spent
from edge.statuses import failure_of
from edge.wire import frames
from edge.wire.channel import Channel
from edge.wire.hpack import literal

SIZES = (0, 1, 16_379, 16_380, 65_530, 65_535, 3 << 20)
"""Around what one frame holds, and what may be on its way."""
PIECE = b"x" * (256 << 10)


def same(content: bytes) -> bytes:
    return content


class Served:
    """Methods of bytes that do what their name says."""

    def __init__(self) -> None:
        self.sent = 0
        self.given_up = asyncio.Event()
        self.waiting = asyncio.Event()

    async def echo(self, asked: bytes, _: Any) -> bytes:
        return asked

    async def pour(self, _: bytes, __: Any) -> AsyncIterator[bytes]:
        for _each in range(64):
            self.sent += 1
            yield PIECE

    async def refuse(self, _: bytes, context: Any) -> None:
        told = (("words-bin", b"\0\xff" * 100), ("place", "here"))
        await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "zu groß, 100 %", told)

    async def wait(self, _: bytes, __: Any) -> bytes:
        self.waiting.set()
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            self.given_up.set()
            raise
        return b""

    def service(self, details: Any) -> Any:
        name = details.method.rpartition("/")[2]
        if name == "pour":
            return grpc.unary_stream_rpc_method_handler(self.pour)
        return grpc.unary_unary_rpc_method_handler(getattr(self, name)) if hasattr(self, name) else None


@asynccontextmanager
async def serving(served: Served, address: str = "127.0.0.1:0") -> AsyncGenerator[tuple[str, Any]]:
    server = aio.server(options=[("grpc.max_receive_message_length", -1), ("grpc.so_reuseport", 0)])
    handler = type("Handler", (grpc.GenericRpcHandler,), {"service": lambda _, details: served.service(details)})()
    server.add_generic_rpc_handlers((handler,))
    target = f"127.0.0.1:{server.add_insecure_port(address)}"
    await server.start()
    try:
        yield target, server
    finally:
        await server.stop(None)


@asynccontextmanager
async def opened(served: Served) -> AsyncGenerator[Channel]:
    async with serving(served) as (target, _), asyncio.timeout(20), Channel(target, largest=8 << 20) as channel:
        await channel.channel_ready()
        yield channel


def ask(channel: Channel, name: str, content: bytes = b"", **how: Any) -> Any:
    return channel.unary_unary(f"/test/{name}", same, same)(content, **how)


@pytest.mark.parametrize("size", SIZES)
async def test_a_message_of_any_size_comes_back_as_it_went(size: int) -> None:
    content = bytes(range(256)) * (size // 256) + b"e" * (size % 256)
    async with opened(Served()) as channel:
        assert await ask(channel, "echo", content) == content


async def test_large_messages_share_the_line() -> None:
    contents = [bytes((each,)) * (2 << 20) for each in range(5)]
    async with opened(Served()) as channel:
        assert await asyncio.gather(*(ask(channel, "echo", content) for content in contents)) == contents


async def test_who_reads_slowly_is_not_sent_everything() -> None:
    served = Served()
    async with opened(served) as channel:
        reading = channel.unary_stream("/test/pour", same, same)(b"")
        assert await reading.read() == PIECE
        for _ in range(50):
            await ask(channel, "echo")
        assert served.sent < 16
        left = 0
        while await reading.read() is not aio.EOF:
            left += 1
        assert left == 63


async def test_a_refusal_keeps_code_words_and_metadata() -> None:
    async with opened(Served()) as channel:
        with pytest.raises(aio.AioRpcError) as caught:
            await ask(channel, "refuse")
        error = caught.value
        assert (error.code(), error.details()) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "zu groß, 100 %")
        found = dict(error.trailing_metadata() or ())
        assert (found["words-bin"], found["place"]) == (b"\0\xff" * 100, "here")


async def test_a_method_that_the_core_does_not_know_is_unimplemented() -> None:
    async with opened(Served()) as channel:
        with pytest.raises(aio.AioRpcError) as caught:
            await ask(channel, "nothing")
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_deadline_ends_the_call_at_both_sides() -> None:
    served = Served()
    async with opened(served) as channel:
        with pytest.raises(aio.AioRpcError) as caught:
            await ask(channel, "wait", timeout=0.2)
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        await served.given_up.wait()


async def test_who_is_cancelled_takes_the_call_along() -> None:
    served = Served()
    async with opened(served) as channel:
        asked = asyncio.ensure_future(ask(channel, "wait"))
        await served.waiting.wait()
        asked.cancel()
        await served.given_up.wait()
        assert await ask(channel, "echo", b"still") == b"still"
        assert asked.cancelled()


async def test_a_message_beyond_the_limit_is_not_sent() -> None:
    async with opened(Served()) as channel:
        with pytest.raises(aio.AioRpcError) as caught:
            await ask(channel, "echo", b"x" * (9 << 20))
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_a_core_that_drains_serves_what_it_has_and_is_left_for_its_next_self() -> None:
    served = Served()
    async with asyncio.timeout(20), serving(served) as (target, server), Channel(target, largest=1 << 20) as channel:
        await channel.channel_ready()
        asked = asyncio.ensure_future(ask(channel, "wait"))
        await served.waiting.wait()
        stopping = asyncio.ensure_future(server.stop(0.5))
        await channel.wait_for_state_change(grpc.ChannelConnectivity.READY)
        assert not asked.done()
        with pytest.raises(aio.AioRpcError) as caught:
            await asked
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        await stopping
        async with serving(Served(), target):
            await channel.channel_ready()
            assert await ask(channel, "echo", b"back") == b"back"


async def test_without_a_core_a_call_says_so_at_once() -> None:
    async with Channel("127.0.0.1:1", largest=1 << 20) as channel:
        with pytest.raises(aio.AioRpcError) as caught:
            await ask(channel, "echo")
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


class Narrow(asyncio.Protocol):
    """A core that at first gives no room for a message, and then some, before anybody has asked how the call goes."""

    def __init__(self) -> None:
        self.heard = asyncio.Event()
        self.got = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        no_room = (4).to_bytes(2, "big") + bytes(4)
        self.transport.write(frames.frame(frames.SETTINGS, 0, 0, no_room))

    def data_received(self, data: bytes) -> None:
        self.got += data
        if b"/test/echo" in data:
            # Whoever answers the ping has heard what stands before it.
            self.transport.write(frames.room(1, 1000) + frames.frame(frames.PING, 0, 0, b"heard it"))
        if frames.frame(frames.PING, frames.ACK, 0, b"heard it") in data:
            self.heard.set()
        if b"payload" in self.got:
            trailers = literal(b"grpc-status", b"0")
            self.transport.write(frames.frame(frames.HEADERS, frames.END_HEADERS | frames.END_STREAM, 1, trailers))


async def test_room_that_came_before_anybody_waited_for_it_is_used() -> None:
    core = Narrow()
    server = await asyncio.get_running_loop().create_server(lambda: core, "127.0.0.1", 0)
    target = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, asyncio.timeout(20), Channel(target, largest=1 << 20) as channel:
        await channel.channel_ready()
        reading = channel.unary_stream("/test/echo", same, same)(b"payload")
        await core.heard.wait()
        assert await reading.read() is aio.EOF


class Fickle(asyncio.Protocol):
    """A core that greets and hangs up, and notes when it was asked."""

    def __init__(self, asked_at: "asyncio.Queue[float]") -> None:
        self._asked_at = asked_at

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        loop, line = asyncio.get_running_loop(), cast("asyncio.Transport", transport)
        self._asked_at.put_nowait(loop.time())
        line.write(frames.frame(frames.SETTINGS, 0, 0, b""))
        loop.call_soon(line.close)


async def test_one_that_greets_and_hangs_up_is_not_asked_without_a_pause() -> None:
    asked_at: asyncio.Queue[float] = asyncio.Queue()
    server = await asyncio.get_running_loop().create_server(lambda: Fickle(asked_at), "127.0.0.1", 0)
    target = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, asyncio.timeout(20), Channel(target, largest=1 << 20) as channel:
        channel.get_state(try_to_connect=True)
        first, *_, fourth = [await asked_at.get() for _ in range(4)]
    assert fourth - first > 0.25


class Leaving(asyncio.Protocol):
    """A core that says good-bye to whoever asks, and has begun nothing."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(frames.frame(frames.SETTINGS, 0, 0, b""))

    def data_received(self, data: bytes) -> None:
        if b"/test/echo" in data:
            self.transport.write(frames.frame(frames.GOAWAY, 0, 0, bytes(8)))


async def test_what_a_core_that_leaves_has_not_begun_may_be_asked_again() -> None:
    server = await asyncio.get_running_loop().create_server(Leaving, "127.0.0.1", 0)
    target = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, asyncio.timeout(20), Channel(target, largest=1 << 20) as channel:
        await channel.channel_ready()
        with pytest.raises(aio.AioRpcError) as caught:
            await ask(channel, "echo", b"paid")
    assert failure_of(caught.value, spent=Spent.PERHAPS).reason == "CORE_UNREACHABLE"

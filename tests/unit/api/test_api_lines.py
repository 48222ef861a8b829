"""The core's end of a line, asked by whoever knows the contract alone: ids, ends, what is kept, and what is no message."""

import asyncio
from typing import Any

import grpc
import psutil
from cli2api.v1 import tunnel_pb2, tunnel_pb2_grpc
from grpc import aio

from services.api.outbox import Outbox
from tests.unit.edge.lined import CARRY, TEXT, failed, same, serving


async def test_an_id_that_was_used_ends_the_line_and_its_calls() -> None:
    async with serving() as core, asyncio.timeout(20), aio.insecure_channel(core.target) as channel:
        line = tunnel_pb2_grpc.TunnelServiceStub(channel).Carry()
        assert await line.read() == tunnel_pb2.CarryResponse()
        twice = [tunnel_pb2.CallBegun(id=7, method=f"{TEXT}/wait")] * 2
        await line.write(tunnel_pb2.CarryRequest(begun=twice))
        error = await failed(line.read())
        assert "must be higher than 7; got 7" in str(error.details())
        await core.served.given_up.wait()


async def test_a_call_that_waits_keeps_nothing_of_those_that_came_with_it() -> None:
    process, large = psutil.Process(), b"x" * (512 << 10)
    async with serving() as core, asyncio.timeout(60), aio.insecure_channel(core.target) as channel:
        line = tunnel_pb2_grpc.TunnelServiceStub(channel).Carry()
        assert await line.read() == tunnel_pb2.CarryResponse()
        sizes = []
        for call_id in range(1, 401, 2):
            waiting = tunnel_pb2.CallBegun(id=call_id, method=f"{TEXT}/wait")
            beside = tunnel_pb2.CallBegun(id=call_id + 1, method=f"{TEXT}/time", request=large)
            await line.write(tunnel_pb2.CarryRequest(begun=[waiting, beside]))
            assert await line.read() is not aio.EOF
            sizes.append(process.memory_info().rss)
    assert sizes[-1] - sizes[20] < 40 << 20  # of some 90 MB that came in


async def test_bytes_that_are_no_message_end_the_line() -> None:
    async with serving() as core, asyncio.timeout(20), aio.insecure_channel(core.target) as channel:
        line: Any = channel.stream_stream(CARRY, same, same)()
        assert await line.read() == b""
        await line.write(b"\xff\xff\xff")
        assert (await failed(line.read())).code() is not grpc.StatusCode.OK


async def test_a_deadline_beyond_all_times_is_none() -> None:
    async with serving() as core, asyncio.timeout(20), aio.insecure_channel(core.target) as channel:
        line = tunnel_pb2_grpc.TunnelServiceStub(channel).Carry()
        begun = tunnel_pb2.CallBegun(id=7, method=f"{TEXT}/echo", request=b"x")
        begun.timeout.seconds = 10**15
        await line.write(tunnel_pb2.CarryRequest(begun=[begun]))
        assert await line.read() == tunnel_pb2.CarryResponse()
        told = await line.read()
        assert isinstance(told, tunnel_pb2.CarryResponse)
        assert list(told.replies[0].messages) == [b"x"]


async def test_a_side_that_does_not_read_gets_no_more_calls_begun() -> None:
    outbox = Outbox()
    outbox.open()
    for call_id in range(1000):
        outbox.end(call_id, grpc.StatusCode.INTERNAL, "no " * 2000)
    room = asyncio.ensure_future(outbox.room())
    messages = []
    async for message in outbox:
        messages.append(message)
        await asyncio.sleep(0)
        if room.done():
            break
    assert 4 <= len(messages) <= 16
    assert all(message.ByteSize() < 300 << 10 for message in messages)


async def test_a_side_that_asks_no_more_is_told_the_rest() -> None:
    async with serving() as core, asyncio.timeout(20), aio.insecure_channel(core.target) as channel:
        line = tunnel_pb2_grpc.TunnelServiceStub(channel).Carry()
        assert await line.read() == tunnel_pb2.CarryResponse()
        await line.write(tunnel_pb2.CarryRequest(begun=[tunnel_pb2.CallBegun(id=7, method=f"{TEXT}/wait")]))
        await core.served.waiting.wait()
        await line.done_writing()
        core.served.go_on.set()
        told = await line.read()
        assert isinstance(told, tunnel_pb2.CarryResponse)
        (reply,) = told.replies
        assert (reply.id, list(reply.messages), reply.end.code) == (7, [b"done"], 0)
        assert await line.read() is aio.EOF

"""Many calls on one line between edge and core, both real: what is large, slow, given up, refused, late or lost."""

import asyncio
from typing import Any

import grpc
import pytest
from grpc import aio

from edge.errors import Spent
from edge.statuses import failure_of
from edge.tunnel import Channel
from tests.unit.edge.lined import CARRY, PIECE, PIECES, TEXT, core_and_channel, failed, opened, same, serving

SIZES = (0, 1, 65_535, 65_536, 65_537, 3 << 20)
"""Around what shares the line and what goes by itself."""


def ask(channel: Channel, name: str, content: bytes = b"", **how: Any) -> Any:
    return channel.unary_unary(f"{TEXT}/{name}", same, same)(content, **how)


def pour(channel: Channel) -> Any:
    return channel.unary_stream(f"{TEXT}/pour", same, same)(b"")


@pytest.mark.parametrize("size", SIZES)
async def test_a_message_of_any_size_comes_back_as_it_went(size: int) -> None:
    content = bytes(range(256)) * (size // 256) + b"e" * (size % 256)
    async with core_and_channel() as (_, channel):
        assert await ask(channel, "echo", content) == content


async def test_many_calls_are_one_call_of_the_core_and_each_gets_its_own_answer() -> None:
    async with core_and_channel() as (core, channel):
        contents = [b"%d" % each for each in range(500)]
        assert await asyncio.gather(*(ask(channel, "echo", content) for content in contents)) == contents
        assert core.by_itself == [CARRY]


async def test_what_is_large_or_no_text_goes_by_itself() -> None:
    async with core_and_channel() as (core, channel):
        await ask(channel, "echo", b"x" * (65 << 10))
        await channel.unary_unary("/cli2api.v1.MediaService/echo", same, same)(b"x")
        assert core.by_itself == [f"{TEXT}/echo", "/cli2api.v1.MediaService/echo"]


async def test_large_answers_share_the_line() -> None:
    async with core_and_channel() as (core, channel):
        answers = await asyncio.gather(*(ask(channel, "grow", b"%d" % each) for each in range(5)))
        assert answers == [b"%d" % each * (3 << 20) for each in range(5)]
        assert core.by_itself == [CARRY]


async def test_who_reads_slowly_is_not_sent_everything_and_holds_up_nobody() -> None:
    async with core_and_channel() as (core, channel):
        slow = pour(channel)
        assert await slow.read() == PIECE
        for _ in range(50):
            await ask(channel, "echo")
        assert core.served.sent <= 8
        quick, count = pour(channel), 0
        while await quick.read() is not aio.EOF:
            count += 1
        assert count == PIECES
        left = 0
        while await slow.read() is not aio.EOF:
            left += 1
        assert left == PIECES - 1


async def test_a_refusal_keeps_code_words_and_status() -> None:
    async with core_and_channel() as (_, channel):
        error = await failed(ask(channel, "refuse"))
        assert (error.code(), error.details()) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "zu groß, 100 %")
        assert dict(error.trailing_metadata() or ()) == {"grpc-status-details-bin": b"\0\xff" * 100}


@pytest.mark.parametrize("name", ["nothing", "converse"])
async def test_a_method_that_the_core_does_not_carry_is_unimplemented(name: str) -> None:
    async with core_and_channel() as (_, channel):
        error = await failed(ask(channel, name))
        assert error.code() is grpc.StatusCode.UNIMPLEMENTED
        assert await ask(channel, "echo", b"still") == b"still"


async def test_a_fault_of_the_cores_ends_its_call_alone_and_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async with core_and_channel() as (_, channel):
        error = await failed(ask(channel, "fail"))
        assert (error.code(), error.details()) == (grpc.StatusCode.INTERNAL, "internal error")
        assert await ask(channel, "echo", b"still") == b"still"
    del error
    assert all("a secret" not in record.getMessage() for record in caplog.records)


async def test_the_core_knows_how_long_a_call_may_take() -> None:
    async with core_and_channel() as (_, channel):
        assert await ask(channel, "time") == b"None"
        assert 50 < float(await ask(channel, "time", timeout=60)) <= 60


async def test_a_deadline_ends_the_call_at_both_sides() -> None:
    async with core_and_channel() as (core, channel):
        error = await failed(ask(channel, "wait", timeout=0.2))
        assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        await core.served.given_up.wait()


async def test_who_is_cancelled_takes_the_call_along() -> None:
    async with core_and_channel() as (core, channel):
        asked = asyncio.ensure_future(ask(channel, "wait"))
        await core.served.waiting.wait()
        asked.cancel()
        await core.served.given_up.wait()
        assert await ask(channel, "echo", b"still") == b"still"
        assert asked.cancelled()


async def test_who_leaves_a_stream_stops_it() -> None:
    async with core_and_channel() as (core, channel):
        reading = pour(channel)
        assert await reading.read() == PIECE
        reading.cancel()
        await core.served.given_up.wait()
        assert core.served.sent < PIECES


async def test_a_core_that_drains_ends_what_it_has_and_begins_nothing() -> None:
    async with serving() as core, opened(core.target) as channel:
        asked = asyncio.ensure_future(ask(channel, "wait"))
        await core.served.waiting.wait()
        draining = asyncio.ensure_future(core.drain(10))
        await channel.wait_for_state_change(grpc.ChannelConnectivity.READY)
        late = await failed(ask(channel, "echo", b"paid"))
        assert failure_of(late, spent=Spent.PERHAPS).reason == "CORE_UNREACHABLE"
        core.served.go_on.set()
        assert await asked == b"done"
        await draining
        async with serving(core.target):
            await channel.channel_ready()
            assert await ask(channel, "echo", b"back") == b"back"


async def test_a_line_that_comes_as_the_core_begins_to_drain_ends_at_once() -> None:
    async with core_and_channel() as (core, channel):
        core.tunnel.drain()
        error = await failed(ask(channel, "wait"))
        assert failure_of(error, spent=Spent.PERHAPS).reason == "CORE_UNREACHABLE"
        assert not core.served.waiting.is_set()


async def test_what_was_given_up_before_it_was_sent_is_never_begun() -> None:
    async with core_and_channel() as (core, channel):
        asked = [asyncio.ensure_future(ask(channel, "wait", b"x" * 60_000)) for _ in range(12)]
        await asyncio.sleep(0)
        for each in asked:
            each.cancel()
        await asyncio.wait(asked)
        assert await ask(channel, "echo", b"next") == b"next"
        assert not core.served.waiting.is_set()


async def test_what_cannot_be_said_is_never_begun() -> None:
    async with core_and_channel() as (core, channel):
        with pytest.raises(UnicodeEncodeError):
            await ask(channel, "wait", metadata=(("half", "a \ud800"),))
        assert await ask(channel, "echo", b"next") == b"next"
        assert not core.served.waiting.is_set()


async def test_a_core_that_knows_no_lines_is_told_as_another_version() -> None:
    server = aio.server()
    target = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    async with opened(target) as channel:
        failure = failure_of(await failed(ask(channel, "echo")), spent=Spent.PERHAPS)
    await server.stop(None)
    assert failure.reason == "UNSUPPORTED"
    assert "core and edge differ in version" in failure.message


async def test_what_a_core_takes_along_may_have_been_begun() -> None:
    async with core_and_channel() as (core, channel):
        asked = asyncio.ensure_future(ask(channel, "wait"))
        await core.served.waiting.wait()
        await core.server.stop(None)
        error = await failed(asked)
        assert failure_of(error, spent=Spent.PERHAPS).reason == "CORE_LOST"
        await core.served.given_up.wait()


async def test_a_closed_channel_leaves_nothing_running() -> None:
    async with serving() as core:
        async with opened(core.target) as channel:
            asked = asyncio.ensure_future(ask(channel, "wait"))
            await core.served.waiting.wait()
        await core.served.given_up.wait()
        assert (await failed(asked)).code() is grpc.StatusCode.UNAVAILABLE


async def test_an_answer_that_is_no_message_may_have_been_paid() -> None:
    async def babble(requests: Any, context: Any) -> None:
        await context.write(b"")
        await anext(aiter(requests))
        await context.write(b"\xff\xff\xff")
        await asyncio.get_running_loop().create_future()

    server = aio.server()
    handlers: dict[str, Any] = {"Carry": grpc.stream_stream_rpc_method_handler(babble, response_serializer=same)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("cli2api.v1.TunnelService", handlers),))
    target = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    async with opened(target) as channel:
        error = await failed(ask(channel, "wait"))
    await server.stop(None)
    assert failure_of(error, spent=Spent.PERHAPS).reason == "CORE_LOST"


async def test_without_a_core_a_call_was_not_begun() -> None:
    async with Channel(aio.insecure_channel("127.0.0.1:1")) as channel:
        error = await failed(ask(channel, "echo"))
        assert failure_of(error, spent=Spent.PERHAPS).reason == "CORE_UNREACHABLE"

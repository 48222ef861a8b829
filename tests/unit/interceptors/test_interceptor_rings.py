"""What happens around a call: keys, ids, lines, counts, and the end of a stream."""

import asyncio
import logging

import grpc
import pytest
from cli2api.v1.job_pb2 import DeleteJobRequest

from cli.readiness import until
from services.domain import call
from services.domain.errors import RateLimited
from services.domain.usage import caller_of
from tests.rpc import Script, serve

STREAMED = ("Stream", "Write", "Chat")


def lines(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [each for each in caplog.records if each.message == "call"]


@pytest.mark.parametrize(
    "metadata",
    [
        (("authorization", "Bearer two"),),
        (("authorization", "bearer  two "),),
        (("x-api-key", "two"),),
        (("authorization", "Bearer a placeholder of the SDK"), ("x-api-key", "two")),
    ],
)
async def test_a_known_key_opens_the_gateway(metadata: tuple[tuple[str, str]]) -> None:
    async with serve(None, "one", "two") as server:
        assert (await server.call(metadata=metadata)).id == "a"


@pytest.mark.parametrize("shape", ["Answer", *STREAMED, "Gather"])
async def test_no_key_and_a_wrong_key_are_refused_in_every_shape(shape: str) -> None:
    async with serve(None, "one") as server:
        none = await server.fails(shape)
        wrong = await server.fails(shape, metadata=(("authorization", "Bearer two"),))
        basic = await server.fails(shape, metadata=(("authorization", "Basic one"),))
    assert {none.code, wrong.code, basic.code} == {grpc.StatusCode.UNAUTHENTICATED}
    assert none.info.reason == "INVALID_API_KEY"
    assert "authorization: Bearer <key>" in none.message
    assert "does not know the API key" in wrong.message
    assert "two" not in wrong.message


async def test_a_gateway_without_keys_is_open() -> None:
    async with serve() as server:
        assert (await server.call(metadata=(("authorization", "Bearer whatever"),))).id == "a"


async def test_probes_need_no_key() -> None:
    async with serve(None, "one") as server:
        assert await server.raw("/grpc.health.v1.Health/Check", b"") == b""


async def test_the_log_knows_the_caller_by_a_hash(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    async with serve(None, "secret-key") as server:
        await server.call(metadata=(("x-api-key", "secret-key"),))
    (line,) = lines(caplog)
    assert line.__dict__["caller"] == caller_of("secret-key") != ""
    assert "secret-key" not in str(line.__dict__)


@pytest.mark.parametrize("shape", ["Answer", *STREAMED, "Gather"])
async def test_each_call_writes_one_line(shape: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    async with serve(Script(fault=RateLimited("slow down"))) as server:
        await server.fails(shape, metadata=(("x-request-id", "r-1"),))
    (line,) = lines(caplog)
    told = line.__dict__
    assert (told["method"], told["code"], told["request_id"]) == (f"/test.Script/{shape}", "RESOURCE_EXHAUSTED", "r-1")
    assert told["ms"] >= 0
    assert told["peer"].startswith("ipv4:127.0.0.1")


async def test_a_request_id_is_kept_and_given_back() -> None:
    async with serve() as server:
        answered = server.call(metadata=(("x-request-id", "r-1"),))
        await answered
        assert dict(await answered.trailing_metadata())["x-request-id"] == "r-1"


@pytest.mark.parametrize("given", ["", "x" * 200, "two words", "sl\\ash"])
async def test_a_request_id_that_is_none_is_replaced(given: str) -> None:
    async with serve() as server:
        answered = server.call(metadata=(("x-request-id", given),) if given else ())
        await answered
        made = dict(await answered.trailing_metadata())["x-request-id"]
    assert len(made) == 32
    assert made != given


async def test_a_failed_call_gives_its_request_id_back_too() -> None:
    async with serve(Script(fault=RateLimited("slow down"))) as server:
        told = await server.fails(metadata=(("x-request-id", "r-1"),))
    assert told.trailing["x-request-id"] == "r-1"


async def test_calls_are_counted_by_method_and_code() -> None:
    async with serve() as server:
        await server.call()
        server.script.fault = RateLimited("slow down")
        await server.fails()
        await server.fails("Missing")
        count = server.registry.get_sample_value

        async def is_counted() -> bool:  # a caller has its answer before the rings around the call have ended
            return count("cli2api_rpcs_total", {"method": "unknown", "code": "UNIMPLEMENTED"}) == 1

        async with asyncio.timeout(5):
            await until(is_counted)
        assert count("cli2api_rpcs_total", {"method": "/test.Script/Answer", "code": "OK"}) == 1
        assert count("cli2api_rpcs_total", {"method": "/test.Script/Answer", "code": "RESOURCE_EXHAUSTED"}) == 1
        assert count("cli2api_rpcs_total", {"method": "unknown", "code": "UNIMPLEMENTED"}) == 1
        assert count("cli2api_rpcs_running", {"method": "/test.Script/Answer"}) == 0
        assert count("cli2api_rpc_seconds_count", {"method": "/test.Script/Answer"}) == 2


@pytest.mark.parametrize(("shape", "replies"), [("Answer", 1), ("Stream", 3), ("Write", 1), ("Gather", 1), ("Chat", 2)])
async def test_every_shape_answers(shape: str, replies: int) -> None:
    async with serve() as server:
        answered = server.call(shape, iter([DeleteJobRequest(id="a")] * 2))
        found = [each.id async for each in answered] if shape in STREAMED else [(await answered).id]
    assert len(found) == replies
    assert set("".join(found)) == {"a"}


@pytest.mark.parametrize("shape", ["Answer", "Stream", "Gather"])
async def test_a_caller_that_leaves_ends_the_work_at_once(shape: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    script = Script(hang=True)
    async with serve(script) as server:
        answered = server.call(shape)
        if shape == "Stream":
            await answered.read()
        await asyncio.wait_for(script.started.wait(), 5)
        answered.cancel()
        await asyncio.wait_for(script.closed.wait(), 5)
    assert [each.__dict__["code"] for each in lines(caplog)] == ["CANCELLED"]


async def test_a_stream_that_nobody_reads_any_more_is_closed_between_two_pieces() -> None:
    script = Script(replies=10_000_000)
    async with serve(script) as server:
        answered = server.call("Stream")
        await answered.read()
        answered.cancel()
        await asyncio.wait_for(script.closed.wait(), 5)


async def test_outside_of_a_call_nobody_calls() -> None:
    assert call.current() == call.Call()

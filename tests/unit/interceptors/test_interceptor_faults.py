"""Every named failure has a code, and every failed call says exactly one reason."""

import asyncio
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import grpc
import pytest
from cli2api.v1 import error_pb2
from google.rpc import error_details_pb2

from services.domain import errors
from services.domain.errors import Failure, Violation
from services.interceptors.details import CODES, MAX_STATUS_BYTES, status_of
from tests.rpc import Script, serve


def family(of: type[Failure] = Failure) -> Iterator[type[Failure]]:
    for child in of.__subclasses__():
        yield child
        yield from family(child)


FAILURES = tuple(family())
SHAPES = ("Answer", "Stream", "Write", "Gather", "Chat")


def test_every_error_class_has_a_code() -> None:
    assert {each.reason for each in FAILURES} == set(CODES)


def test_every_reason_of_the_contract_has_an_error_class() -> None:
    promised = {name.removeprefix("ERROR_REASON_") for name in error_pb2.ErrorReason.keys()} - {"UNSPECIFIED"}  # noqa: SIM118
    assert promised == {each.reason for each in FAILURES}


def test_the_codes_are_those_that_the_contract_names() -> None:
    """The comment of each reason in error.proto ends with its code."""
    proto = Path(__file__).parents[3] / "proto/cli2api/v1/error.proto"
    lines = [line.strip() for line in proto.read_text(encoding="utf-8").splitlines()]
    told = {
        line.split(" = ")[0].removeprefix("ERROR_REASON_"): before.rstrip(".").rsplit(" ", 1)[1]
        for before, line in pairwise(lines)
        if line.startswith("ERROR_REASON_") and not line.startswith("ERROR_REASON_UNSPECIFIED")
    }
    assert told == {reason: code.name for reason, code in CODES.items()}


@pytest.mark.parametrize("kind", FAILURES, ids=lambda kind: kind.reason)
async def test_a_failure_reaches_its_caller_with_code_reason_and_words(kind: type[Failure]) -> None:
    async with serve(Script(fault=kind("so it is", metadata={"job_id": "video_1"}))) as server:
        told = await server.fails()
    assert told.code is CODES[kind.reason]
    assert told.message == "so it is"
    assert (told.info.reason, told.info.domain, dict(told.info.metadata)) == (kind.reason, "cli2api", {"job_id": "video_1"})


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_failure_is_told_in_every_shape_of_call(shape: str) -> None:
    async with serve(Script(fault=errors.OutOfCredits("no credits left"))) as server:
        told = await server.fails(shape)
    assert (told.code, told.info.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "BILLING")


async def test_violations_become_a_bad_request() -> None:
    fault = errors.InvalidRequest.of(Violation("size", "must be 1:1"), Violation("extra.x", "is unknown"))
    async with serve(Script(fault=fault)) as server:
        told = await server.fails()
    bad = told.detail(error_details_pb2.BadRequest)
    assert [(each.field, each.description) for each in bad.field_violations] == [
        ("size", "must be 1:1"),
        ("extra.x", "is unknown"),
    ]
    assert told.message == "size: must be 1:1 (and 1 more)"


async def test_a_known_wait_becomes_a_retry_info() -> None:
    async with serve(Script(fault=errors.RateLimited("slow down", retry_after=2.5))) as server:
        told = await server.fails()
    assert told.detail(error_details_pb2.RetryInfo).retry_delay.ToMilliseconds() == 2500


async def test_no_wait_is_told_where_none_is_known() -> None:
    async with serve(Script(fault=errors.RateLimited("slow down"))) as server:
        told = await server.fails()
    assert told.detail(error_details_pb2.RetryInfo) is None


@pytest.mark.parametrize("shape", SHAPES)
async def test_the_text_of_an_unexpected_exception_reaches_the_log_only(shape: str, caplog: pytest.LogCaptureFixture) -> None:
    async with serve(Script(fault=ValueError("password is swordfish"))) as server:
        told = await server.fails(shape, metadata=(("x-request-id", "abc-1"),))
    assert told.code is grpc.StatusCode.INTERNAL
    assert told.message == "internal error; request id abc-1"
    assert "swordfish" not in str(told.details)
    (line,) = [each for each in caplog.records if each.message == "internal error"]
    assert line.exc_info
    assert "swordfish" in str(line.exc_info[1])


async def test_a_request_that_cannot_be_parsed_is_invalid() -> None:
    async with serve() as server:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await server.raw("/test.Script/Answer", b"\xff\xff\xff")
    assert failed.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_an_unknown_method_is_unsupported() -> None:
    async with serve() as server:
        told = await server.fails("Missing")
    assert (told.code, told.info.reason) == (grpc.StatusCode.UNIMPLEMENTED, "UNSUPPORTED")
    assert told.message == "this gateway has no method /test.Script/Missing; reflection lists those that it has"


async def test_a_deadline_that_passes_is_recorded_as_such(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    script = Script(hang=True)
    async with serve(script) as server:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await server.call(timeout=0.2)
        await asyncio.wait_for(script.closed.wait(), 5)
    assert failed.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert [each.__dict__["code"] for each in caplog.records if each.message == "call"] in (["DEADLINE_EXCEEDED"], ["CANCELLED"])


def test_a_status_stays_small_enough_for_any_client() -> None:
    violations = [Violation(f"messages[{index}].parts", "ü" * 300) for index in range(1000)]
    status = status_of(errors.InvalidRequest("ä" * 5000, violations=violations))
    assert status.ByteSize() <= MAX_STATUS_BYTES
    assert status.message.endswith("...")
    bad = error_details_pb2.BadRequest()
    assert status.details[1].Unpack(bad)
    assert bad.field_violations[0].field == "messages[0].parts"

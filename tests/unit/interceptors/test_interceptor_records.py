"""Every call that asks a model for something leaves one record, whatever becomes of it."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from cli2api.v1 import job_pb2, text_pb2

from edge.errors import ROWS
from services.domain import call, errors
from services.domain.text import TokenUsage
from services.domain.usage import Record, caller_of
from services.interceptors.access import access
from services.interceptors.auth import Keys, auth
from services.interceptors.details import CODES
from services.interceptors.faults import faults
from services.interceptors.records import LONGEST_NAME, STATUSES, records
from services.interceptors.shapes import Rings
from services.jobs.clock import SystemClock
from services.usage.recorder import Recorder
from tests.records import ShakyStore
from tests.worlds import NOON, FakeClock

TEXT = "/cli2api.v1.TextService"
EDGE = (("x-cli2api-endpoint", "/v1/chat/completions"), ("x-request-id", "r-1"))


class Kept(ShakyStore):
    """A store that shows its records, and says when there is one."""

    def __init__(self) -> None:
        super().__init__()
        self.written = asyncio.Event()

    async def add(self, records: Sequence[Record]) -> None:
        await super().add(records)
        self.written.set()

    @property
    def records(self) -> list[Record]:
        return list(self._records)


class Service:
    """Answers as told, and notes what a servicer knows."""

    def __init__(self) -> None:
        self.fault: BaseException | None = None
        self.hang = False
        self.reached = asyncio.Event()

    async def generate(self, request: Any, context: Any) -> text_pb2.GenerateResponse:
        note = call.current().note
        note.model = request.model
        note.tokens = TokenUsage(prompt_tokens=3, completion_tokens=5, cached_tokens=1)
        if self.fault:
            raise self.fault
        note.job_id = "image_1"
        return text_pb2.GenerateResponse(id="answer")

    async def relay(self, request: Any, context: Any) -> AsyncGenerator[text_pb2.RelayResponse, None]:
        call.current().note.status = 429
        if self.fault:
            raise self.fault
        yield text_pb2.RelayResponse(head=text_pb2.RelayHead(status=429))
        yield text_pb2.RelayResponse(chunk=b"12345")
        if self.hang:
            self.reached.set()
            await asyncio.Event().wait()
        yield text_pb2.RelayResponse(chunk=b"67")

    async def get_job(self, request: Any, context: Any) -> job_pb2.GetJobResponse:
        return job_pb2.GetJobResponse()


class Gateway:
    def __init__(self, service: Service, channel: grpc.aio.Channel, recorder: Recorder, store: Kept) -> None:
        self.service, self._channel, self._recorder, self._store = service, channel, recorder, store

    def generate(self, model: str = "gpt-5", **kwargs: Any) -> Any:
        method: Any = self._channel.unary_unary(
            f"{TEXT}/Generate", text_pb2.GenerateRequest.SerializeToString, text_pb2.GenerateResponse.FromString
        )
        return method(text_pb2.GenerateRequest(model=model), **kwargs)

    def relay(self, **kwargs: Any) -> Any:
        method: Any = self._channel.unary_stream(
            f"{TEXT}/Relay", text_pb2.RelayRequest.SerializeToString, text_pb2.RelayResponse.FromString
        )
        return method(text_pb2.RelayRequest(), **kwargs)

    async def get_job(self) -> None:
        method: Any = self._channel.unary_unary("/cli2api.v1.JobService/GetJob")
        await method(b"")

    async def fails(self, call: Any) -> None:
        with pytest.raises(grpc.aio.AioRpcError):
            await (call if not hasattr(call, "__aiter__") else drained(call))

    async def records(self) -> list[Record]:
        await self._recorder.flush()
        return self._store.records

    async def first_record(self) -> Record:
        async with asyncio.timeout(10):
            await self._store.written.wait()
        return self._store.records[0]


async def drained(call: Any) -> list[Any]:
    return [each async for each in call]


@asynccontextmanager
async def gateway(*keys: str) -> AsyncGenerator[Gateway]:
    service, store = Service(), Kept()
    async with Recorder(store=store, clock=SystemClock(), buffer=100) as recorder:
        server = grpc.aio.server(interceptors=[Rings(access, faults, auth(Keys(keys)), records(recorder, FakeClock()))])
        text: dict[str, Any] = {
            "Generate": grpc.unary_unary_rpc_method_handler(
                service.generate, text_pb2.GenerateRequest.FromString, text_pb2.GenerateResponse.SerializeToString
            ),
            "Relay": grpc.unary_stream_rpc_method_handler(
                service.relay, text_pb2.RelayRequest.FromString, text_pb2.RelayResponse.SerializeToString
            ),
        }
        jobs: dict[str, Any] = {
            "GetJob": grpc.unary_unary_rpc_method_handler(
                service.get_job, job_pb2.GetJobRequest.FromString, job_pb2.GetJobResponse.SerializeToString
            )
        }
        server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("cli2api.v1.TextService", text)])
        server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("cli2api.v1.JobService", jobs)])
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                yield Gateway(service, channel, recorder, store)
        finally:
            await server.stop(0)


def test_every_failure_has_the_status_that_rest_shows() -> None:
    assert set(STATUSES) == set(CODES)
    assert {reason: ROWS[reason].status for reason in STATUSES} == STATUSES


async def test_a_call_leaves_one_record_of_what_is_known() -> None:
    async with gateway("key") as here:
        await here.generate(metadata=(*EDGE, ("x-api-key", "key")))
        (record,) = await here.records()

    assert record.seconds >= (record.first_byte_seconds or 0) > 0
    assert record == Record(
        id=record.id,
        began_at=NOON,
        endpoint="/v1/chat/completions",
        model="gpt-5",
        caller=caller_of("key"),
        status=200,
        prompt_tokens=3,
        completion_tokens=5,
        cached_tokens=1,
        seconds=record.seconds,
        first_byte_seconds=record.first_byte_seconds,
        bytes_out=text_pb2.GenerateResponse(id="answer").ByteSize(),
        request_id="r-1",
        job_id="image_1",
    )


async def test_a_call_by_grpc_is_told_by_its_method() -> None:
    async with gateway() as here:
        await here.generate()
        await here.generate(metadata=(("x-cli2api-endpoint", "anything else"),))
        assert [record.endpoint for record in await here.records()] == [f"{TEXT}/Generate"] * 2


async def test_an_answer_that_is_passed_on_keeps_its_status_and_its_bytes_are_counted() -> None:
    async with gateway() as here:
        await drained(here.relay(metadata=EDGE))
        (record,) = await here.records()
    assert (record.status, record.bytes_out, record.cancelled, record.prompt_tokens) == (429, 7, False, None)


@pytest.mark.parametrize(
    ("fault", "status", "job_id"),
    [
        (errors.OutOfCredits("no credits"), 402, ""),
        (errors.VendorFailed("it failed", metadata={"job_id": "video_1"}), 502, "video_1"),
        (RuntimeError("a fault of ours"), 500, ""),
    ],
)
async def test_a_call_that_fails_is_recorded_with_its_status(fault: BaseException, status: int, job_id: str) -> None:
    async with gateway() as here:
        here.service.fault = fault
        await here.fails(here.generate())
        (record,) = await here.records()
    assert (record.status, record.job_id, record.first_byte_seconds, record.bytes_out) == (status, job_id, None, 0)


async def test_a_call_that_its_caller_cancelled_is_marked_so() -> None:
    async with gateway() as here:
        here.service.hang = True
        asked = here.relay(metadata=EDGE)
        await here.service.reached.wait()
        asked.cancel()
        record = await here.first_record()
    assert (record.status, record.cancelled, record.bytes_out) == (499, True, 5)


async def test_a_deadline_that_passed_is_not_a_caller_that_left() -> None:
    async with gateway() as here:
        here.service.hang = True
        await here.fails(here.relay(timeout=0.2))
        record = await here.first_record()
    assert (record.status, record.cancelled) == (504, False)


async def test_who_was_not_let_in_leaves_no_record() -> None:
    async with gateway("key") as here:
        await here.fails(here.generate())
        assert await here.records() == []


async def test_reading_leaves_no_record() -> None:
    async with gateway() as here:
        await here.get_job()
        assert await here.records() == []


async def test_what_the_edge_has_to_ask_again_is_counted_the_second_time_only() -> None:
    async with gateway() as here:
        here.service.fault = errors.Unsupported("this model speaks another dialect")
        await here.fails(here.relay(metadata=EDGE))
        assert await here.records() == []
        await here.fails(here.relay())
        assert [record.status for record in await here.records()] == [400]


async def test_a_name_that_a_caller_made_up_is_cut() -> None:
    async with gateway() as here:
        await here.generate(model="x" * 100_000)
        (record,) = await here.records()
    assert record.model == "x" * LONGEST_NAME

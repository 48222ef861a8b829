"""What Envoy tells of direct calls is recorded, also where the way cannot be closed after a refusal."""

import logging
from pathlib import Path
from typing import cast

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from services.api.logs import WORD_HEADER, Logs
from services.api.patience import Context
from services.credentials.handover import Handover, prepare
from services.usage.recorder import Recorder
from tests.hosts import ScriptedCredentials
from tests.records import ALL, ShakyStore
from tests.worlds import FakeClock

REFUSED = "direct:/v1/chat/completions 401 - 12 11500 111 abc r-1 application/json\x1fgpt-5\x1frefused 401"
SERVED = "direct:/v1/chat/completions 200 - 12 11500 111 abc r-1 application/json\x1fgpt-5\x1f-"
ELSEWHERE = "- 200 - 12 11500 111 abc r-1 application/json\x1f-\x1f-"
"""Of a call that the edge has served, though it named MuleRun's host."""


class Called:
    """A call by our own Envoy."""

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return ((WORD_HEADER, "w"),)


def batch(*lines: str) -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    told = request.resource_logs.add().scope_logs.add().log_records
    for line in lines:
        told.add().body.string_value = line
    return request


async def test_each_call_of_a_batch_is_a_record_and_a_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    request, store = batch(SERVED, ELSEWHERE, SERVED.replace("r-1", "r-2")), ShakyStore()
    request.resource_logs[0].scope_logs[0].log_records[2].trace_id = bytes(range(16))
    async with Recorder(store=store, clock=FakeClock(), buffer=10) as recorder:
        await Logs(recorder=recorder, word="w", refused=no_refusal).Export(request, cast("Context", Called()))
    assert store.batches == [2]
    assert sum(row.calls for row in await store.sums(ALL)) == 2
    assert [each.levelname for each in caplog.records] == ["INFO", "INFO"]
    first, second = (each.__dict__ for each in caplog.records if each.message == "call")
    assert {name: first[name] for name in ("path", "status", "ms", "caller", "request_id")} == {
        "path": "/v1/chat/completions",
        "status": 200,
        "ms": 12.0,
        "caller": "abc",
        "request_id": "r-1",
    }
    assert "trace_id" not in first
    assert (second["request_id"], second["trace_id"]) == ("r-2", "000102030405060708090a0b0c0d0e0f")


async def no_refusal() -> None:
    raise AssertionError("nobody refused")


async def test_a_folder_that_cannot_be_written_loses_no_record(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder, store = tmp_path / "direct", ShakyStore()
    prepare(folder, "w")
    handover = Handover(ScriptedCredentials("muk-1"), folder, FakeClock())
    await handover.look()
    folder.rename(tmp_path / "elsewhere")
    async with Recorder(store=store, clock=FakeClock(), buffer=10) as recorder:
        logs = Logs(recorder=recorder, word="w", refused=handover.refused)
        await logs.Export(batch(REFUSED), cast("Context", Called()))
        await logs.Export(batch(REFUSED), cast("Context", Called()))
    assert sum(row.calls for row in await store.sums(ALL)) == 2
    told = [each.message for each in caplog.records if each.levelno == logging.ERROR]
    assert told == ["the direct way cannot be closed after a refusal"] * 2

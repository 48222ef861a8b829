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

REFUSED = "direct:/v1/chat/completions 1800000000.250000 401 - 12 11500 111 abc r-1 401 application/json"


class Called:
    """A call by our own Envoy."""

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return ((WORD_HEADER, "w"),)


def batch(line: str) -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    request.resource_logs.add().scope_logs.add().log_records.add().body.string_value = line
    return request


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

"""A line of the log is one JSON object that people and programs read alike."""

import json
import logging
import re
from typing import Any

from services.domain import call
from services.telemetry import Lines, open_registry


def written(message: str, **extra: object) -> dict[str, Any]:
    record = logging.LogRecord("services.jobs", logging.WARNING, "f", 1, message, None, None)
    record.__dict__.update(extra)
    line = Lines().format(record)
    assert "\n" not in line
    parsed: dict[str, Any] = json.loads(line)
    return parsed


def test_a_line_has_time_level_logger_message_and_what_was_added() -> None:
    line = written("settled\nanew", job_id="video_1")
    assert list(line)[:4] == ["time", "level", "logger", "message"]
    assert (line["level"], line["logger"], line["message"], line["job_id"]) == (
        "warning",
        "services.jobs",
        "settled\nanew",
        "video_1",
    )
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
    assert "request_id" not in line


def test_what_json_cannot_hold_is_still_a_line() -> None:
    line = written("half a \ud800", number=1 << 70, kind=ValueError("odd"))
    assert (line["message"], line["number"], line["kind"]) == ("half a \ud800", 1 << 70, "odd")


async def test_a_line_inside_of_a_call_has_its_request_id() -> None:
    call.enter(call.Call(request_id="r-1"))
    assert written("x")["request_id"] == "r-1"


def test_the_registry_tells_of_the_process() -> None:
    assert open_registry().get_sample_value("process_cpu_seconds_total") is not None

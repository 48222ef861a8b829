"""A line of the log is one JSON object that people and programs read alike."""

import io
import json
import logging
import re
from select import PIPE_BUF
from typing import Any

import pytest

from services.domain import call
from services.telemetry import Lines, Stream, open_registry, say_each


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


class Written(io.StringIO):
    """A stream that remembers each write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[str] = []

    def write(self, text: str) -> int:
        self.writes.append(text)
        return super().write(text)

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


def a_log() -> tuple[logging.Logger, Written]:
    """A logger of its own, which only our handler hears, and what that one has written."""
    log, stream = logging.Logger("tests.said_each", logging.INFO), Written()  # noqa: LOG001 - pytest hears the others
    log.addHandler(Stream(stream))
    return log, stream


async def test_many_lines_are_what_each_would_be_by_itself() -> None:
    said, stream = a_log()
    call.enter(call.Call(request_id="export", trace_id="t-0"))
    rows: list[dict[str, Any]] = [{"ms": 1.5, "request_id": "r-1"}, {}, {"trace_id": "t-1", "kind": ValueError("ünïcode")}]
    say_each(said, "call", rows)
    for row in rows:
        said.info("call", extra=row)

    lines = [list(line.items())[1:] for line in stream.lines]

    assert lines[:3] == lines[3:]
    assert lines[0] == [
        ("level", "info"),
        ("logger", "tests.said_each"),
        ("message", "call"),
        ("ms", 1.5),
        ("request_id", "r-1"),
        ("trace_id", "t-0"),
    ]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", stream.lines[0]["time"])


def test_many_lines_are_few_writes_and_no_line_is_cut() -> None:
    said, stream = a_log()
    rows = [{"place": place, "note": "ü" * (5000 if place == 50 else 40)} for place in range(100)]
    say_each(said, "call", rows)
    assert [line["place"] for line in stream.lines] == list(range(100))
    assert all(text.endswith("}\n") for text in stream.writes)
    (longest,) = (text for text in stream.writes if len(text.encode()) > PIPE_BUF)
    assert longest.count("\n") == 1
    assert len(stream.writes) <= 4 + 2 * len(stream.getvalue().encode()) // PIPE_BUF


def test_lines_below_the_level_are_not_written() -> None:
    said, stream = a_log()
    said.setLevel(logging.WARNING)
    say_each(said, "call", [{"ms": 1}])
    said.setLevel(logging.INFO)
    said.handlers[0].setLevel(logging.WARNING)
    say_each(said, "call", [{"ms": 1}])
    say_each(said, "call", [])
    assert stream.writes == []


def test_whoever_else_listens_hears_each_line(caplog: pytest.LogCaptureFixture) -> None:
    said, stream = a_log()
    said.addHandler(caplog.handler)
    say_each(said, "call", [{"ms": 1}, {"ms": 2}])
    assert [each.__dict__["ms"] for each in caplog.records] == [line["ms"] for line in stream.lines] == [1, 2]


def test_what_json_cannot_hold_is_still_a_line_among_many() -> None:
    said, stream = a_log()
    say_each(said, "call", [{"note": "half a \ud800"}, {"note": 1 << 70}])
    assert [line["note"] for line in stream.lines] == ["half a \ud800", 1 << 70]


def test_a_stream_that_is_closed_fails_nobody() -> None:
    said, stream = a_log()
    stream.close()
    say_each(said, "call", [{"ms": 1}])

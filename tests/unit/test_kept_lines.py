"""Lines of the log that wait a moment for others: none is lost, cut, doubled or out of order, in core and edge alike."""

import asyncio
import json
import logging
from select import PIPE_BUF
from typing import Any, TypeAlias

import pytest

import edge.telemetry
import services.telemetry
from tests.unit.test_telemetry import Written

Kind: TypeAlias = type[services.telemetry.Stream] | type[edge.telemetry.Stream]

pytestmark = pytest.mark.parametrize("kind", [services.telemetry.Stream, edge.telemetry.Stream])


def line(number: int, note: str = "") -> bytes:
    return json.dumps({"number": number, "note": note}, ensure_ascii=False).encode() + b"\n"


def numbers(stream: Written) -> list[Any]:
    return [each.get("number", each.get("message")) for each in stream.lines]


async def test_lines_of_a_moment_are_one_write(kind: Kind) -> None:
    came = asyncio.Event()

    class Waited(Written):
        def write(self, text: str) -> int:
            came.set()
            return super().write(text)

    stream = Waited()
    handler = kind(stream)
    for number in range(5):
        handler.write(line(number))
    assert stream.writes == []
    async with asyncio.timeout(5):
        await came.wait()
    assert (len(stream.writes), numbers(stream)) == (1, [0, 1, 2, 3, 4])


async def test_no_write_is_larger_than_a_pipe_takes(kind: Kind) -> None:
    stream = Written()
    handler = kind(stream)
    for number in range(100):
        handler.write(line(number, "模" * 50))
    handler.flush()
    assert numbers(stream) == list(range(100))
    assert max(len(text.encode()) for text in stream.writes) <= PIPE_BUF
    assert len(stream.writes) < 20


async def test_a_record_comes_at_once_and_after_what_was_kept(kind: Kind) -> None:
    stream = Written()
    handler = kind(stream)
    handler.write(line(1))
    handler.emit(logging.makeLogRecord({"msg": "now", "levelname": "ERROR"}))
    assert numbers(stream) == [1, "now"]


def test_where_no_loop_runs_a_line_is_written_at_once(kind: Kind) -> None:
    stream = Written()
    kind(stream).write(line(1))
    assert numbers(stream) == [1]


def test_what_a_loop_has_left_behind_goes_with_the_next_line(kind: Kind) -> None:
    stream = Written()
    handler = kind(stream)

    async def say() -> None:
        handler.write(line(1))

    asyncio.run(say())
    handler.write(line(2))
    assert numbers(stream) == [1, 2]


async def test_what_is_said_while_lines_are_written_doubles_none(kind: Kind) -> None:
    class Talkative(Written):
        def write(self, text: str) -> int:
            if not self.writes:
                self.writes.append("")
                handler.emit(logging.makeLogRecord({"msg": "meanwhile"}))
            return super().write(text)

    stream = Talkative()
    handler = kind(stream)
    handler.write(line(1))
    handler.flush()
    assert sorted(map(str, numbers(stream))) == ["1", "meanwhile"]

"""Writes that come together wait for the disk together, and none fails by another's fault."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import aiosqlite
import pytest

from services.stores.sqlite_writes import Connection, Writes

INSERT = "INSERT INTO numbers (number) VALUES (:number) RETURNING number"


@pytest.fixture
async def connection(tmp_path: Path) -> AsyncIterator[Connection]:
    opened = Connection(tmp_path / "numbers.db")
    async with opened:
        await opened.execute_fetchall("CREATE TABLE numbers (number INTEGER PRIMARY KEY) STRICT")
        yield opened


async def kept(connection: aiosqlite.Connection) -> list[int]:
    return [row[0] for row in await connection.execute_fetchall("SELECT number FROM numbers ORDER BY number")]


async def test_a_hundred_at_once_are_one_commit_and_each_has_its_own_rows(connection: Connection) -> None:
    said: list[str] = []
    await connection.set_trace_callback(said.append)
    writes = Writes(connection)
    rows = await asyncio.gather(*(writes.run(INSERT, {"number": number}) for number in range(100)))
    assert [row[0][0] for row in rows] == list(range(100))
    assert said.count("COMMIT") == 1, "all were there when the first turn began"
    assert await kept(connection) == list(range(100))


async def test_a_statement_that_fails_fails_alone(connection: Connection) -> None:
    writes = Writes(connection)
    await writes.run(INSERT, {"number": 3})
    told = await asyncio.gather(*(writes.run(INSERT, {"number": number}) for number in range(6)), return_exceptions=True)
    assert [number for number, each in enumerate(told) if isinstance(each, sqlite3.IntegrityError)] == [3]
    assert await kept(connection) == list(range(6))


@pytest.mark.parametrize("others", [0, 2], ids=["alone", "among others"])
async def test_statements_that_stand_together_are_done_all_or_none(connection: Connection, others: int) -> None:
    writes = Writes(connection)
    besides = [writes.run(INSERT, {"number": 100 + number}) for number in range(others)]
    told = await asyncio.gather(
        writes.run_all([(INSERT, (1,)), (INSERT, (2,))]),
        writes.run_all([(INSERT, (3,)), (INSERT, (2,)), (INSERT, (4,))]),
        *besides,
        return_exceptions=True,
    )
    assert [row[0] for row in told[0]] == [2]  # type: ignore[union-attr]
    assert isinstance(told[1], sqlite3.IntegrityError)
    assert await kept(connection) == [1, 2, *(100 + number for number in range(others))]


async def test_what_a_caller_asked_for_is_done_also_when_it_leaves(connection: Connection) -> None:
    writes = Writes(connection)
    first = asyncio.create_task(writes.run(INSERT, {"number": 1}))
    second = asyncio.create_task(writes.run(INSERT, {"number": 2}))
    await asyncio.sleep(0)
    second.cancel()
    await first
    await writes.finish()
    assert second.cancelled()
    assert await kept(connection) == [1, 2]


async def test_after_the_end_a_write_says_so_and_the_next_one_too(tmp_path: Path) -> None:
    connection = Connection(tmp_path / "numbers.db")
    async with connection:
        writes = Writes(connection)
    for _ in range(2):
        told = await asyncio.gather(*(writes.run("SELECT 1", {}) for _ in range(2)), return_exceptions=True)
        assert [type(each) for each in told] == [ValueError, ValueError]


@pytest.mark.parametrize(
    ("value", "why"), [("half a character: \ud800", UnicodeEncodeError), (2**63, OverflowError)], ids=["no text", "no number"]
)
async def test_what_sqlite_cannot_hold_fails_alone_and_takes_nothing_with_it(
    connection: Connection, tmp_path: Path, value: str | int, why: type[Exception]
) -> None:
    writes = Writes(connection)
    asked = (1, value, 2)
    async with asyncio.timeout(10):
        told = await asyncio.gather(*(writes.run(INSERT, {"number": each}) for each in asked), return_exceptions=True)
        await asyncio.gather(*(writes.run(INSERT, {"number": number}) for number in (3, 4)))
    assert [type(each) for each in told] == [list, why, list]
    async with Connection(tmp_path / "numbers.db") as another:
        assert await kept(another) == [1, 2, 3, 4]

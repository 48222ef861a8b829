"""Writes to one SQLite connection, many in one transaction: what waits for the disk waits together.

Law: when a write returns, it is on the disk. A commit waits for the disk whatever it holds, so statements that come in while one
is under way are gathered and committed by the next one. Each is still all that its caller asked for, and none fails by another's
fault: where a transaction cannot be kept, its statements are done anew, each by itself.
"""

import asyncio
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

import aiosqlite

from services.stores.rows import Value

MOST: Final = 256
"""Statements in one transaction, so that none waits long for those that came after it."""
FAULTS: Final = (sqlite3.Error, ValueError, OverflowError)
"""All that a statement raises: a closed connection and half a character are ValueErrors, a number beyond 64 bits overflows."""

Rows: TypeAlias = Sequence[sqlite3.Row]
Values: TypeAlias = Mapping[str, Value] | Sequence[Value]
"""By name, or by place."""
Step: TypeAlias = tuple[str, Values]
"""A statement and what is bound to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """Statements that are done all or none, and who waits for the rows of the last."""

    steps: Sequence[Step]
    told: asyncio.Future[Rows]

    def tell(self, rows: Rows) -> None:
        """It is on the disk. Whoever asked may have left; what was asked for is done all the same."""
        if not self.told.done():
            self.told.set_result(rows)

    def fail(self, error: Exception) -> None:
        """It is not, and nothing is left of it."""
        if not self.told.done():
            self.told.set_exception(error)


class Connection(aiosqlite.Connection):
    """A connection in autocommit mode that can also take a whole transaction to its thread in one step."""

    def __init__(self, path: Path) -> None:
        super().__init__(partial(sqlite3.connect, path, isolation_level=None), iter_chunk_size=64)

    async def together(self, turn: Sequence[Write]) -> Sequence[Rows]:
        """The rows of each, all on the disk. Raises one of FAULTS, and then nothing is."""
        found: Sequence[Rows] = await self._execute(self._together, turn)  # type: ignore[no-untyped-call]
        return found

    def _together(self, turn: Sequence[Write]) -> Sequence[Rows]:
        connection = self._conn
        connection.execute("BEGIN IMMEDIATE")
        try:
            found = [[connection.execute(*step).fetchall() for step in write.steps][-1] for write in turn]
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:  # it broke off; SQLite rolls back by itself where the disk is full
                connection.execute("ROLLBACK")
        return found


class Writes:
    """The one hand that writes over `connection`, which stays its maker's to close."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._waiting: list[Write] = []
        self._turns: asyncio.Task[None] | None = None

    async def run(self, statement: str, values: Values) -> Rows:
        """The statement's rows once they are on the disk. It runs to its end, also where the caller is cancelled meanwhile.

        Raises one of FAULTS.
        """
        return await self.run_all([(statement, values)])

    async def run_all(self, steps: Sequence[Step]) -> Rows:
        """Likewise for at least one statement, all or none of which are done; the rows are those of the last."""
        write = Write(steps=steps, told=asyncio.get_running_loop().create_future())
        self._waiting.append(write)
        if self._turns is None:
            self._turns = asyncio.create_task(self._take_turns(), name="sqlite writes")
        return await write.told

    async def finish(self) -> None:
        """Returns when nothing waits to be written."""
        while self._turns is not None:
            await asyncio.wait({self._turns})

    async def _take_turns(self) -> None:
        try:
            while self._waiting:
                turn, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                if len(turn) == 1 or not await self._together(turn):
                    for write in turn:
                        await self._alone(write)
        finally:
            self._turns = None

    async def _together(self, turn: Sequence[Write]) -> bool:
        """Whether all of them are on the disk; where not, none is, and nobody was told anything."""
        try:
            found = await self._connection.together(turn)
        except FAULTS:
            return False
        for write, rows in zip(turn, found, strict=True):
            write.tell(rows)
        return True

    async def _alone(self, write: Write) -> None:
        try:
            if len(write.steps) == 1:
                write.tell(list(await self._connection.execute_fetchall(*write.steps[0])))
            else:
                write.tell((await self._connection.together([write]))[0])
        except FAULTS as error:
            write.fail(error)

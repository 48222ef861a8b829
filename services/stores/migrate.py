"""Brings a database's schema up to date, one migration a transaction, so that a step is there whole or not at all.

Two processes that start at once are safe: each looks again, inside the write lock, at what is still to be done.
"""

import sqlite3
from collections.abc import Iterator, Sequence

import aiosqlite

from services.stores.queries import Migration


class NotOurs(Exception):
    """The database belongs to another program, or to a later version of this one. The message says which, for people."""


async def examine(connection: aiosqlite.Connection, steps: Sequence[Migration], application: int) -> None:
    """Returns where the database is ours to migrate, an empty one too. Raises NotOurs, or sqlite3.Error; writes nothing."""
    tables = await _number(connection, "SELECT count(*) FROM sqlite_schema")
    if tables and await _pragma(connection, "application_id") != application:
        raise NotOurs("it is the database of another program")
    version = await _pragma(connection, "user_version")
    if version > len(steps):
        raise NotOurs(f"a newer cli2api wrote it (schema {version}, this version knows {len(steps)}); run the newer version")


async def migrate(connection: aiosqlite.Connection, steps: Sequence[Migration], application: int) -> None:
    """Runs the steps that the database has not seen. Raises sqlite3.Error. The connection must be in autocommit mode."""
    for step in steps[await _pragma(connection, "user_version") :]:
        await _take(connection, step, application)


async def _take(connection: aiosqlite.Connection, step: Migration, application: int) -> None:
    await connection.execute("BEGIN IMMEDIATE")
    try:
        if await _pragma(connection, "user_version") < step.number:
            for statement in statements(step.sql):
                await connection.execute(statement)
            await connection.execute(f"PRAGMA application_id = {application}")
            await connection.execute(f"PRAGMA user_version = {step.number}")
    except BaseException:
        await connection.rollback()
        raise
    await connection.commit()


def statements(script: str) -> Iterator[str]:
    """The statements of a script, one by one, so that they can stand in one transaction."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


async def _pragma(connection: aiosqlite.Connection, name: str) -> int:
    return await _number(connection, f"PRAGMA {name}")


async def _number(connection: aiosqlite.Connection, query: str) -> int:
    (row,) = await connection.execute_fetchall(query)
    return int(row[0])

"""The schema of a libSQL database: the same steps as an SQLite file takes, and some that only a shared database needs.

Law: a step and the row that says that it was taken are one transaction. Cores that start at once are safe: the row is unique, so
only one of them takes the step, and the others find it taken.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from services.stores.libsql_server import LibsqlServer, Refusal, Statement, bound
from services.stores.migrate import NotOurs, statements
from services.stores.queries import Migration

STEPS: Final = "CREATE TABLE IF NOT EXISTS cli2api_steps (line TEXT, number INTEGER, PRIMARY KEY (line, number)) STRICT"
"""Which steps were taken. SQLite's own word for this (`PRAGMA user_version`) is one for the whole database, and jobs and usage
may be in one."""
TAKEN: Final = "SELECT coalesce(max(number), 0) AS version FROM cli2api_steps WHERE line = :line"
_THERE: Final = "SELECT 1 AS there FROM sqlite_schema WHERE name = 'cli2api_steps'"
TAKE: Final = "INSERT INTO cli2api_steps (line, number) VALUES (:line, :number)"


async def migrate(server: LibsqlServer, lines: Mapping[str, Sequence[Migration]]) -> None:
    """Takes the steps of each line that the database has not seen. Raises NotOurs or Refusal."""
    if not await server.execute(Statement(sql=_THERE)):
        await server.execute(Statement(sql=STEPS))
    for line, steps in lines.items():
        version = await _known(server, line, len(steps))
        for step in steps[version:]:
            await _take(server, line, step)


async def seen(server: LibsqlServer, line: str, known: int) -> int:
    """How many steps of the line, of which we know so many, the database has seen. Changes nothing. Raises NotOurs or Refusal."""
    return await _known(server, line, known) if await server.execute(Statement(sql=_THERE)) else 0


async def _known(server: LibsqlServer, line: str, known: int) -> int:
    version = await _version(server, line)
    if version > known:
        raise NotOurs(f"a newer cli2api wrote it (schema {version}, this version knows {known}); run the newer version")
    return version


async def _take(server: LibsqlServer, line: str, step: Migration) -> None:
    taking = bound(TAKE, ("line", "number"), {"line": line, "number": step.number})
    try:
        await server.transact([taking, *(Statement(sql=each) for each in statements(step.sql))])
    except Refusal as refusal:
        if await _version(server, line) >= step.number:
            return
        if "already exists" in refusal.told:
            raise NotOurs("another program has tables of our names in it; name another database") from refusal
        raise


async def _version(server: LibsqlServer, line: str) -> int:
    (row,) = await server.execute(bound(TAKEN, ("line",), {"line": line}))
    return int(row["version"])

"""The server behind a PostgreSQL store: connections with limits, what its refusals mean, and its schema.

Law: the driver's own text is never shown, since it may quote what was being written, or the DSN.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import asyncpg

from services.stores.migrate import NotOurs
from services.stores.queries import Migration

if TYPE_CHECKING:
    from asyncpg import Connection, Pool
    from asyncpg.pool import PoolConnectionProxy

CONNECT_SECONDS: Final = 5.0
"""For a new connection, and for one of the pool to become free."""
STATEMENT_SECONDS: Final = 10.0
OLDEST_SERVER: Final = 12
"""The first with generated columns."""
LOCK: Final = 0x43324150
"""The advisory lock of whoever migrates ("C2AP")."""

BAD_DSN: Final = ValueError
"""What the driver raises at the first connection for a DSN that says what cannot be."""
DRIVER_ERRORS: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
"""All that the driver raises where the server cannot be reached or refuses; a timeout is an OSError."""
CAUSES: Final = {
    "08": "the connection broke",
    "25006": "it is read-only, as a standby is; name the primary",
    "28": "it refuses the user or the password",
    "3D000": "it has no database of that name",
    "3F000": "no schema of its search_path can be used; create it or let its user in",
    "42501": "its user may not do this; grant it CREATE on the schema",
    "42704": "the DSN has a parameter that it does not know",
    "42P07": "another program has tables of our names in it; name another database",
    "42P01": "a table is missing; restore it from a backup or name an empty database",
    "53100": "its disk is full",
    "53300": "it takes no more connections; lower CLI2API_JOBSTORE_POOL or raise its max_connections",
    "57": "it is shutting down",
    "57014": "it did not finish in time",
    "57P03": "it is starting or stopping",
}
"""What SQLSTATEs, or their first two letters, mean for people."""


def cause(error: BaseException) -> str:
    """What went wrong, in our words."""
    state = getattr(error, "sqlstate", None) or ""
    if known := CAUSES.get(state) or CAUSES.get(state[:2]):
        return known
    match error:
        case ValueError():
            return "its DSN cannot be followed; look at port, sslmode and the files that it names"
        case TimeoutError():
            return "it does not answer"
        case ConnectionRefusedError():
            return "nobody listens there"
        case FileNotFoundError():
            return "its socket, or a file that its DSN names, is not there"
        case OSError():
            return "it cannot be reached"
        case asyncpg.InterfaceError():
            return "the connection is closed"
        case _:
            return f"it answers {state or type(error).__name__}"


async def open_pool(dsn: str, limit: int) -> "Pool":
    """At most `limit` connections, of which one is made at once. Raises one of DRIVER_ERRORS.

    A connection that broke is replaced by the next statement that needs one, so a server that comes back is found by itself.
    """
    return await asyncpg.create_pool(
        dsn,
        min_size=1,
        max_size=limit,
        timeout=CONNECT_SECONDS,
        command_timeout=STATEMENT_SECONDS,
        # Each statement stands alone and leaves nothing behind, so there is nothing to reset, and a round trip is saved.
        reset=_nothing,
        server_settings={"application_name": "cli2api"},
    )


async def connect(dsn: str) -> "Connection":
    """One connection of its own. Raises one of DRIVER_ERRORS."""
    return await asyncpg.connect(
        dsn,
        timeout=CONNECT_SECONDS,
        command_timeout=STATEMENT_SECONDS,
        server_settings={"application_name": "cli2api listener"},
    )


async def migrate(connection: "PoolConnectionProxy", steps: Sequence[Migration], table: str) -> None:
    """Runs the steps that the database has not seen, all in one transaction, so that they are there whole or not at all.

    `table` says which those are; the first step makes it.

    Cores that start at once are safe: one migrates, the others wait and find it done. Raises NotOurs, or one of DRIVER_ERRORS.
    """
    if (server := connection.get_server_version().major) < OLDEST_SERVER:
        raise NotOurs(f"it is PostgreSQL {server}, and {OLDEST_SERVER} or newer is needed")
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
        version = await _version(connection, table)
        if version > len(steps):
            raise NotOurs(f"a newer cli2api wrote it (schema {version}, this version knows {len(steps)}); run the newer version")
        for step in steps[version:]:
            await connection.execute(step.sql)
        if version < len(steps):
            await connection.execute(f"UPDATE {table} SET version = $1", len(steps))  # noqa: S608 - a name of ours


async def now(connection: "PoolConnectionProxy") -> float:
    """The server's clock, in unix seconds."""
    theirs: float = await connection.fetchval("SELECT extract(epoch FROM clock_timestamp())::double precision")
    return theirs


async def _version(connection: "PoolConnectionProxy", table: str) -> int:
    if await connection.fetchval("SELECT to_regclass($1)", table) is None:
        return 0
    version: int = await connection.fetchval(f"SELECT version FROM {table}")  # noqa: S608 - a name of ours
    return version


async def _nothing(_: "Connection") -> None:
    """Resets nothing."""

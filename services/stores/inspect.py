"""Looks at a store without opening it for work: nothing is made, migrated or locked."""

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from services.domain.errors import StoreUnavailable
from services.stores import libsql_schema, libsql_server, postgres_server
from services.stores.dsn import Kind, parse, redact
from services.stores.migrate import NotOurs
from services.stores.purpose import Purpose
from services.stores.queries import migrations
from services.stores.sqlite_file import cause

_FOLDERS = {"jobs.db": "migrations", "usage.db": "usage"}
_LINES = {"jobs.db": "jobs", "usage.db": "usage"}
"""What the same steps are called in a libSQL database."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """How a store looks from outside."""

    kind: Kind
    shown: str
    """Where it is, without secrets."""
    says: str


async def inspect(dsn: str, state_dir: Path, purpose: Purpose) -> Seen:
    """What can be seen. Raises BadDsn, or StoreUnavailable whose message says what to do."""
    place = parse(dsn, state_dir, purpose)
    if place.kind is Kind.MEMORY:
        return Seen(kind=place.kind, shown="memory:", says="all of it is gone when the gateway stops")
    if place.kind is Kind.SQLITE and place.path is not None:
        says = _file(place.path, purpose) if place.path.exists() else _nothing_yet(place.path, purpose)
        return Seen(kind=place.kind, shown=str(place.path), says=says)
    if place.kind is Kind.POSTGRES:
        return Seen(kind=place.kind, shown=redact(dsn), says=await _server(dsn, purpose))
    return Seen(kind=place.kind, shown=redact(dsn), says=await _libsql(place.url, purpose))


def _file(path: Path, purpose: Purpose) -> str:
    if path.is_dir():
        raise StoreUnavailable(f"the {purpose.store} {path} is a folder; name a file in it, such as {path / purpose.file}")
    if not os.access(path, os.R_OK | os.W_OK):
        raise StoreUnavailable(f"the {purpose.store} {path} cannot be read and written by this user; {purpose.advice}")
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=1.0)) as connection:
            application, version, tables = (
                connection.execute(query).fetchone()[0]
                for query in ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_schema")
            )
    except sqlite3.Error as error:
        raise StoreUnavailable(f"the {purpose.store} {path} cannot be used: {cause(error)}") from error
    known = _known(purpose)
    if tables and application != purpose.application:
        raise StoreUnavailable(f"the {purpose.store} {path} is the database of another program; {purpose.advice}")
    if version > known:
        raise StoreUnavailable(
            f"a newer cli2api wrote the {purpose.store} {path} (schema {version}, this version knows {known});"
            " run the newer version"
        )
    return _schema(version, known)


def _nothing_yet(path: Path, purpose: Purpose) -> str:
    folder = next(each for each in path.parents if each.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise StoreUnavailable(f"the {purpose.store} {path} cannot be made: {folder} is not writable; {purpose.advice}")
    return "not there yet; the start makes it"


def _known(purpose: Purpose) -> int:
    return len(migrations(_FOLDERS[purpose.file]))


def _schema(version: int, known: int) -> str:
    older = "" if version == known else f", to be brought to {known} at the start"
    return f"schema {version}{older}"


async def _libsql(dsn: str, purpose: Purpose) -> str:
    known = _known(purpose)
    server = libsql_server.LibsqlServer(libsql_server.place(dsn), limit=1)
    try:
        version = await libsql_schema.seen(server, _LINES[purpose.file], known)
    except (NotOurs, libsql_server.Refusal) as error:
        why = error.cause if isinstance(error, libsql_server.Refusal) else str(error)
        raise StoreUnavailable(f"the {purpose.store} {redact(dsn)} cannot be used: {why}") from error
    finally:
        await server.close()
    return f"it answers; {_schema(version, known)}"


async def _server(dsn: str, purpose: Purpose) -> str:
    try:
        connection = await postgres_server.connect(dsn)
        try:
            writable = not await connection.fetchval("SELECT pg_is_in_recovery()")
        finally:
            await connection.close()
    except (postgres_server.BAD_DSN, *postgres_server.DRIVER_ERRORS) as error:
        why = postgres_server.cause(error)
        raise StoreUnavailable(f"the {purpose.store} {redact(dsn)} cannot be used: {why}; {purpose.advice}") from error
    if not writable:
        raise StoreUnavailable(f"the {purpose.store} {redact(dsn)} is a replica that takes no writes; name its primary")
    return "it answers and takes writes"

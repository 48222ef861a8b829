"""Reads what an operator writes for a store, opens that store, and shows it without its secrets."""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from services.domain.ports import JobStore, UsageStore
from services.stores import libsql_server
from services.stores.libsql import LibsqlStore
from services.stores.memory import MemoryStore
from services.stores.postgres import PostgresStore
from services.stores.purpose import JOBS, USAGE, Purpose
from services.stores.sqlite import SqliteStore
from services.stores.usage_libsql import UsageLibsql
from services.stores.usage_memory import UsageMemory
from services.stores.usage_postgres import UsagePostgres
from services.stores.usage_sqlite import UsageSqlite

FORMS: Final = {
    JOBS: "leave it empty for SQLite in the state directory, or write memory:, a path, file:/path/to/jobs.db,"
    " postgresql://user:password@host/database, or libsql://host?authToken=...",
    USAGE: "leave it empty for SQLite in the state directory, or write memory:, a path, file:/path/to/usage.db,"
    " postgresql://user:password@host/database, or libsql://host?authToken=...",
}
"""What is taken, by what the store is for."""
POSTGRES: Final = frozenset({"postgres", "postgresql"})
LIBSQL: Final = "libsql"
POOL: Final = 10
"""Connections to the server of a job store that one core opens at most, where nothing else is said."""

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_USERINFO: Final = re.compile(r"//.*@", re.DOTALL)
_PAIR: Final = re.compile(r"([^\s?&=]+)=([^\s&#]*)")
_SECRET: Final = re.compile(r"token|pass|pwd|secret|key", re.IGNORECASE)


class BadDsn(ValueError):
    """A DSN that nobody can open. The message shows it without secrets and says what is taken."""


class Kind(StrEnum):
    """Which store a DSN means."""

    MEMORY = "memory"
    SQLITE = "sqlite"
    POSTGRES = "postgres"
    LIBSQL = "libsql"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dsn:
    """A store that can be opened; `path` is set exactly for SQLite, `url` for PostgreSQL and libSQL."""

    kind: Kind
    path: Path | None = None
    url: str = field(default="", repr=False)


async def open_store(dsn: str, state_dir: Path, *, pool: int = POOL) -> JobStore:
    """The store that `dsn` means; empty is SQLite in `<state_dir>/jobs.db`. Raises BadDsn, or StoreUnavailable.

    `pool` is the number of connections to a server at most, beside the one that listens.
    """
    place = parse(dsn, state_dir)
    match place.kind:
        case Kind.POSTGRES:
            return await PostgresStore.open(place.url, shown=redact(place.url), limit=pool)
        case Kind.LIBSQL:
            return await LibsqlStore.open(libsql_server.place(place.url), shown=redact(place.url), limit=pool)
    return MemoryStore() if place.path is None else await SqliteStore.open(place.path)


async def open_usage_store(dsn: str, state_dir: Path) -> UsageStore:
    """The store of records that `dsn` means; empty is SQLite in `<state_dir>/usage.db`. Raises BadDsn, or StoreUnavailable."""
    place = parse(dsn, state_dir, USAGE)
    match place.kind:
        case Kind.POSTGRES:
            return await UsagePostgres.open(place.url, shown=redact(place.url))
        case Kind.LIBSQL:
            return await UsageLibsql.open(libsql_server.place(place.url), shown=redact(place.url))
    return UsageMemory() if place.path is None else await UsageSqlite.open(place.path)


def parse(dsn: str, state_dir: Path, purpose: Purpose = JOBS) -> Dsn:
    """What `dsn` means for a store of that purpose. Opens nothing. Raises BadDsn."""
    dsn = dsn.strip()
    scheme = match[1].lower() if (match := _SCHEME.match(dsn)) else ""
    if not dsn:
        return Dsn(kind=Kind.SQLITE, path=(state_dir / purpose.file).resolve())
    if dsn.lower() == "memory:":
        return Dsn(kind=Kind.MEMORY)
    if scheme == "file":
        return Dsn(kind=Kind.SQLITE, path=_file(dsn, purpose))
    if scheme in POSTGRES:
        return Dsn(kind=Kind.POSTGRES, url=_postgres(dsn, purpose))
    if scheme == LIBSQL:
        return Dsn(kind=Kind.LIBSQL, url=_libsql(dsn, purpose))
    if scheme or dsn == ":memory:":
        raise BadDsn(f"the {purpose.store} {redact(dsn)} is of no kind that is known; {FORMS[purpose]}")
    return Dsn(kind=Kind.SQLITE, path=Path(dsn).expanduser().resolve())


def redact(dsn: str) -> str:
    """The same DSN fit for a log: user, password, tokens and keys are ***."""
    return _PAIR.sub(_hidden, _USERINFO.sub("//***@", dsn))


def _hidden(pair: re.Match[str]) -> str:
    return f"{pair[1]}=***" if _SECRET.search(unquote(pair[1])) else pair[0]


def _postgres(dsn: str, purpose: Purpose) -> str:
    if not re.match(r"\w+://[^/?#\s]*[/?]\S*\Z", dsn):
        raise BadDsn(f"the {purpose.store} {redact(dsn)} has to be postgresql://user:password@host:port/database")
    return dsn


def _libsql(dsn: str, purpose: Purpose) -> str:
    try:
        libsql_server.place(dsn)
    except ValueError as error:
        raise BadDsn(f"the {purpose.store} {redact(dsn)} {error}") from error
    return dsn


def _file(dsn: str, purpose: Purpose) -> Path:
    parts = urlsplit(dsn)
    path = unquote(parts.path)
    if parts.netloc not in ("", "localhost") or parts.query or parts.fragment or not path or path.endswith("/"):
        raise BadDsn(f"the {purpose.store} {redact(dsn)} has to be file: and the path of a file, without host or parameters")
    return Path(path).resolve()

"""Speaks to a libSQL server: Hrana over HTTP, each call a pipeline that opens a stream, does one thing and closes it.

Laws: no stream outlives its call, so a core that dies leaves no transaction open on the server. The server's own text is never
shown, since it may quote what was being written; nor is the token, which travels in a header and stands in no URL.
"""

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import msgspec

from services.stores.rows import Row, Value
from services.stores.sqlite_file import CAUSES as SQLITE_CAUSES

CONNECT_SECONDS: Final = 5.0
STATEMENT_SECONDS: Final = 10.0

CAUSES: Final = {
    **SQLITE_CAUSES,
    "BLOCKED": "its account may not read or write any more; look at its plan",
    "UNREACHABLE": "it cannot be reached",
    "REFUSED": "nobody listens there",
    "UNKNOWN_HOST": "the name of its host does not resolve",
    "TLS": "there is no trusted TLS connection to it; add tls=0 to the DSN only for a server on this machine",
    "SILENT": "it does not answer",
    "BROKEN": "the connection broke",
    "CLOSED": "it is closed",
    "STRANGE": "what answers there does not speak libSQL's protocol (Hrana over HTTP)",
    "HTTP_401": "it refuses the authToken",
    "HTTP_403": "it refuses the authToken",
    "HTTP_404": "it has no such database",
    "HTTP_429": "it takes no more requests for now",
}
"""What codes mean for people: the server's own, SQLite's, and ours for the way there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a database is."""

    url: str
    """Where pipelines are sent."""
    token: str = field(repr=False)
    """Empty where none is asked for."""


class Refusal(Exception):
    """The server cannot be asked, or said no. `code` is a key of CAUSES, or a word of the server's."""

    def __init__(self, code: str, told: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.told = told
        """The server's own words: to be looked at, never to be shown."""

    @property
    def cause(self) -> str:
        """What went wrong, in our words."""
        # An extended name, such as SQLITE_IOERR_WRITE, begins with the plain one.
        known = next((words for code, words in CAUSES.items() if self.code.startswith(code)), "")
        return known or f"it answers {self.code if self.code.isidentifier() else 'with an error'}"


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """One statement and what is bound to its names."""

    sql: str
    named_args: list[dict[str, Any]] = []


class _Cell(msgspec.Struct):
    type: str
    value: str | float | None = None


class _Column(msgspec.Struct):
    name: str | None = None


class _Result(msgspec.Struct):
    cols: list[_Column]
    rows: list[list[_Cell]]


class _Error(msgspec.Struct):
    message: str = ""
    code: str | None = None


class _Batch(msgspec.Struct):
    step_errors: list[_Error | None]


class _Response(msgspec.Struct):
    type: str
    result: msgspec.Raw = msgspec.Raw(b"null")


class _StreamResult(msgspec.Struct):
    type: str
    response: _Response | None = None
    error: _Error | None = None


class _Pipeline(msgspec.Struct):
    results: list[_StreamResult]


class LibsqlServer:
    """One database on a server; close it."""

    def __init__(self, place: Place, *, limit: int) -> None:
        """At most `limit` connections are open at once."""
        self._url = place.url
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=limit),
            timeout=aiohttp.ClientTimeout(total=STATEMENT_SECONDS, sock_connect=CONNECT_SECONDS),
            headers={"authorization": f"Bearer {place.token}"} if place.token else {},
        )

    async def execute(self, statement: Statement) -> Sequence[Row]:
        """The rows of one statement, which is a transaction of its own. Raises Refusal."""
        try:
            result = msgspec.json.decode(await self._ask({"type": "execute", "stmt": statement}), type=_Result)
            return [_row(result.cols, cells) for cells in result.rows]
        except (msgspec.DecodeError, ValueError) as error:
            raise Refusal("STRANGE") from error

    async def transact(self, statements: Sequence[Statement]) -> None:
        """All of them in one transaction, or none. Raises Refusal with the code of the first that failed."""
        steps = [Statement(sql="BEGIN IMMEDIATE"), *statements, Statement(sql="COMMIT")]
        batch: list[dict[str, Any]] = [{"stmt": steps[0]}]
        batch += [{"stmt": step, "condition": {"type": "ok", "step": before}} for before, step in enumerate(steps[1:])]
        done = {"type": "ok", "step": len(steps) - 1}
        batch.append({"stmt": Statement(sql="ROLLBACK"), "condition": {"type": "not", "cond": done}})
        try:
            told = msgspec.json.decode(await self._ask({"type": "batch", "batch": {"steps": batch}}), type=_Batch)
        except msgspec.DecodeError as error:
            raise Refusal("STRANGE") from error
        if failed := next(filter(None, told.step_errors), None):
            raise _refusal(failed)

    async def close(self) -> None:
        """Lets go of every connection."""
        await self._session.close()

    async def _ask(self, request: Mapping[str, Any]) -> msgspec.Raw:
        body = msgspec.json.encode({"baton": None, "requests": [request, {"type": "close"}]})
        headers = {"content-type": "application/json"}
        if self._session.closed:
            raise Refusal("CLOSED")
        try:
            async with self._session.post(self._url, data=body, headers=headers, allow_redirects=False) as answer:
                told = await answer.read()
                if answer.status != 200:
                    raise Refusal(f"HTTP_{answer.status}")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Refusal(_on_the_way(error)) from error
        try:
            (result, *_) = msgspec.json.decode(told, type=_Pipeline).results
        except (msgspec.DecodeError, ValueError) as error:
            raise Refusal("STRANGE") from error
        if result.error is not None:
            raise _refusal(result.error)
        if result.response is None or result.response.type != request["type"]:
            raise Refusal("STRANGE")
        return result.response.result


def place(dsn: str) -> Place:
    """What a `libsql://` DSN means: https, but for `tls=0`. Raises ValueError, whose text says what is wrong, without secrets."""
    parts = urlsplit(dsn)
    given = {name.lower(): value for name, value in parse_qsl(parts.query, keep_blank_values=True)}
    if strange := sorted(set(given) - {"authtoken", "tls"}):
        raise ValueError(f"takes authToken and tls, and no {strange[0]}")
    if given.get("tls", "1") not in {"0", "1"}:
        raise ValueError("takes tls=1, or tls=0 for http")
    token = given.get("authtoken", "")
    if not parts.hostname or "@" in parts.netloc or parts.fragment or not (token.isascii() and token.isprintable()):
        raise ValueError("has to be libsql://host?authToken=..., and the token stands nowhere else")
    scheme = "http" if given.get("tls") == "0" else "https"
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = f":{parts.port}" if parts.port else ""  # a port that is no number is a ValueError with a text of its own
    return Place(url=f"{scheme}://{host}{port}{parts.path.rstrip('/')}/v2/pipeline", token=token)


def bound(sql: str, names: Sequence[str], values: Mapping[str, Value]) -> Statement:
    """A statement with its values, of which those are sent that it names."""
    return Statement(sql=sql, named_args=[{"name": name, "value": _cell(values[name])} for name in names])


def _cell(value: Value) -> dict[str, Value]:
    match value:
        case None:
            return {"type": "null"}
        case str():
            return {"type": "text", "value": value}
        case int():
            return {"type": "integer", "value": str(value)}
        case float():
            # JSON has no infinity, and nothing that is stored lies beyond the largest number.
            finite = value if math.isfinite(value) else math.copysign(sys.float_info.max, value)
            return {"type": "float", "value": finite}


def _row(columns: Sequence[_Column], cells: Sequence[_Cell]) -> Row:
    return {column.name or "": _value(cell) for column, cell in zip(columns, cells, strict=True)}


def _value(cell: _Cell) -> Value:
    match cell:
        case _Cell(type="integer", value=str() | int() as number):
            return int(number)
        case _Cell(type="float", value=float() | int() as number):
            return float(number)
        case _Cell(type="text", value=str() as text):
            return text
        case _Cell(type="null"):
            return None
        case _:
            raise ValueError(cell.type)


def _refusal(error: _Error) -> Refusal:
    return Refusal(error.code or "SQLITE_ERROR", error.message)


def _on_the_way(error: Exception) -> str:
    match error:
        case aiohttp.ClientConnectorDNSError():
            return "UNKNOWN_HOST"
        case aiohttp.ClientSSLError():
            return "TLS"
        case TimeoutError():
            return "SILENT"
        case aiohttp.ClientConnectorError(os_error=ConnectionRefusedError()):
            return "REFUSED"
        case aiohttp.ClientConnectorError() | aiohttp.InvalidURL():
            return "UNREACHABLE"
        case _:
            return "BROKEN"

"""A small libSQL server: Hrana over HTTP as its specification says, over real SQLite files, with faults when told.

It runs in a thread of its own, so that whoever drives an event loop of their own can use it. What it does not serve is refused,
so that a client which needs more is noticed.
"""

import asyncio
import base64
import contextlib
import json
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from aiohttp import web

TOKEN: Final = "hidden-token"
PATIENCE: Final = 30.0


class Hrana:
    """Databases under `/<name>`, made when they are first asked for. `start` and `stop` may alternate."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="hrana", daemon=True)
        self._runner: web.AppRunner | None = None
        self._streams: dict[str, sqlite3.Connection] = {}
        self._numbers = count()
        self._thread.start()
        self.port = 0
        self.requests: list[dict[str, Any]] = []
        """Every request that came in, as its body has it."""
        self.status = 0
        """Answers every call with this HTTP status, where it is not 0."""
        self.error: dict[str, str] | None = None
        """Answers every statement with this error."""
        self.garbled = b""
        """Answers every call with these bytes."""
        self.drops_before = False
        """Breaks every connection before the statement is run."""
        self.drops_after = 0
        """Breaks that many connections after the statement has run."""
        self.answering = asyncio.Event()
        """Cleared, calls are taken in and not answered."""
        self.answering.set()

    def start(self) -> None:
        self._wait(self._start())

    def stop(self) -> None:
        """Ends it and every connection, now."""
        self._wait(self._stop())

    def close(self) -> None:
        self.stop()
        for connection in self._streams.values():
            connection.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()

    def fresh(self, token: str = TOKEN) -> str:
        """A DSN for an empty database that nobody has used."""
        return self.dsn(f"d{next(self._numbers)}", token)

    def dsn(self, name: str, token: str = TOKEN) -> str:
        return f"libsql://127.0.0.1:{self.port}/{name}?tls=0&authToken={token}"

    def tell(self, dsn: str, statement: str) -> list[tuple[Any, ...]]:
        """Runs a statement on the database's file, beside the server."""
        connection = self._open(dsn.partition("?")[0].rpartition("/")[2])
        try:
            return list(connection.execute(statement))
        finally:
            connection.close()

    def mend(self) -> None:
        """Ends every fault."""
        self.status, self.error, self.garbled, self.drops_before, self.drops_after = 0, None, b"", False, 0
        self._loop.call_soon_threadsafe(self.answering.set)

    def _wait(self, work: Any) -> None:
        future: Future[None] = asyncio.run_coroutine_threadsafe(work, self._loop)
        future.result(PATIENCE)

    async def _start(self) -> None:
        app = web.Application(client_max_size=64 << 20)
        for version in ("v2", "v3"):
            app.router.add_get(f"/{{name}}/{version}", self._spoken)
            app.router.add_post(f"/{{name}}/{version}/pipeline", self._pipeline)
        app.router.add_post("/{name}/v3/cursor", self._cursor)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _spoken(self, request: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def _pipeline(self, request: web.Request) -> web.StreamResponse:
        body = await self._admitted(request)
        if isinstance(body, web.Response):
            return body
        stream = self._stream(request.match_info["name"], body.get("baton"))
        baton: str | None = secrets.token_hex(8)
        results = []
        for each in body["requests"]:
            results.append(await asyncio.to_thread(self._result, stream, each))
            if each["type"] == "close":
                baton = None
        if baton is None:
            stream.close()
        else:
            self._streams[baton] = stream
        if self.drops_after:
            self.drops_after -= 1
            raise _broken(request)
        return web.json_response({"baton": baton, "base_url": None, "results": results})

    async def _cursor(self, request: web.Request) -> web.StreamResponse:
        body = await self._admitted(request)
        if isinstance(body, web.Response):
            return body
        stream = self._stream(request.match_info["name"], body.get("baton"))
        baton = secrets.token_hex(8)
        self._streams[baton] = stream
        told = await asyncio.to_thread(_batch, stream, body["batch"])
        lines: list[dict[str, Any]] = [{"baton": baton, "base_url": None}]
        for step, (result, error) in enumerate(zip(told["step_results"], told["step_errors"], strict=True)):
            if error:
                lines.append({"type": "step_error", "step": step, "error": error})
            elif result:
                lines.append({"type": "step_begin", "step": step, "cols": result["cols"]})
                lines += [{"type": "row", "row": row} for row in result["rows"]]
                end = {"affected_row_count": result["affected_row_count"], "last_insert_rowid": result["last_insert_rowid"]}
                lines.append({"type": "step_end", **end})
        return web.Response(text="".join(f"{json.dumps(line)}\n" for line in lines))

    async def _admitted(self, request: web.Request) -> Any:
        """The body of a call that may go on, else its answer."""
        body = await request.json()
        self.requests.append(body)
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return web.json_response({"message": "Unauthorized", "code": "AUTH_JWT_INVALID"}, status=401)
        await self.answering.wait()
        if self.status:
            return web.Response(status=self.status, text="<html>what proxies say</html>")
        if self.garbled:
            return web.Response(body=self.garbled, content_type="application/json")
        if self.drops_before:
            raise _broken(request)
        return body

    def _stream(self, name: str, baton: str | None) -> sqlite3.Connection:
        return self._open(name) if baton is None else self._streams.pop(baton)

    def _open(self, name: str) -> sqlite3.Connection:
        connection = sqlite3.connect(self._folder / f"{name}.db", isolation_level=None, check_same_thread=False, timeout=5.0)
        # Nothing here has to outlive the machine, so nothing waits for the disk.
        for setting in ("journal_mode = WAL", "synchronous = OFF"):
            connection.execute(f"PRAGMA {setting}")
        return connection

    def _result(self, stream: sqlite3.Connection, request: dict[str, Any]) -> dict[str, Any]:
        if self.error and request["type"] != "close":
            return {"type": "error", "error": self.error}
        try:
            match request["type"]:
                case "close":
                    found: dict[str, Any] = {}
                case "execute":
                    found = {"result": _execute(stream, request["stmt"])}
                case "batch":
                    found = {"result": _batch(stream, request["batch"])}
                case "describe":
                    found = {"result": _describe(stream, request["sql"])}
                case "get_autocommit":
                    found = {"is_autocommit": not stream.in_transaction}
                case other:
                    return {"type": "error", "error": {"message": f"{other} is not served", "code": "UNSUPPORTED"}}
        except (sqlite3.Error, ValueError) as error:
            return {"type": "error", "error": _error(error)}
        return {"type": "ok", "response": {"type": request["type"], **found}}


@contextmanager
def serving() -> Iterator[Hrana]:
    """A server that runs, in a folder that goes with it."""
    with TemporaryDirectory(prefix="c2hr") as folder:
        server = Hrana(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.close()


def _execute(stream: sqlite3.Connection, statement: dict[str, Any]) -> dict[str, Any]:
    sql = statement["sql"]
    named = {each["name"].lstrip(":@$"): _given(each["value"]) for each in statement.get("named_args", [])}
    placed = [_given(each) for each in statement.get("args", [])]
    cursor = stream.execute(sql, named or placed)
    rows = cursor.fetchall() if statement.get("want_rows", True) else []
    return {
        "cols": [{"name": column[0], "decltype": None} for column in cursor.description or ()],
        "rows": [[_told(value) for value in row] for row in rows],
        "affected_row_count": max(cursor.rowcount, 0),
        "last_insert_rowid": None if cursor.lastrowid is None else str(cursor.lastrowid),
    }


def _batch(stream: sqlite3.Connection, batch: dict[str, Any]) -> dict[str, Any]:
    results: list[dict[str, Any] | None] = []
    errors: list[dict[str, Any] | None] = []
    for step in batch["steps"]:
        result = error = None
        if _holds(step.get("condition"), results, errors, stream):
            try:
                result = _execute(stream, step["stmt"])
            except (sqlite3.Error, ValueError) as failed:
                error = _error(failed)
        results.append(result)
        errors.append(error)
    return {"step_results": results, "step_errors": errors}


def _holds(condition: dict[str, Any] | None, results: list[Any], errors: list[Any], stream: sqlite3.Connection) -> bool:
    match condition:
        case None:
            return True
        case {"type": "ok", "step": int(step)}:
            return results[step] is not None
        case {"type": "error", "step": int(step)}:
            return errors[step] is not None
        case {"type": "not", "cond": dict(inner)}:
            return not _holds(inner, results, errors, stream)
        case {"type": "and", "conds": list(inner)}:
            return all(_holds(each, results, errors, stream) for each in inner)
        case {"type": "or", "conds": list(inner)}:
            return any(_holds(each, results, errors, stream) for each in inner)
        case {"type": "is_autocommit"}:
            return not stream.in_transaction
    raise ValueError(f"no condition: {condition}")


def _describe(stream: sqlite3.Connection, sql: str) -> dict[str, Any]:
    """Enough for clients that ask which columns a SELECT has before they run it."""
    reads = sql.lstrip().upper().startswith(("SELECT", "WITH"))
    unbound = [None] * sql.count("?")
    columns = stream.execute(f"SELECT * FROM ({sql.rstrip().rstrip(';')}) LIMIT 0", unbound).description if reads else ()
    return {
        "params": [],
        "cols": [{"name": column[0], "decltype": None} for column in columns or ()],
        "is_explain": False,
        "is_readonly": reads,
    }


def _given(value: dict[str, Any]) -> Any:
    match value["type"]:
        case "null":
            return None
        case "integer":
            return int(value["value"])
        case "blob":
            return base64.b64decode(value["base64"] + "==")
        case _:
            return value["value"]


def _told(value: Any) -> dict[str, Any]:
    match value:
        case None:
            return {"type": "null"}
        case int():
            return {"type": "integer", "value": str(value)}
        case float():
            return {"type": "float", "value": value}
        case bytes():
            return {"type": "blob", "base64": base64.b64encode(value).decode()}
        case _:
            return {"type": "text", "value": value}


def _error(error: Exception) -> dict[str, Any]:
    return {"message": str(error), "code": getattr(error, "sqlite_errorname", "SQL_PARSE_ERROR")}


def _broken(request: web.Request) -> Exception:
    """Breaks the connection; what is raised then reaches nobody."""
    with contextlib.suppress(AttributeError):
        request.transport.abort()  # type: ignore[union-attr]
    return web.HTTPInternalServerError()

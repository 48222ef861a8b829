"""A small libSQL server: Hrana over HTTP as its specification says, over real SQLite files, with faults when told.

It runs in a thread of its own, so that whoever drives an event loop of their own can use it. What it does not serve is refused,
so that a client which needs more is noticed.
"""

import asyncio
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

from tests.hrana_sql import batch, describe, execute, told_error

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
        told = await asyncio.to_thread(batch, stream, body["batch"])
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
                    found = {"result": execute(stream, request["stmt"])}
                case "batch":
                    found = {"result": batch(stream, request["batch"])}
                case "describe":
                    found = {"result": describe(stream, request["sql"])}
                case "get_autocommit":
                    found = {"is_autocommit": not stream.in_transaction}
                case other:
                    return {"type": "error", "error": {"message": f"{other} is not served", "code": "UNSUPPORTED"}}
        except (sqlite3.Error, ValueError) as error:
            return {"type": "error", "error": told_error(error)}
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


def _broken(request: web.Request) -> Exception:
    """Breaks the connection; what is raised then reaches nobody."""
    with contextlib.suppress(AttributeError):
        request.transport.abort()  # type: ignore[union-attr]
    return web.HTTPInternalServerError()

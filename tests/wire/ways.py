"""Two gateways over one scripted MuleRun: one sends text the direct way, the other relays all of it."""

import asyncio
import io
import json
import sqlite3
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

from cli.gateway import Gateway
from tests.hosts import ScriptedHost, Seen
from tests.wire.house import KEY, Log

TOKEN = "muk-" + "d" * 64
OPENED = "text that needs no change goes the direct way"
DIRECT, RELAY = "direct", "relay"
CHAT, MESSAGES, COUNT, RESPONSES = "/v1/chat/completions", "/v1/messages", "/v1/messages/count_tokens", "/v1/responses"


@dataclass(frozen=True)
class Way:
    """One gateway."""

    http: ClientSession
    gateway: Gateway
    log: Log
    folder: Path

    async def post(self, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> "Answer":
        given = {"content-type": "application/json", **(headers or {})}
        async with self.http.post(path, data=io.BytesIO(body), headers=given, allow_redirects=False) as answer:
            return Answer(answer.status, answer.headers, await answer.read())

    async def record(self, request_id: str) -> dict[str, Any]:
        """The one record of that call."""
        async with asyncio.timeout(10):
            while True:
                async with self.http.get("/v1/usage") as answer:
                    assert answer.status == 200
                if records := self._records(request_id):
                    (found,) = records
                    return found

    def _records(self, request_id: str) -> list[dict[str, Any]]:
        with sqlite3.connect(self.folder / "usage.db") as kept:
            kept.row_factory = sqlite3.Row
            found = [dict(row) for row in kept.execute("SELECT * FROM records WHERE request_id = ?", (request_id,))]
        kept.close()
        return found

    async def until_open(self) -> None:
        """Returns when text goes the direct way."""
        await self.log.until(lambda lines: any(line["message"] == OPENED for line in lines))


@dataclass(frozen=True)
class Answer:
    """What a caller got."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def error(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)["error"]
        return found

    @property
    def untold(self) -> Any:
        """The body as JSON without the call's own id, which errors in Anthropic's words have in them."""
        return json.loads(self.body.replace(self.request_id.encode(), b""))

    @property
    def request_id(self) -> str:
        return self.headers["x-request-id"]


@dataclass(frozen=True)
class Ways:
    """Both, and what they lead to."""

    host: ScriptedHost
    direct: Way
    relay: Way

    async def both(self, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> tuple[Answer, Answer]:
        """The answers of the direct way and of the relay to one request."""
        return await self.direct.post(path, body, headers), await self.relay.post(path, body, headers)

    def seen(self) -> tuple[Seen, Seen]:
        """What arrived at MuleRun last, by either way."""
        direct, relayed = self.host.seen[-2:]
        return direct, relayed


def went_directly(seen: Seen) -> bool:
    """Envoy passes the call's id on to MuleRun, the core does not."""
    return "x-request-id" in seen.headers


@asynccontextmanager
async def way(folder: Path, host: ScriptedHost, path: str, **settings: str) -> AsyncGenerator[Way]:
    """A gateway whose MuleRun is that host."""
    log = Log()
    environ = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "CLI2API_PORT": "0",
        "CLI2API_GRPC_PORT": "0",
        "CLI2API_METRICS_LISTEN": "off",
        "CLI2API_API_KEYS": f"{KEY},sk-other",
        "CLI2API_STATE_DIR": str(folder),
        "CLI2API_TEXT_PATH": path,
        "MULERUN_API_BASE_URL": host.url,
        "MULERUN_OAUTH_BASE_URL": host.url,
        "MULERUN_TOKEN": TOKEN,
        **settings,
    }
    async with (
        Gateway(environ, write=log.write) as gateway,
        ClientSession(gateway.rest_url, headers={"authorization": f"Bearer {KEY}"}) as http,
    ):
        found = Way(http, gateway, log, folder)
        if path == DIRECT:
            await found.until_open()
        yield found


@asynccontextmanager
async def ways(folder: Path) -> AsyncGenerator[Ways]:
    """Both gateways, started side by side."""
    async with AsyncExitStack() as stack, ScriptedHost() as host:
        for name in (DIRECT, RELAY):
            (folder / name).mkdir(mode=0o700)
        direct, relay = (way(folder / name, host, name) for name in (DIRECT, RELAY))
        entered = await asyncio.gather(stack.enter_async_context(direct), stack.enter_async_context(relay))
        yield Ways(host, *entered)

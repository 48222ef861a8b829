"""An HTTP host on loopback that does what its script says, and credentials that do too."""

import asyncio
import socket
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import msgspec
from aiohttp import web
from multidict import CIMultiDictProxy

from services.domain.ports import Plane
from tests.worlds import NOON


@dataclass(frozen=True)
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


@dataclass(frozen=True)
class Says:
    """One answer."""

    json: object = None
    status: int = 200
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)


Script = Says | Callable[[web.Request], Awaitable[web.StreamResponse]]


class ScriptedHost:
    """Gives its answers in order; the last one again and again."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.answers: deque[Script] = deque()
        self.hung_up = asyncio.Event()
        """Set when a caller leaves before it has its whole answer."""
        self.reached = asyncio.Event()
        self.url = ""

    def say(self, *answers: Script) -> None:
        self.answers.extend(answers)

    async def hang(self, request: web.Request) -> web.StreamResponse:
        """An answer that never comes."""
        return await self._forever()

    def stream_then_hang(self, *chunks: bytes, content_type: str = "text/event-stream") -> Script:
        """An answer that begins and does not end."""

        async def answer(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse(headers={"content-type": content_type})
            await response.prepare(request)
            for chunk in chunks:
                await response.write(chunk)
            return await self._forever()

        return answer

    @staticmethod
    def stream(*chunks: bytes, content_type: str = "text/event-stream", broken: bool = False) -> Script:
        """An answer in chunks; a broken one loses its connection after the last."""

        async def answer(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse(headers={"content-type": content_type})
            await response.prepare(request)
            for chunk in chunks:
                await response.write(chunk)
            if broken:
                drop(request)
            else:
                await response.write_eof()
            return response

        return answer

    async def _forever(self) -> web.StreamResponse:
        self.reached.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.hung_up.set()
            raise
        return web.Response()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(Seen(request.method, request.path_qs, request.headers, await request.read()))
        script = self.answers.popleft() if len(self.answers) > 1 else self.answers[0]
        if not isinstance(script, Says):
            return await script(request)
        body = script.body if script.body is not None else msgspec.json.encode(script.json)
        return web.Response(status=script.status, body=body, headers={"content-type": "application/json", **script.headers})

    async def __aenter__(self) -> "ScriptedHost":
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._runner.cleanup()


def drop(request: web.Request) -> None:
    """Cuts the caller off."""
    assert request.transport is not None
    request.transport.abort()


async def dropped(request: web.Request) -> web.StreamResponse:
    """No answer: the connection is cut after the request was read."""
    drop(request)
    return web.Response()


def closed_port() -> int:
    """A port of loopback on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class HastyClock:
    """A clock on which every sleep is over at once, and is remembered."""

    def __init__(self, now: float = NOON) -> None:
        self.time = now
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


class ScriptedCredentials:
    """Gives its tokens in order: the next one when one was refused."""

    source = "test"

    def __init__(self, *tokens: str) -> None:
        self._tokens = deque(tokens)
        self.refusals: list[tuple[Plane, str]] = []

    async def token(self, plane: Plane) -> str:
        return self._tokens[0]

    async def refused(self, plane: Plane, token: str) -> bool:
        self.refusals.append((plane, token))
        if len(self._tokens) == 1:
            return False
        self._tokens.popleft()
        return True

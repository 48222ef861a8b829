"""`cli2api serve` as a stranger starts it: a process of its own, over an upstream that does what it is told."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import psutil
from aiohttp import web

TOKEN = "muk-" + "t" * 64
PATIENCE = 30.0
CHAT = {"model": "gpt-5-mini", "stream": True, "messages": [{"role": "user", "content": "hello"}]}


@dataclass(kw_only=True)
class Upstream:
    """A chat model that says one thing, waits for `go_on`, and says another."""

    url: str = ""
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b'data: {"choices":[]}\n\n')
        self.asked.set()
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.left.set()
            raise
        await response.write(b"data: [DONE]\n\n")
        await response.write_eof()
        return response


@asynccontextmanager
async def upstream() -> AsyncGenerator[Upstream]:
    """A scripted MuleRun on a free port."""
    scripted = Upstream()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", scripted.answer)
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        scripted.url = f"http://{host}:{port}"
        yield scripted
    finally:
        await runner.cleanup()


def environment(state: Path, **settings: str) -> dict[str, str]:
    """The least that the gateway needs, on free ports; nothing of this machine's own settings."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(state.parent),
        "CLI2API_STATE_DIR": str(state),
        "CLI2API_PORT": "0",
        "CLI2API_GRPC_PORT": "0",
        "CLI2API_METRICS_LISTEN": "127.0.0.1:0",
        "MULERUN_TOKEN": TOKEN,
        "MULERUN_API_BASE_URL": "http://127.0.0.1:9",
    } | settings


@dataclass(kw_only=True)
class Served:
    """A gateway that said `startup`."""

    process: Process
    startup: Mapping[str, Any]
    parts: dict[str, psutil.Process]
    log: list[dict[str, Any]]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.startup['port']}"

    async def until_logged(self, message: str) -> dict[str, Any]:
        """The next line with that message."""
        async with asyncio.timeout(PATIENCE):
            while True:
                line = await self.read_line()
                if line["message"] == message:
                    return line

    async def read_line(self) -> dict[str, Any]:
        assert self.process.stderr is not None
        line = await self.process.stderr.readline()
        if not line:
            raise AssertionError(f"the gateway ended; it said {self.log}")
        self.log.append(json.loads(line))
        return self.log[-1]

    async def exit_code(self) -> int:
        """When it has ended and everything it said is in `log`."""
        assert self.process.stderr is not None
        async with asyncio.timeout(PATIENCE):
            async for line in self.process.stderr:
                self.log.append(json.loads(line))
            return await self.process.wait()

    async def parts_are_gone(self) -> bool:
        """No part runs any more; one that nobody has reaped yet does not run."""
        return not any(part.is_running() and part.status() != psutil.STATUS_ZOMBIE for part in self.parts.values())

    async def status(self, path: str) -> int:
        async with aiohttp.ClientSession() as session, session.get(self.url + path) as answer:
            return answer.status


async def start(environ: Mapping[str, str], cwd: Path | None = None) -> Process:
    """The process, whatever comes of it, in a session of its own."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "cli", "serve"),
        env=dict(environ),
        cwd=cwd or environ["HOME"],
        stdout=PIPE,
        stderr=PIPE,
        limit=1 << 20,
        start_new_session=True,
    )


@asynccontextmanager
async def serve(environ: Mapping[str, str], cwd: Path | None = None) -> AsyncGenerator[Served]:
    """A gateway that is ready; it is stopped at the end if the test has not done so."""
    process = await start(environ, cwd)
    gateway = Served(process=process, startup={}, parts={}, log=[])
    try:
        gateway.startup = await gateway.until_logged("startup")
        for child in psutil.Process(process.pid).children():
            words = child.cmdline()
            gateway.parts["envoy" if "envoy" in words[0] else words[3]] = child
        yield gateway
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.communicate()


async def refusal(environ: Mapping[str, str]) -> tuple[int | None, str]:
    """Exit code and stderr of a gateway that cannot start."""
    process = await start(environ)
    async with asyncio.timeout(PATIENCE):
        _, stderr = await process.communicate()
    return process.returncode, stderr.decode()

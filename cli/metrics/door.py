"""Where Prometheus reads of the whole gateway: `GET /metrics` on a port of its own.

Law: a port that cannot be had is said in the log and keeps nobody from being served; a part that does not answer is missing
and says so in `cli2api_part_up`.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import aiohttp
from aiohttp import web

from cli.admin import Admin
from cli.child import Child
from cli.journal import Journal
from cli.metrics.envoy import STATS, chosen
from cli.metrics.join import joined
from edge.envoy.address import Tcp

OFF: Final = "off"
_PATIENCE: Final = aiohttp.ClientTimeout(total=4.0)
_CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

Read = Callable[[], Awaitable[str]]


def socket_of(part: str, run: Path) -> Path:
    """Where that part's own metrics are read. No longer than the name of the part's other socket, which is known to fit."""
    return run / f"{part}.prom"


def listen_of(part: str, run: Path, setting: str) -> str:
    """`CLI2API_METRICS_LISTEN` as the part is given it: a socket of its own, or "off" where the operator says so."""
    return OFF if setting == OFF else f"unix:{socket_of(part, run)}"


@asynccontextmanager
async def serving(
    setting: str, *, children: Mapping[str, Child], admin: Admin, run: Path, journal: Journal
) -> AsyncGenerator[str]:
    """Answers inside the block; yields the URL, "" where nothing is served."""
    if setting == OFF:
        yield ""
        return
    sources: dict[str, Read] = {name: _of_socket(socket_of(name, run)) for name in children if name != "envoy"}
    sources["envoy"] = _of_envoy(admin)

    async def answer(_: web.Request) -> web.Response:
        texts = dict(zip(sources, await asyncio.gather(*(read() for read in sources.values())), strict=True))
        told = joined({**texts, "supervisor": _own(texts, children)})
        return web.Response(body=told.encode(), headers={"content-type": _CONTENT_TYPE})

    app = web.Application()
    app.router.add_get("/metrics", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        yield await _listening(runner, setting, journal)
    finally:
        await runner.cleanup()


async def _listening(runner: web.AppRunner, setting: str, journal: Journal) -> str:
    host, _, port = setting.rpartition(":")
    try:
        if setting.startswith("unix:"):
            await web.UnixSite(runner, setting.removeprefix("unix:")).start()
            return setting
        await web.TCPSite(runner, host.strip("[]"), int(port), reuse_address=True).start()
    except OSError as error:
        journal.say(
            "error",
            f"metrics are not served: nothing can listen at {setting}; set CLI2API_METRICS_LISTEN to another address, or off",
            why=error.strerror,
        )
        return ""
    return f"http://{Tcp(*runner.addresses[0][:2])}/metrics"


def _own(texts: Mapping[str, str], children: Mapping[str, Child]) -> str:
    """What only the supervisor knows: which part answers, and how often each was started again."""
    up = [f'cli2api_part_up{{of="{name}"}} {1 if text else 0}' for name, text in texts.items()]
    restarts = [f'cli2api_part_restarts_total{{of="{name}"}} {child.restarts}' for name, child in children.items()]
    return "\n".join(
        [
            "# HELP cli2api_part_up 1 where that part has told its metrics.",
            "# TYPE cli2api_part_up gauge",
            *up,
            "# HELP cli2api_part_restarts_total Times that the part died and was started again.",
            "# TYPE cli2api_part_restarts_total counter",
            *restarts,
        ]
    )


def _of_socket(path: Path) -> Read:
    async def read() -> str:
        try:
            async with (
                aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path)), timeout=_PATIENCE) as session,
                session.get("http://part/metrics", headers={"accept": _CONTENT_TYPE}) as answer,
            ):
                return await answer.text() if answer.status == 200 else ""
        except (aiohttp.ClientError, TimeoutError, OSError):
            return ""

    return read


def _of_envoy(admin: Admin) -> Read:
    async def read() -> str:
        return chosen(await admin.prometheus(STATS))

    return read

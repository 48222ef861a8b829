"""Where Prometheus reads: `GET /metrics` on a door of its own, never on one that callers have.

Law: a door that cannot be opened is said in the log and keeps nobody from being served.
"""

import logging
import os
import socket
import stat
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

_log = logging.getLogger(__name__)

OFF: Final = "off"


@asynccontextmanager
async def serving(address: str, registry: CollectorRegistry, look: Callable[[], Awaitable[None]]) -> AsyncGenerator[str]:
    """Answers at "unix:/path" (for this user only) or "host:port" inside the block; yields where, "" for nowhere.

    `look` is awaited before each answer.
    """
    if address == OFF:
        yield ""
        return

    async def answer(_: web.Request) -> web.Response:
        await look()
        return web.Response(body=generate_latest(registry), headers={"content-type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get("/metrics", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        listener = _listener(address)
    except OSError as error:
        _log.error(
            "metrics are not served: nothing can listen at %s; set CLI2API_METRICS_LISTEN", address, extra={"why": error.strerror}
        )
        await runner.cleanup()
        yield ""
        return
    try:
        await web.SockSite(runner, listener).start()
        yield address if address.startswith("unix:") else "{}:{}".format(*listener.getsockname()[:2])
    finally:
        await runner.cleanup()
        listener.close()
        _unlink(address)


def _unlink(address: str) -> None:
    if address.startswith("unix:"):
        Path(address.removeprefix("unix:")).unlink(missing_ok=True)


def _listener(address: str) -> socket.socket:
    """A socket that is bound. Raises OSError."""
    if not address.startswith("unix:"):
        host, _, port = address.rpartition(":")
        family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
        return socket.create_server((host.strip("[]"), int(port)), family=family)
    path = Path(address.removeprefix("unix:"))
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists() and stat.S_ISSOCK(path.stat().st_mode):
        path.unlink()
    listener = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)  # the socket must not be open to others even for a moment
    try:
        listener.bind(str(path))
    except OSError:
        listener.close()
        raise
    finally:
        os.umask(before)
    return listener

"""The door of the edge: opens the socket and the way to the core, serves until told to stop, and closes in reverse."""

import asyncio
import gc
import logging
import math
import os
import signal
import socket
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import uvicorn

from edge import gathering
from edge.app import App
from edge.backend import Backend
from edge.lookout import Lookout
from edge.settings import Settings

_LOG: Final = logging.getLogger("edge")
_KEEP_ALIVE: Final = 75
"""Seconds that an idle connection is kept; longer than Envoy keeps its own, so that Envoy never meets a closing one."""
_BACKLOG: Final = 2048


async def serve(settings: Settings, environ: Mapping[str, str]) -> None:
    """Serves until SIGTERM or SIGINT. Raises OSError naming the address where it cannot listen."""
    with listening(settings.listen) as listener:
        _LOG.info("the edge listens at %s, its core is %s", settings.listen, settings.core_target)
        async with Backend(settings.core_target, max_body=settings.max_body) as backend:
            lookout = Lookout(environ)
            async with lookout.open(settings.metrics_listen, partial(listening, setting="CLI2API_METRICS_LISTEN")):
                app = App(backend, settings, lookout.watchers)
                gc.freeze()  # what is there now stays, and need not be looked through at each collection
                await server(app, grace=settings.drain_timeout).serve(sockets=[listener])


def server(app: App, *, grace: float) -> uvicorn.Server:
    """An HTTP server that is ready to serve the app. Calls in flight get `grace` seconds to end after it is told to stop."""
    return _Server(
        uvicorn.Config(
            app,
            http=gathering.Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,  # a relayed answer has its own, and Envoy adds one where there is none
            proxy_headers=False,
            timeout_keep_alive=_KEEP_ALIVE,
            timeout_graceful_shutdown=math.ceil(grace),
        )
    )


@contextmanager
def listening(address: str, *, setting: str = "CLI2API_EDGE_LISTEN") -> Iterator[socket.socket]:
    """A socket that listens at "unix:/path" (for this user only) or "host:port". Raises OSError naming address and setting."""
    try:
        listener = _unix(Path(address.removeprefix("unix:"))) if address.startswith("unix:") else _tcp(address)
    except OSError as error:
        raise OSError(error.errno, f"the edge cannot listen at {address} ({setting}): {error.strerror}") from error
    with listener:
        try:
            yield listener
        finally:
            if address.startswith("unix:"):
                Path(address.removeprefix("unix:")).unlink(missing_ok=True)


def _unix(path: Path) -> socket.socket:
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
    listener.listen(_BACKLOG)
    return listener


def _tcp(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    return socket.create_server((host.strip("[]"), int(port)), family=family, backlog=_BACKLOG)


class _Server(uvicorn.Server):
    """Stops on a signal and then returns, where uvicorn would kill the process before anything else is closed."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

"""The whole gateway in one hand: core, edge and Envoy, started together, kept alive, drained together."""

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, ExitStack
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
from services.settings import BadSetting, Settings
from services.settings.grammar import reachable as target_of

from cli import ports, rundir
from cli.admin import Admin
from cli.child import Child
from cli.errors import StartFailed
from cli.journal import Fields, Journal
from cli.parts import Part, envoy_part, python_part
from edge.envoy import render
from edge.envoy.address import Unix, parse

START_TIMEOUT: Final = 30.0
_PROBES: Final = ("/healthz", "/readyz")
_PROBE_EVERY: Final = 0.05
_GRACE_FOR_THE_LATE: Final = 1.0
"""Seconds beyond the drain timeout until a part that did not end by itself is killed."""
_READY: Final = "ready"
"""The message of the core's line that tells what it serves with."""
_OF_EVERY_LINE: Final = frozenset({"time", "level", "logger", "message", "request_id", "listen"})


class Gateway:
    """`async with Gateway(environ) as gateway`: inside, the gateway serves at `rest_url` and `grpc_target`.

    Raises StartFailed or BadSetting, whose text names the fix, and then has left nothing running. `write` gets the log, a line
    at a time. It must be entered on a thread that lives as long as the gateway, since the parts die with their parent thread.
    """

    rest_url: str
    grpc_target: str

    def __init__(self, environ: Mapping[str, str], *, write: Callable[[bytes], object] | None = None) -> None:
        self._environ = dict(environ)
        self._settings = Settings.read(self._environ)
        self._journal = Journal(write or _to_stderr, self._settings.log_level)
        self._stack = AsyncExitStack()
        self._children: dict[str, Child] = {}
        self._keeping: set[asyncio.Task[None]] = set()
        self._asked, self._hurried = asyncio.Event(), asyncio.Event()
        self._core_told: asyncio.Future[Fields] = asyncio.Future()

    def stop(self) -> None:
        """Asks it to drain; asked a second time it stops at once."""
        (self._hurried if self._asked.is_set() else self._asked).set()

    async def until_stopped(self) -> None:
        """Returns when `stop` was called."""
        await self._until(self._asked.wait())

    @property
    def pids(self) -> Mapping[str, int]:
        """Of the parts that run now, by name."""
        return {name: child.pid for name, child in self._children.items() if child.pid is not None}

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._asked.set()
        async with self._stack:
            await self._drain()

    async def _start(self) -> None:
        settings = self._settings
        run = self._stack.enter_context(rundir.taken(settings.state_dir))
        with ExitStack() as held:
            rest = held.enter_context(ports.held(settings.host, settings.port, setting="CLI2API_PORT"))
            grpc = held.enter_context(ports.held(settings.host, settings.grpc_port, setting="CLI2API_GRPC_PORT"))
            layout = render.Layout(
                rest=rest,
                grpc=grpc,
                admin=Unix(run / "admin.sock"),
                edge=parse(settings.edge_listen),
                core=parse(target_of(settings.core_listen)),
                folder=run,
            )
            config = render.write(layout, keys=settings.api_keys, max_body=settings.max_body)
        self._admin = Admin(run / "admin.sock")
        self.rest_url, self.grpc_target = f"http://{ports.reachable(rest)}", str(ports.reachable(grpc))
        self._stack.push_async_callback(self._kill)
        for part in self._parts(config):
            child = Child(part, journal=self._journal, heard=self._hear if part.name == "core" else lambda _: None)
            self._children[part.name] = child
            self._keeping.add(asyncio.create_task(child.keep(), name=f"keep {part.name}"))
        try:
            async with asyncio.timeout(START_TIMEOUT):
                await self._until(self._serving(), self._asked.wait())
        except TimeoutError as error:
            raise StartFailed(f"the gateway was not ready after {START_TIMEOUT:.0f} s; its log above says what is missing") from error
        if self._asked.is_set():
            return
        for child in self._children.values():
            child.has_served()
        told = self._core_told.result() if self._core_told.done() else {}
        served_with = {name: value for name, value in told.items() if name not in _OF_EVERY_LINE}
        self._journal.say("info", "startup", version=version("mulerun-cli2api"), port=rest.port, grpc_port=grpc.port, **served_with)

    def _parts(self, config: Path) -> tuple[Part, ...]:
        settings = self._settings
        environ = self._environ | {
            "CLI2API_STATE_DIR": str(settings.state_dir),
            "CLI2API_CORE_LISTEN": settings.core_listen,
            "CLI2API_CORE_TARGET": settings.core_target,
            "CLI2API_EDGE_LISTEN": settings.edge_listen,
        }
        return (
            envoy_part(config, log_level=settings.log_level, drain_seconds=settings.drain_timeout),
            python_part("core", "services", environ),
            python_part("edge", "edge", environ),
        )

    async def _serving(self) -> None:
        """Returns when callers are answered, the core is ready and, where it logs that, has told what it serves with."""
        timeout = aiohttp.ClientTimeout(total=1.0)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            for path in _PROBES:
                while not await _is_ok(session, self.rest_url + path):
                    await asyncio.sleep(_PROBE_EVERY)
        if self._settings.log_level in {"debug", "info"}:
            await self._core_told

    def _hear(self, line: Fields) -> None:
        if line.get("message") == _READY and not self._core_told.done():
            self._core_told.set_result(line)

    async def _until(self, *events: Coroutine[Any, Any, object]) -> None:
        """Returns with the first of the events; what ends the keeping of a part is raised."""
        waiting = {asyncio.ensure_future(event) for event in events}
        try:
            done, _ = await asyncio.wait({*waiting, *self._keeping}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def _drain(self) -> None:
        """No new work from here on; what is open gets its time, unless someone is in a hurry."""
        self._journal.say("info", "draining", seconds=self._settings.drain_timeout)
        await self._admin.stop_listening()
        for name in ("edge", "core"):
            self._children[name].retire(signal.SIGTERM)
        try:
            async with asyncio.timeout(self._settings.drain_timeout + _GRACE_FOR_THE_LATE):
                await self._until_or_hurried(self._drained())
        except TimeoutError:
            self._journal.say("warning", "open calls were cut off", after=self._settings.drain_timeout)
        self._journal.say("info", "stopped")

    async def _drained(self) -> None:
        await self._children["edge"].gone.wait()
        await self._children["core"].gone.wait()
        while not await self._admin.is_idle():
            await asyncio.sleep(_PROBE_EVERY)

    async def _until_or_hurried(self, drained: Coroutine[Any, Any, None]) -> None:
        waiting = {asyncio.ensure_future(drained), asyncio.ensure_future(self._hurried.wait())}
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def _kill(self) -> None:
        for child in self._children.values():
            child.retire(signal.SIGKILL)
        await asyncio.gather(*self._keeping, return_exceptions=True)


async def _is_ok(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url) as answer:
            return answer.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False


def _to_stderr(line: bytes) -> None:
    sys.stderr.buffer.write(line)
    sys.stderr.buffer.flush()


__all__ = ["BadSetting", "Gateway", "StartFailed"]

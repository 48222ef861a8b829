"""The whole gateway in one hand: core, edge and Envoy, started together, kept alive, drained together."""

import asyncio
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, ExitStack, suppress
from functools import partial
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from cli import control, direct, doors, places, ports, rundir
from cli.admin import Admin
from cli.crew import Crew
from cli.errors import StartFailed
from cli.journal import Fields, Journal
from cli.live import Reloading
from cli.metrics import door as metrics
from cli.parts import Part, envoy_part, our_parts
from cli.readiness import is_listening, is_ok, until
from cli.waiting import beside, first_of
from edge.envoy import render
from edge.envoy.address import Unix
from services.live.succession import Outcome
from services.settings import Settings
from services.settings.grammar import reachable as target_of

_START_TIMEOUT: Final = 30.0
_LATE: Final = 1.0
"""Seconds beyond the drain timeout until what did not end by itself is killed."""
_PROBES: Final = ("/healthz", "/readyz")
_READY: Final = "ready"
"""The message of the line by which the core tells what it serves with."""
_OF_EVERY_LINE: Final = frozenset({"time", "level", "logger", "message", "request_id", "listen"})


class Gateway:
    """`async with Gateway(environ) as gateway`: inside, the gateway serves at `rest_url` and `grpc_target`.

    Raises BadSetting when made and StartFailed when entered, whose texts name the fix; nothing is left running then. `write`
    gets the log line by line; it is stderr by default. Enter it on a thread that lives on: the parts die with their parent.
    """

    rest_url: str
    """Such as http://127.0.0.1:8080."""
    grpc_target: str
    """Such as 127.0.0.1:50051."""
    metrics_url: str
    """Such as http://127.0.0.1:9464/metrics; empty where none is served."""

    def __init__(self, environ: Mapping[str, str], *, write: Callable[[bytes], object] | None = None) -> None:
        self._settings = Settings.read(environ)
        self._cores, self._edges = places.cores(self._settings), places.edges(self._settings)
        direct.check(self._settings)
        self._environ = dict(environ)
        self._journal = Journal(write or _to_stderr, self._settings.log_level)
        self._stack = AsyncExitStack()
        self._crew = Crew(journal=self._journal, heard=self._hear)
        self._reloads: set[asyncio.Task[Outcome]] = set()
        self._asked, self._hurried = asyncio.Event(), asyncio.Event()
        self._core_told, self._serves_with = asyncio.Event(), dict[str, object]()

    def stop(self) -> None:
        """Asks it to drain; asked a second time it stops at once."""
        (self._hurried if self._asked.is_set() else self._asked).set()

    async def until_asked_to_stop(self) -> None:
        """Returns when `stop` was called."""
        await first_of(self._asked.wait(), unless=self._crew.keeping)

    async def reload(self) -> Outcome:
        """Takes up keys, aliases and tokens that have changed in their files; no call is broken off."""
        return await self._reloading.reload()

    def reload_soon(self) -> None:
        """The same for who cannot wait, such as a signal; the log says what came of it."""
        if self._crew.children:
            reload = asyncio.create_task(self.reload(), name="reload")
            self._reloads.add(reload)
            reload.add_done_callback(self._reloads.discard)

    @property
    def is_asked_to_stop(self) -> bool:
        """Also true of one that was asked before it was ready."""
        return self._asked.is_set()

    @property
    def pids(self) -> Mapping[str, int]:
        """Of the parts that run now, by name: core, edge, envoy; where there are several of a kind, core-0, core-1 and so on."""
        return self._crew.pids

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
        self._journal.say("info", "stopped")

    async def _start(self) -> None:
        settings = self._settings
        for warning in doors.warnings(settings):
            self._journal.say("warning", warning)
        run = self._stack.enter_context(rundir.taken(settings.state_dir))
        self._admin = Admin(run / "admin.sock")
        self._stack.callback(_removed, run / render.KEYS)
        self._stack.callback(direct.clean, run)
        with ExitStack() as held:
            rest = held.enter_context(ports.held(settings.host, settings.port, setting="CLI2API_PORT"))
            grpc = held.enter_context(ports.held(settings.host, settings.grpc_port, setting="CLI2API_GRPC_PORT"))
            config = self._render(
                render.Layout(
                    rest=rest,
                    grpc=grpc,
                    admin=Unix(self._admin.socket),
                    edges=[places.address("CLI2API_EDGE_LISTEN", each) for each in self._edges],
                    cores=[places.address("CLI2API_CORE_LISTEN", each) for each in self._cores],
                    folder=run,
                    doors=doors.chosen(settings),
                    direct=direct.prepared(settings, run, self._environ),
                    collector=doors.collector(self._environ),
                )
            )
        self.rest_url = f"{doors.scheme(settings)}://{ports.reachable(rest)}"
        self.grpc_target = str(ports.reachable(grpc))
        self._reloading = Reloading(
            settings, self._environ, folder=run, journal=self._journal, crew=self._crew, cores=self._cores
        )
        self._stack.push_async_callback(self._end)
        self._crew.start(self._parts(config))
        try:
            async with asyncio.timeout(_START_TIMEOUT):
                await first_of(self._serving(), self._asked.wait(), unless=self._crew.keeping)
        except TimeoutError as error:
            raise StartFailed(
                f"the gateway was not ready after {_START_TIMEOUT:.0f} s; its log says what it waits for"
            ) from error
        if not self._asked.is_set():
            self._crew.has_served()
            await self._stack.enter_async_context(control.listening(run, self.reload))
            await self._stack.enter_async_context(beside(self._reloading.watch(), name="watched files"))
            seen = metrics.serving(
                settings.metrics_listen, children=self._crew.children, admin=self._admin, run=run, journal=self._journal
            )
            self.metrics_url = await self._stack.enter_async_context(seen)
            ours = {
                "version": version("mulerun-cli2api"),
                "port": rest.port,
                "grpc_port": grpc.port,
                "rest": self.rest_url,
                "grpc": self.grpc_target,
                "metrics": self.metrics_url or "off",
            }
            self._journal.say("info", "startup", **{**self._serves_with, **ours})

    def _render(self, layout: render.Layout) -> Path:
        try:
            return render.write(layout, keys=self._settings.api_keys, max_body=self._settings.max_body)
        except OSError as error:
            raise StartFailed(f"Envoy's files cannot be written to {layout.folder} ({error.strerror})") from error

    def _parts(self, config: Path) -> tuple[Part, ...]:
        settings = self._settings
        everywhere = ",".join(target_of(each.listen) for each in self._cores)
        return (
            *our_parts(
                direct.with_folder(self._environ, settings, settings.state_dir / "run"),
                cores=self._cores,
                edges=self._edges,
                state_dir=settings.state_dir,
                core_target=self._environ.get("CLI2API_CORE_TARGET") or everywhere,
                metrics=lambda name: metrics.listen_of(name, settings.state_dir / "run", settings.metrics_listen),
            ),
            envoy_part(config, log_level=settings.log_level, drain_seconds=settings.drain_timeout),
        )

    async def _serving(self) -> None:
        """Returns when callers are answered, the core is ready and, where it logs that, has told what it serves with."""
        # First the parts themselves: Envoy would log every probe that came before they were there.
        for setting, kind in (("CLI2API_CORE_LISTEN", self._cores), ("CLI2API_EDGE_LISTEN", self._edges)):
            for each in kind:
                await until(partial(is_listening, places.address(setting, each)))
        if len(self._cores) + len(self._edges) > 2:
            # One alone is tried whatever its health; of several, those that Envoy has not yet seen well get no call.
            await until(self._admin.finds_all_well)
        probed = doors.probed(self._settings, self.rest_url)
        for path in _PROBES:
            await until(partial(is_ok, probed.url + path, socket=probed.socket))
        if self._settings.log_level in {"debug", "info"}:
            await self._core_told.wait()

    def _hear(self, part: str, line: Fields) -> None:
        self._reloading.hear(part, line)
        if line.get("message") == _READY and not self._core_told.is_set():
            self._serves_with = {name: value for name, value in line.items() if name not in _OF_EVERY_LINE}
            self._core_told.set()

    async def _drain(self) -> None:
        """No new work from here on; what is open gets its time, unless someone is in a hurry."""
        self._journal.say("info", "draining", seconds=self._settings.drain_timeout)
        await self._admin.stop_listening()
        for child in self._crew.at(self._edges):
            child.retire(signal.SIGTERM)
        await first_of(direct.told(self._admin, within=self._settings.drain_timeout / 2), self._hurried.wait())
        for child in self._crew.at(self._cores):
            child.retire(signal.SIGTERM)
        try:
            async with asyncio.timeout(self._settings.drain_timeout + _LATE):
                await first_of(self._drained(), self._hurried.wait())
        except TimeoutError:
            self._journal.say("warning", "open calls were cut off", after=self._settings.drain_timeout)

    async def _drained(self) -> None:
        """Returns when no part serves a call any more, and Envoy is gone after them."""
        for child in self._crew.at((*self._edges, *self._cores)):
            await child.gone.wait()
        await until(self._admin.is_idle)
        self._crew.children["envoy"].retire(signal.SIGTERM)
        await self._crew.children["envoy"].gone.wait()

    async def _end(self) -> None:
        """Nothing is left running."""
        await self._crew.end()
        await asyncio.gather(*self._reloads, return_exceptions=True)


def _removed(keys: Path) -> None:
    """Callers' keys lie on the disk only while Envoy reads them there; where it is read-only they stay."""
    with suppress(OSError):
        keys.unlink()


def _to_stderr(line: bytes) -> None:
    sys.stderr.buffer.write(line)
    sys.stderr.buffer.flush()

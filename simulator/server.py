"""Runs a simulated MuleRun: inside a test's event loop, beside a synchronous test in a thread, or alone."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Self

from aiohttp import web

from simulator.account import Account
from simulator.app import build
from simulator.catalog import Endpoint
from simulator.faults import ErrorIn, Fault
from simulator.journal import Seen
from simulator.keys import Keyring
from simulator.options import Options, State
from simulator.rules import Rule
from simulator.tasks import Task
from simulator.wire import Json
from simulator.world import World

KEY = "muk-simulator"
"""A key that every simulator takes which was not told which keys to take."""
_GRACE_S = 0.2


class Simulator:
    """One MuleRun that listens while its context is entered: API host, account host and assets on one port.

    Its methods belong to the event loop that it runs in; from elsewhere use the admin pages.
    """

    def __init__(self, options: Options | None = None, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._world = World(options or Options())
        self._host = host
        self._port = port
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        """Listens. Raises OSError where the port is taken."""
        # A handler whose caller hung up is cancelled: so a hung-up caller is noticed at any moment.
        runner = web.AppRunner(build(self._world), handler_cancellation=True, access_log=None, shutdown_timeout=_GRACE_S)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port).start()
        except OSError:
            await runner.cleanup()
            raise
        self._port = runner.addresses[0][1]
        self._runner = runner
        return self

    async def __aexit__(self, *exc_details: object) -> None:
        """Stops listening; requests that are still held go on first, then the rest is cut."""
        self._world.gates.release_all()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def url(self) -> str:
        """Where it listens: `http://host:port`, without a slash at the end."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    @property
    def environ(self) -> dict[str, str]:
        """The settings that point a gateway here."""
        return {"MULERUN_API_BASE_URL": self.url, "MULERUN_OAUTH_BASE_URL": self.url, "MULERUN_TOKEN": KEY}

    @property
    def account(self) -> Account:
        """The account behind the login: its key and its dead tokens."""
        return self._world.account

    @property
    def keys(self) -> Keyring:
        """Which keys are taken."""
        return self._world.keys

    @property
    def requests(self) -> tuple[Seen, ...]:
        """What was sent here, oldest first."""
        return tuple(self._world.journal)

    def submissions(self, path: str | None = None) -> tuple[Seen, ...]:
        """The requests, on this path or any, that made a task: each would have been paid for."""
        return tuple(
            seen
            for seen in self._world.journal
            if seen.method == "POST" and seen.task_id is not None and path in {None, seen.path}
        )

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Every media path that is served."""
        return tuple(self._world.catalog.endpoints.values())

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The tasks that were submitted and not deleted, oldest first."""
        return tuple(self._world.tasks)

    @property
    def stats(self) -> dict[str, Json]:
        """Counts: submissions, polls, open requests and streams, hang-ups."""
        return self._world.stats()

    def fault(
        self,
        fault: Fault,
        *,
        path: str = "*",
        method: str | None = None,
        body_contains: str | None = None,
        times: int | None = 1,
    ) -> None:
        """Lets the fault meet the next so many requests that match; `path` is a shell pattern, `times=None` means every one."""
        self._world.rules.add(Rule(fault=fault, path=path, method=method, body_contains=body_contains, times=times))

    def clear_faults(self) -> None:
        """Nothing goes wrong from now on."""
        self._world.rules.clear()

    def release(self, name: str) -> None:
        """Lets those requests go that a fault holds at this name."""
        self._world.gates.release(name)

    def held(self, name: str) -> int:
        """How many requests are held at this name."""
        return self._world.gates.held(name)

    def complete(self, *tasks: Task) -> None:
        """Completes these tasks, or all that are under way."""
        for task in tasks or self._under_way():
            task.forced = State.COMPLETED

    def fail(self, *tasks: Task, code: int = 3001, detail: str | None = None, error_in: ErrorIn = ErrorIn.CODE) -> None:
        """Fails these tasks, or all that are under way, with a vendor code."""
        for task in tasks or self._under_way():
            task.fail(code, detail=detail, error_in=error_in)

    async def wait_for(self, predicate: Callable[[], bool], timeout_s: float = 10.0) -> None:
        """Returns once the predicate holds; it is asked after everything that happens here. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            await self._world.journal.wait_for(predicate)

    def reset(self) -> None:
        """As if just started: no requests, tasks, faults or dead keys."""
        self._world.reset()

    def _under_way(self) -> tuple[Task, ...]:
        options = self._world.options
        return tuple(task for task in self._world.tasks if not task.state(options).terminal)


@contextmanager
def in_thread(options: Options | None = None, *, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Runs a simulator in a thread of its own, for synchronous callers; gives its URL. Script it by its admin pages."""
    started: list[str | OSError] = []
    ready = threading.Event()
    stopping = asyncio.Event()
    loop = asyncio.new_event_loop()

    async def run() -> None:
        try:
            async with Simulator(options, host=host, port=port) as simulator:
                started.append(simulator.url)
                ready.set()
                await stopping.wait()
        except OSError as cause:
            started.append(cause)
        finally:
            ready.set()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),), name="simulator", daemon=True)
    thread.start()
    ready.wait()
    try:
        if isinstance(started[0], OSError):
            raise started[0]
        yield started[0]
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join()
        loop.close()

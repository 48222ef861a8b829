"""Everything that one simulator knows and remembers, made once and handed to whoever serves a request."""

import asyncio
from dataclasses import dataclass, field

from aiohttp import web

from simulator.account import Account
from simulator.catalog import Catalog, load
from simulator.faults import Fault
from simulator.journal import Journal, Seen
from simulator.keys import Keyring
from simulator.options import Options
from simulator.rules import Rules
from simulator.tasks import Tasks
from simulator.wire import Body, Json


class Gates:
    """Names at which requests are held until somebody releases them."""

    def __init__(self) -> None:
        self._open: dict[str, asyncio.Event] = {}
        self._held: dict[str, int] = {}

    async def wait(self, name: str, journal: Journal) -> None:
        """Returns once the name is released."""
        event = self._open.setdefault(name, asyncio.Event())
        self._held[name] = self._held.get(name, 0) + 1
        journal.changed()
        try:
            await event.wait()
        finally:
            self._held[name] -= 1
            if not self._held[name]:
                del self._held[name]
            journal.changed()

    def held(self, name: str) -> int:
        """How many requests wait at the name now."""
        return self._held.get(name, 0)

    def release(self, name: str) -> None:
        """Lets those go that wait at the name; later ones wait anew."""
        event = self._open.pop(name, None)
        if event:
            event.set()

    def release_all(self) -> None:
        """Lets everybody go."""
        for name in tuple(self._open):
            self.release(name)


@dataclass(slots=True)
class World:
    """One simulator's state."""

    options: Options
    catalog: Catalog = field(default_factory=load)
    account: Account = field(default_factory=Account)
    rules: Rules = field(default_factory=Rules)
    gates: Gates = field(default_factory=Gates)
    open_streams: int = 0
    journal: Journal = field(init=False)
    keys: Keyring = field(init=False)
    tasks: Tasks = field(init=False)

    def __post_init__(self) -> None:
        self.journal = Journal(self.options.keep_requests)
        self.keys = Keyring(self.options)
        self.tasks = Tasks(self.options)

    def reset(self) -> None:
        """As new: no requests, tasks, rules or dead keys; whoever is held goes on."""
        self.journal.clear()
        self.rules.clear()
        self.gates.release_all()
        self.keys.reset()
        self.account.reset()
        self.tasks.reset()
        self.journal.changed()

    def stats(self) -> dict[str, Json]:
        """Counts over the remembered requests, and what is open now."""
        seen = tuple(self.journal)
        return {
            "submissions": self.tasks.submissions,
            "tasks": sum(1 for _ in self.tasks),
            "requests": len(seen),
            "polls": sum(1 for entry in seen if entry.method == "GET" and entry.task_id),
            "open_requests": sum(1 for entry in seen if not entry.finished),
            "open_streams": self.open_streams,
            "aborted": sum(1 for entry in seen if entry.aborted),
        }


WORLD = web.AppKey("world", World)
SEEN = web.RequestKey("seen", Seen)
FAULT = web.RequestKey("fault", Fault)
BODY: web.RequestKey[Body] = web.RequestKey("body", dict)
CUT = web.RequestKey("cut", bool)
REQUEST_ID = web.RequestKey("request_id", str)

"""The outside world of tests: a clock that moves when told, and a MuleRun that does what its script says."""

import asyncio
import heapq
import itertools
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from services.domain.errors import Failure
from services.domain.job import Asset, AssetKind, Job, JobState, Order, Task
from services.domain.model import Json, ModelKind
from services.domain.ports import JobStore
from services.jobs.backoff import Pace
from services.jobs.engine import Engine
from services.jobs.retention import Retention
from services.stores.memory import MemoryStore

NOON = 1_800_000_000.0
PICTURE = Asset(kind=AssetKind.IMAGE, url="https://assets.test/picture.png", mime_type="image/png")


class FakeClock:
    """A clock that stands still until it is told to move, and stops at everything that is due on its way."""

    def __init__(self, now: float = NOON) -> None:
        self._now = now
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()

    def now(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        awake: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + seconds, next(self._numbers), awake))
        await awake

    async def advance(self, seconds: float) -> None:
        """Moves on, waking each sleeper at its own time and letting it do what it does before anybody later is woken."""
        end = self._now + seconds
        await quiet()
        while self._sleepers and self._sleepers[0][0] <= end:
            at, _, awake = heapq.heappop(self._sleepers)
            if not awake.done():
                self._now = max(self._now, at)
                awake.set_result(None)
                await quiet()
        self._now = max(self._now, end)

    def jump(self, seconds: float) -> None:
        """What a person does who sets the clock: nobody is woken, and it may go back."""
        self._now += seconds


async def quiet() -> None:
    """Lets everything run that can run without time passing or a thread answering."""
    for _ in range(30):
        await asyncio.sleep(0)


class ScriptedMuleRun:
    """A TaskUpstream. Each task answers its polls from a script and stays at the script's last word."""

    def __init__(self) -> None:
        self.submissions: list[Mapping[str, Json]] = []
        self.polls: Counter[str] = Counter()
        self.refusals: deque[Exception] = deque()
        """What the next submissions raise."""
        self.answer = Task(id="", state=JobState.QUEUED)
        """What a submission says, but for the id."""
        self.arrived = asyncio.Event()
        """Set, once a submission has arrived."""
        self.accepting = asyncio.Event()
        """Cleared, submissions hang after they have arrived."""
        self.accepting.set()
        self.answering = asyncio.Event()
        """Cleared, polls hang."""
        self.answering.set()
        self.script: Callable[[str, int], Task | Exception] = lambda task_id, _: finished(task_id)
        """What the n-th poll (from 1) of a task says."""
        self.at_once = 0
        """The most polls that were under way at the same time."""
        self._under_way = 0

    async def submit(self, path: str, body: Mapping[str, Json]) -> Task:
        self.submissions.append(body)
        number = len(self.submissions)
        self.arrived.set()
        await self.accepting.wait()
        if self.refusals:
            raise self.refusals.popleft()
        return Task(id=f"task-{number}", state=self.answer.state, assets=self.answer.assets, failure=self.answer.failure)

    async def poll(self, path: str, task_id: str) -> Task:
        self.polls[task_id] += 1
        number = self.polls[task_id]
        self._under_way += 1
        self.at_once = max(self.at_once, self._under_way)
        try:
            await self.answering.wait()
        finally:
            self._under_way -= 1
        answer = self.script(task_id, number)
        if isinstance(answer, Exception):
            raise answer
        return answer


def running(task_id: str = "task-1") -> Task:
    return Task(id=task_id, state=JobState.RUNNING)


def finished(task_id: str = "task-1") -> Task:
    return Task(id=task_id, state=JobState.SUCCEEDED, assets=(PICTURE,))


def broken(failure: Failure, task_id: str = "task-1") -> Task:
    return Task(id=task_id, state=JobState.FAILED, failure=failure)


def an_order(**changes: Any) -> Order:
    fields: dict[str, Any] = {
        "kind": ModelKind.IMAGE,
        "model": "wan2.6-t2i",
        "path": "/vendors/alibaba/v1/wan2.6-t2i/generation",
        "body": {"prompt": "a red square", "n": 1},
        "prompt": "a red square",
    }
    return Order(**fields | changes)


def a_job(**changes: Any) -> Job:
    fields: dict[str, Any] = {
        "id": "image_1",
        "kind": ModelKind.IMAGE,
        "model": "wan2.6-t2i",
        "path": "/vendors/alibaba/v1/wan2.6-t2i/generation",
        "state": JobState.SUBMITTING,
        "created_at": NOON,
        "updated_at": NOON,
    }
    return Job(**fields | changes)


def a_queued_job(**changes: Any) -> Job:
    return a_job(**{"state": JobState.QUEUED, "task_id": "task-1", "poll_at": NOON + 2.0} | changes)


@dataclass
class World:
    """An engine and all that is around it. The engine submits and reads at once, and polls when it is entered."""

    store: JobStore = field(default_factory=MemoryStore)
    mulerun: ScriptedMuleRun = field(default_factory=ScriptedMuleRun)
    clock: FakeClock = field(default_factory=FakeClock)
    pace: Pace = field(default_factory=lambda: Pace(jitter=0.0))
    retention: Retention = field(default_factory=Retention)

    def engine(self, owner: str = "core", room: int = 256) -> Engine:
        """A core that has just been started."""
        return Engine(
            store=self.store,
            upstream=self.mulerun,
            clock=self.clock,
            pace=self.pace,
            owner=owner,
            retention=self.retention,
            room=room,
        )

"""MuleRun with somebody looking on: each call passes through, and its watchers are told what became of it."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, aclosing
from types import TracebackType

from services.domain.errors import Failure
from services.domain.job import Task
from services.domain.model import Json, Route
from services.domain.ports import Plane, Reply, Upstream
from services.domain.text import Answer, Conversation, Event, TokenUsage
from services.domain.watch import Asked, Watcher


class Watched:
    """An Upstream around another one."""

    def __init__(self, upstream: Upstream, watchers: Sequence[Watcher]) -> None:
        self._upstream = upstream
        self._watchers = watchers

    async def submit(self, path: str, body: Mapping[str, Json]) -> Task:
        """As TaskUpstream promises."""
        with self._looking(Asked(plane=Plane.STUDIO, operation="submit", path=path)) as asked:
            task = await self._upstream.submit(path, body)
            asked.status, asked.task_id = 200, task.id
            return task

    async def poll(self, path: str, task_id: str) -> Task:
        """As TaskUpstream promises."""
        with self._looking(Asked(plane=Plane.STUDIO, operation="poll", method="GET", path=path, task_id=task_id)) as asked:
            task = await self._upstream.poll(path, task_id)
            asked.status = 200
            return task

    def relay(self, route: Route, body: bytes, headers: Sequence[tuple[str, str]]) -> AbstractAsyncContextManager[Reply]:
        """As TextUpstream promises."""
        return _Relayed(self._upstream.relay(route, body, headers), self._looking(_of(route)))

    async def generate(self, route: Route, conversation: Conversation) -> Answer:
        """As TextUpstream promises."""
        with self._looking(_of(route)) as asked:
            answer = await self._upstream.generate(route, conversation)
            asked.status, asked.tokens = 200, answer.usage
            return answer

    async def stream(self, route: Route, conversation: Conversation) -> AsyncGenerator[Event]:
        """As TextUpstream promises."""
        with self._looking(_of(route)) as asked:
            async with aclosing(self._upstream.stream(route, conversation)) as events:
                async for event in events:
                    asked.status = 200
                    if isinstance(event, TokenUsage):
                        asked.tokens = event
                    yield event

    def _looking(self, asked: Asked) -> "_Looking":
        return _Looking(asked, [watcher(asked) for watcher in self._watchers])


class _Looking:
    """Around one call; its watchers, which do not raise, hear of its end when it is known what it was."""

    __slots__ = ("_asked", "_watching")

    def __init__(self, asked: Asked, watching: Sequence[AbstractContextManager[None]]) -> None:
        self._asked = asked
        self._watching = watching

    def __enter__(self) -> Asked:
        for each in self._watching:
            each.__enter__()
        return self._asked

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        asked = self._asked
        if isinstance(error, Failure):
            asked.failure = error.reason
            status = error.metadata.get("upstream_status", "")
            asked.status = int(status) if status else asked.status
        elif isinstance(error, asyncio.CancelledError | GeneratorExit):
            asked.failure = "CANCELLED"
        for each in reversed(self._watching):
            each.__exit__(kind, error, trace)


class _Relayed(AbstractAsyncContextManager[Reply]):
    """A relayed call with somebody looking on: `with looking` around `async with relayed`, of which each has its half here."""

    __slots__ = ("_looking", "_relayed")

    def __init__(self, relayed: AbstractAsyncContextManager[Reply], looking: _Looking) -> None:
        self._relayed = relayed
        self._looking = looking

    async def __aenter__(self) -> Reply:
        asked = self._looking.__enter__()
        try:
            reply = await self._relayed.__aenter__()
        except BaseException as error:
            self._looking.__exit__(type(error), error, error.__traceback__)
            raise
        asked.status = reply.status
        return reply

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            await self._relayed.__aexit__(kind, error, trace)
        finally:
            self._looking.__exit__(kind, error, trace)


def _of(route: Route) -> Asked:
    return Asked(plane=Plane.TEXT, operation=route.operation.value, path=route.path.partition("?")[0], model=route.model)

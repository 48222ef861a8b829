"""MuleRun with somebody looking on: each call passes through, and its watchers are told what became of it."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import ExitStack, aclosing, asynccontextmanager, contextmanager

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

    @asynccontextmanager
    async def relay(self, route: Route, body: bytes, headers: Sequence[tuple[str, str]]) -> AsyncGenerator[Reply]:
        """As TextUpstream promises."""
        with self._looking(_of(route)) as asked:
            async with self._upstream.relay(route, body, headers) as reply:
                asked.status = reply.status
                yield reply

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

    @contextmanager
    def _looking(self, asked: Asked) -> Iterator[Asked]:
        with ExitStack() as stack:
            for watcher in self._watchers:
                stack.enter_context(watcher(asked))
            try:
                yield asked
            except Failure as failure:
                asked.failure = failure.reason
                status = failure.metadata.get("upstream_status", "")
                asked.status = int(status) if status else asked.status
                raise
            except (asyncio.CancelledError, GeneratorExit):
                asked.failure = "CANCELLED"
                raise


def _of(route: Route) -> Asked:
    return Asked(plane=Plane.TEXT, operation=route.operation.value, path=route.path.partition("?")[0], model=route.model)

"""MuleRun as the core sees it: tasks that are submitted and polled, text that is relayed or generated.

A submission is a purchase. It is sent once, and again only where it certainly did not arrive or was refused for its credential.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from typing import Final
from urllib.parse import quote

import aiohttp
import msgspec

from services.domain.errors import UpstreamUnavailable
from services.domain.job import Task
from services.domain.model import Json, Route
from services.domain.ports import Clock, Credentials, Plane, Reply
from services.domain.text import Answer, Conversation, Event
from services.upstream import wire
from services.upstream.dialects.table import dialect_of
from services.upstream.fields import decoded
from services.upstream.headers import DEFAULT_ANTHROPIC_VERSION, KEY_HEADER_OPERATIONS, returned, sent
from services.upstream.line import Call, Chunks, Line, read
from services.upstream.opening import Opening
from services.upstream.rewrite import with_model
from services.upstream.sse import SseParser

SUBMIT_SECONDS: Final = 120.0
POLL_SECONDS: Final = 30.0


class RelayedReply:
    """An upstream's answer to a relayed call, its body still coming."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.status: int = response.status
        self.headers: Sequence[tuple[str, str]] = returned(response.raw_headers)
        self._response = response

    def chunks(self) -> AsyncIterator[bytes]:
        """The body's bytes as they come in. Raises UpstreamUnavailable where the upstream breaks off."""
        return Chunks(self._response)

    def close(self) -> None:
        """Stops the upstream call, unless all of its answer has come."""
        self._response.close()


class MuleRun:
    """TaskUpstream and TextUpstream over one HTTP session, which stays its maker's to close."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str, credentials: Credentials, clock: Clock) -> None:
        self._line = Line(session, base_url, credentials, clock)

    async def submit(self, path: str, body: Mapping[str, Json]) -> Task:
        """Starts one paid task.

        Raises a Failure; UpstreamUnavailable with `reached` True leaves open whether a task exists.
        """
        call = Call(path=path, plane=Plane.STUDIO, body=msgspec.json.encode(body), seconds=SUBMIT_SECONDS)
        async with self._line.open(call) as response:
            if not 200 <= response.status < 300:
                hint = f"this host does not serve {path}, or not for this account"
                raise await self._line.refusal(response, call.plane, hint)
            return wire.submitted(decoded(await read(response), status=response.status))

    async def poll(self, path: str, task_id: str) -> Task:
        """How the task stands. A failed task is an answer; raises a Failure only where the poll itself failed."""
        call = Call(method="GET", path=f"{path}/{quote(task_id, safe='')}", plane=Plane.STUDIO, seconds=POLL_SECONDS)
        async with self._line.open(call, tries=False) as response:
            if not 200 <= response.status < 300:
                raise await self._line.refusal(response, call.plane, f"it knows no task {task_id}")
            return wire.polled(decoded(await read(response), status=response.status), task_id)

    def relay(self, route: Route, body: bytes, headers: Sequence[tuple[str, str]]) -> AbstractAsyncContextManager[Reply]:
        """Carries one call verbatim, but for the value of `model` where it differs. Leaving the context stops the upstream call.

        Raises UpstreamCredentialRefused for 401 and 403, UpstreamRefused for a redirect, UpstreamUnavailable where no answer
        came; any other status is a Reply.
        """
        return Opening(lambda: self._relayed(route, body, headers))

    async def _relayed(self, route: Route, body: bytes, headers: Sequence[tuple[str, str]]) -> RelayedReply:
        call = Call(
            path=route.path,
            plane=Plane.TEXT,
            headers=sent(headers, route.operation),
            body=with_model(body, route.model),
            key_header=route.operation in KEY_HEADER_OPERATIONS,
            verbatim=True,
        )
        response = await self._line.answer(call)
        if 300 <= response.status < 400:
            with closing(response):
                # The SDKs follow redirects: passed on, it would lead the caller, with body and key, to wherever it says.
                raise await self._line.refusal(response, call.plane)
        return RelayedReply(response)

    async def generate(self, route: Route, conversation: Conversation) -> Answer:
        """The whole answer. Raises a Failure for every error status."""
        dialect = dialect_of(route.operation)
        async with self._asked(route, dialect.body(route.model, conversation, stream=False)) as response:
            return dialect.answer(decoded(await read(response), status=response.status))

    async def stream(self, route: Route, conversation: Conversation) -> AsyncGenerator[Event]:
        """The answer piece by piece; close it to stop the upstream call.

        Raises a Failure, also after the first events; UpstreamUnavailable where the stream ends before the answer does.
        """
        dialect = dialect_of(route.operation)
        reader, parser = dialect.reader(), SseParser()
        async with self._asked(route, dialect.body(route.model, conversation, stream=True)) as response:
            async for piece in Chunks(response):
                for message in parser.feed(piece):
                    for event in reader.read(message):
                        yield event
                    if reader.ended:
                        return
            for event in reader.close():
                yield event
            if not reader.ended:
                raise UpstreamUnavailable("MuleRun broke off the stream before the answer was complete")

    @asynccontextmanager
    async def _asked(self, route: Route, body: Mapping[str, object]) -> AsyncGenerator[aiohttp.ClientResponse]:
        headers = [("content-type", "application/json"), ("accept-encoding", "identity")]
        if route.operation in KEY_HEADER_OPERATIONS:
            headers.append(("anthropic-version", DEFAULT_ANTHROPIC_VERSION))
        call = Call(
            path=route.path,
            plane=Plane.TEXT,
            headers=headers,
            body=msgspec.json.encode(body),
            key_header=route.operation in KEY_HEADER_OPERATIONS,
        )
        async with self._line.open(call) as response:
            if not 200 <= response.status < 300:
                raise await self._line.refusal(response, call.plane, f"the model {route.model} is not served at {route.path}")
            yield response

"""The line to one caller. Its law: who hangs up stops the work at once, at every stage, also before the first byte.

The body is read by whoever serves the request; from its end on the line listens for the caller to leave, and then cancels
the task that serves. So no endpoint needs to think of it.
"""

import asyncio
from collections.abc import Coroutine
from time import perf_counter
from types import TracebackType
from typing import Any, Final, Self

from starlette.types import Message, Receive, Send

CALLER_LEFT: Final = 499
"""What log, metrics and traces say of a call whose caller hung up before an answer began."""
_BODILESS: Final = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})


class CallerLeft(Exception):
    """The caller hung up; there is nobody to answer."""


class Line:
    """Passes messages on, knows how far the answer is, and raises CallerLeft out of its context when the caller hangs up."""

    def __init__(self, method: str, receive: Receive, send: Send, headers: list[tuple[bytes, bytes]]) -> None:
        self._receive = receive
        self._send = send
        self._headers = headers
        """Sent with every answer."""
        self._bodiless = method in _BODILESS
        self.status = 0
        """HTTP status of the answer; 0 until it has begun."""
        self.answered: float | None = None
        """When the answer's head went out, on the clock of `perf_counter`."""
        self.finished = False
        self._left = False
        self._served: asyncio.Task[Any] | None = None
        self._listening: Coroutine[Any, Any, None] | None = None

    async def receive(self) -> Message:
        """The next piece of the body. Raises CallerLeft."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise CallerLeft
        if not message.get("more_body", False):
            self._listen()
        return message

    async def send(self, message: Message) -> None:
        """The next piece of the answer."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.answered = perf_counter()
            message = {**message, "headers": [*message.get("headers", ()), *self._headers]}
        elif not message.get("more_body", False):
            self.finished = True
            self._hush()
        await self._send(message)

    def __enter__(self) -> Self:
        if self._bodiless:
            self._listen()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._hush()
        if self._left and _this_task().uncancel() == 0 and isinstance(error, asyncio.CancelledError):
            raise CallerLeft from error

    def _listen(self) -> None:
        if self._served is None:
            self._served = _this_task()
            self._listening = self._until_left(self._served)
            self._hear()

    def _hush(self) -> None:
        if self._listening is not None:
            self._listening.close()
            self._listening = None

    def _hear(self, _: object = None) -> None:
        """Runs the listening coroutine to where it waits, and again when that has come.

        Nearly all of them wait in vain, and a task for each would be a tenth of what a call costs. Without a task of its own it
        can await only what does not ask for one; a server's `receive` waits for an event.
        """
        if self._listening is None:  # what it waited for had come in the turn in which it was hushed
            return
        try:
            awaited = self._listening.send(None)
        except StopIteration:
            self._listening = None
        else:
            awaited.add_done_callback(self._hear)

    async def _until_left(self, served: "asyncio.Task[Any]") -> None:
        message = await self._receive()
        while message["type"] != "http.disconnect":  # a body where none is expected is let go
            message = await self._receive()
        if not self.finished:
            self._left = True
            served.cancel()


def _this_task() -> "asyncio.Task[Any]":
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("a line is kept by the task that serves the request")
    return task

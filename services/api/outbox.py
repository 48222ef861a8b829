"""What a line has to tell and has not sent yet: what many calls have to say goes out in one message."""

import asyncio
from collections import deque
from typing import Final, Self

import grpc
from cli2api.v1 import tunnel_pb2

_ENOUGH: Final = 256 << 10
"""Bytes after which a further message is begun, so that none grows beyond what is handed over quickly."""
_MOST: Final = 4 << 20
"""Bytes that may wait for a side that does not read; until they are less nothing further is taken in of it."""
_END: Final = 32
"""About the bytes of an end, beside its words."""


class Outbox:
    """Gathers while a message is being sent. Iterating gives the messages in order, until it was closed and is empty."""

    def __init__(self) -> None:
        self._messages: deque[tunnel_pb2.CarryResponse] = deque()
        self._replies: dict[int, tunnel_pb2.CallReply] = {}
        """By call: its entry in the last message."""
        self._sizes: deque[int] = deque()
        """Bytes of each message, nearly."""
        self._closed = False
        self._told = asyncio.Event()
        self._sent = asyncio.Event()

    def open(self) -> None:
        """An empty message: the line is there."""
        self._last()
        self._told.set()

    def leave(self, last_id: int) -> None:
        """No further call than that one is begun."""
        leaving = self._last().leaving
        leaving.SetInParent()
        leaving.last_id = last_id
        self._told.set()

    def add(self, call_id: int, message: bytes) -> None:
        """A message of that call's answer."""
        self._reply(call_id, len(message)).messages.append(message)

    def end(self, call_id: int, code: grpc.StatusCode, words: str = "", status: bytes = b"") -> None:
        """The call has ended."""
        end = self._reply(call_id, _END + len(words) + len(status)).end
        end.SetInParent()
        if code is not grpc.StatusCode.OK:
            end.code, end.message, end.status = code.value[0], words, status

    async def room(self) -> None:
        """Returns when not too much waits to be sent."""
        while sum(self._sizes) >= _MOST and not self._closed:
            self._sent.clear()
            await self._sent.wait()

    def close(self) -> None:
        """Nothing more will be told."""
        self._closed = True
        self._told.set()
        self._sent.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> tunnel_pb2.CarryResponse:
        while not self._messages:
            if self._closed:
                raise StopAsyncIteration
            self._told.clear()
            await self._told.wait()
        message = self._messages.popleft()
        self._sizes.popleft()
        self._sent.set()
        if not self._messages:
            self._replies.clear()
        return message

    def _reply(self, call_id: int, size: int) -> tunnel_pb2.CallReply:
        last = self._last()
        found = self._replies.get(call_id)
        if found is None:
            found = self._replies[call_id] = last.replies.add(id=call_id)
        self._sizes[-1] += size
        self._told.set()
        return found

    def _last(self) -> tunnel_pb2.CarryResponse:
        if not self._messages or self._sizes[-1] >= _ENOUGH:
            self._messages.append(tunnel_pb2.CarryResponse())
            self._sizes.append(0)
            self._replies.clear()
        return self._messages[-1]

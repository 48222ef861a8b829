"""TunnelService: many calls on one line, each served as if it had come by itself.

A message among others costs a fraction of what grpc.aio takes to begin and end a call. Laws: no call is begun but those whose
end will be told, and a line that goes takes its calls along.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

import grpc
from cli2api.v1 import tunnel_pb2, tunnel_pb2_grpc

from services.api.carried import Carried
from services.api.outbox import Outbox
from services.api.patience import Context
from services.domain.errors import InvalidRequest, Violation

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Find: TypeAlias = "Callable[[str], Awaitable[Handler | None]]"

_NOT_CARRIED: Final = (grpc.StatusCode.UNIMPLEMENTED, "a line carries only methods of this core whose request is one message")


class Tunnel(tunnel_pb2_grpc.TunnelServiceServicer):
    """Serves lines. `find` gives a method by its name, with everything that stands around it on its way from a caller."""

    def __init__(self, find: Find) -> None:
        self._find = find
        self._lines: set[_Line] = set()
        self._draining = False

    async def Carry(self, requests: Any, context: Context) -> None:  # type: ignore[override]  # noqa: N802
        """One line. It ends by itself once it was drained."""
        line = _Line(self._find, context)
        self._lines.add(line)
        if self._draining:  # it came in just as the core began to
            line.leave()
        try:
            await line.run(requests)
        finally:
            self._lines.discard(line)

    def drain(self) -> None:
        """No line begins a call from here on; each ends with the last one that it carries."""
        self._draining = True
        for line in self._lines:
            line.leave()


class _Line:
    def __init__(self, find: Find, context: Context) -> None:
        self._find = find
        self._context = context
        self._outbox = Outbox()
        self._calls: dict[int, Carried] = {}
        self._last_id = 0
        self._leaving = False

    def leave(self) -> None:
        self._leaving = True
        self._outbox.leave(self._last_id)
        self._end_if_idle()

    async def run(self, requests: Any) -> None:
        reading = asyncio.create_task(self._read(requests), name="calls that come in")
        self._outbox.open()
        try:
            async for response in self._outbox:
                await self._context.write(response)
            if reading.done():
                await reading  # what was wrong with a message ends the line
        finally:
            reading.cancel()
            for each in self._calls.values():
                each.cancel()
            await asyncio.gather(reading, *(each.task for each in self._calls.values()), return_exceptions=True)

    async def _read(self, requests: Any) -> None:
        """Until the other side will ask no more."""
        try:
            async for request in requests:
                await self._outbox.room()
                for begun in request.begun:
                    if not self._leaving:
                        await self._begin(begun)
                for room in request.rooms:
                    if found := self._calls.get(room.id):
                        found.widen(room.taken)
                for given_up in request.given_up:
                    if found := self._calls.get(given_up):
                        found.cancel()
        except Exception:
            self._outbox.close()
            raise
        self._leaving = True
        self._end_if_idle()

    async def _begin(self, begun: tunnel_pb2.CallBegun) -> None:
        handler = await self._find(begun.method)
        if self._leaving:  # it was told meanwhile that no further call is begun
            return
        if begun.id <= self._last_id:
            raise InvalidRequest.of(Violation("begun.id", f"must be higher than {self._last_id}; got {begun.id}"))
        self._last_id = begun.id
        if handler is None or handler.request_streaming:
            self._outbox.end(begun.id, *_NOT_CARRIED)
            return
        call_id = begun.id  # whoever keeps `begun` keeps the whole message that it came in
        carried = self._calls[call_id] = Carried(begun, handler, self._outbox, self._context.peer())
        carried.task.add_done_callback(lambda _: self._ended(call_id))

    def _ended(self, call_id: int) -> None:
        del self._calls[call_id]
        self._end_if_idle()

    def _end_if_idle(self) -> None:
        if self._leaving and not self._calls:
            self._outbox.close()

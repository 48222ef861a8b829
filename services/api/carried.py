"""A call that came on a line: what its servicer and the rings around it see in the place of grpc.aio's context."""

import asyncio
from collections.abc import Sequence
from time import monotonic
from typing import Any, Final

import grpc
import grpc.aio
from cli2api.v1 import tunnel_pb2

from services.api.outbox import Outbox

_ROOM: Final = 64 << 10
"""Bytes of a stream that may be on their way to somebody who has not taken them up."""
_DETAILS: Final = "grpc-status-details-bin"


class Carried:
    """One call from its begin to its end, which goes into the outbox."""

    def __init__(self, begun: tunnel_pb2.CallBegun, handler: Any, outbox: Outbox, peer: str) -> None:
        self._id = begun.id
        self._request = begun.request
        self._metadata = tuple((each.name, each.value) for each in begun.metadata)
        self._due = monotonic() + begun.timeout.seconds + begun.timeout.nanos / 1e9 if begun.HasField("timeout") else None
        self._handler = handler
        self._outbox = outbox
        self._peer = peer
        self._room = _ROOM
        self._taken = asyncio.Event()
        self._trailing: Sequence[tuple[str, Any]] = ()
        self._code = grpc.StatusCode.OK
        self._words = ""
        self.task = asyncio.create_task(self._serve())
        """Serves it. As with grpc.aio, every call is a task of its own."""

    def cancel(self) -> None:
        """Gives it up; the task then comes to its end."""
        self.task.cancel()

    def widen(self, taken: int) -> None:
        """So many bytes were taken up."""
        self._room += taken
        if self._room > 0:
            self._taken.set()

    async def _serve(self) -> None:
        handler = self._handler
        try:
            if handler.response_streaming:
                await handler.unary_stream(self._request, self)
            else:
                reply = await handler.unary_unary(self._request, self)
                self._outbox.add(self._id, handler.response_serializer(reply))
        except grpc.aio.AbortError:
            pass
        except asyncio.CancelledError:
            self._code = grpc.StatusCode.CANCELLED
            raise
        except Exception:  # what the rings have not caught; the loop tells of it
            self._code, self._words = grpc.StatusCode.INTERNAL, "internal error"
            raise
        finally:
            status = next((value for name, value in self._trailing if name == _DETAILS), b"")
            self._outbox.end(self._id, self._code, self._words, status)

    # What follows is named as in grpc.aio.ServicerContext, and does what it does there.

    def invocation_metadata(self) -> Sequence[tuple[str, str]]:
        """The caller's."""
        return self._metadata

    def time_remaining(self) -> float | None:
        """Seconds to the deadline; None without one."""
        return None if self._due is None else max(0.0, self._due - monotonic())

    def peer(self) -> str:
        """The line's."""
        return self._peer

    def set_trailing_metadata(self, metadata: Sequence[tuple[str, Any]]) -> None:
        """Of it only a failure's status goes out."""
        self._trailing = metadata

    def trailing_metadata(self) -> Sequence[tuple[str, Any]]:
        """What was set."""
        return self._trailing

    def code(self) -> grpc.StatusCode:
        """How it ended."""
        return self._code

    async def send_initial_metadata(self, metadata: Sequence[tuple[str, Any]]) -> None:
        """None goes out on a line."""

    async def abort(self, code: grpc.StatusCode, details: str = "", trailing_metadata: Sequence[tuple[str, Any]] = ()) -> None:
        """Raises AbortError."""
        self._code, self._words, self._trailing = code, details, trailing_metadata
        raise grpc.aio.AbortError

    async def write(self, message: Any) -> None:
        """Returns when there is room for more."""
        content = self._handler.response_serializer(message)
        self._outbox.add(self._id, content)
        self._room -= len(content)
        while self._room <= 0:
            self._taken.clear()
            await self._taken.wait()

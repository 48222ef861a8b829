"""One line to a core, on which many calls are asked at once: what is new of all of them goes out in one message.

Law: a call that may have been begun is never told as not begun, since whoever hears that may pay for it again.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import Any, Final, TypeAlias

import grpc
from cli2api.v1 import tunnel_pb2
from grpc import aio

Metadata: TypeAlias = Sequence[tuple[str, str]]

NOT_BEGUN: Final = (grpc.StatusCode.UNAVAILABLE, "no core has begun the call")
"""It can be asked again, whatever it costs."""
DETAILS: Final = "grpc-status-details-bin"
"""Metadata of a failure: the bytes of its google.rpc.Status."""
_NO_LINES: Final = (grpc.StatusCode.UNIMPLEMENTED, "the core knows no lines")
_LOST: Final = (grpc.StatusCode.UNAVAILABLE, "the line to the core broke")
_GIVEN_UP: Final = (grpc.StatusCode.CANCELLED, "the call was given up")
_LATE: Final = (grpc.StatusCode.DEADLINE_EXCEEDED, "the call took longer than it may")
_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}
_ENOUGH: Final = 256 << 10
"""Bytes after which a further message is begun."""
_OWED: Final = 32 << 10
"""Bytes of a stream that are taken up before the core hears of it: half of what may be on its way."""


def failure(code: grpc.StatusCode, words: str, status: bytes = b"") -> aio.AioRpcError:
    """As grpc.aio tells it; `status` is the bytes of its google.rpc.Status."""
    trailing = aio.Metadata((DETAILS, status)) if status else aio.Metadata()
    return aio.AioRpcError(code, aio.Metadata(), trailing, details=words)


class Asked:
    """One call on a line."""

    def __init__(self, line: "Line", call_id: int, timeout: float | None) -> None:
        self._line = line
        self._id = call_id
        self._messages: deque[bytes] = deque()
        self._taken = 0
        self._failure: aio.AioRpcError | None = None
        self._over = False
        self._waiting: asyncio.Future[None] | None = None
        self._due = line.loop.call_later(timeout, self.give_up, _LATE) if timeout is not None else None

    async def message(self) -> bytes | None:
        """The next message of the answer; None at its end. Raises AioRpcError where that is a failure."""
        while not self._messages:
            if self._failure is not None:
                raise self._failure
            if self._over:
                return None
            self._waiting = self._line.loop.create_future()
            await self._waiting
        message = self._messages.popleft()
        self._taken += len(message)
        if self._taken >= _OWED and not self._over:
            self._line.take(self._id, self._taken)
            self._taken = 0
        return message

    def give_up(self, why: tuple[grpc.StatusCode, str] = _GIVEN_UP) -> None:
        """Ends it, unless it is over."""
        if not self._over:
            self._line.forget(self._id)
            self.fail(*why)

    def hear(self, reply: tunnel_pb2.CallReply) -> None:
        """What is new of it."""
        self._messages.extend(reply.messages)
        if reply.HasField("end"):
            end = reply.end
            if end.code:
                self.fail(_CODES.get(end.code, grpc.StatusCode.UNKNOWN), end.message, end.status)
            else:
                self._end()
        self._wake()

    def fail(self, code: grpc.StatusCode, words: str, status: bytes = b"") -> None:
        """It ended so."""
        self._failure = failure(code, words, status)
        self._end()
        self._wake()

    def _end(self) -> None:
        self._over = True
        if self._due is not None:
            self._due.cancel()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)


class Line:
    """A line over `carry`, which was just called."""

    def __init__(self, carry: "aio.StreamStreamCall[Any, Any]", ended: Callable[["Line"], object]) -> None:
        self.takes_calls = True
        self.loop = asyncio.get_running_loop()
        self._carry = carry
        self._ids = count(1)
        self._asked: dict[int, Asked] = {}
        self._unsent: deque[tunnel_pb2.CarryRequest] = deque()
        self._size = 0
        self._told = asyncio.Event()
        self._keeping = asyncio.create_task(self._keep(), name="a line to the core")
        self._keeping.add_done_callback(lambda _: ended(self))

    def begin(self, method: str, request: bytes, metadata: Metadata | None, timeout: float | None) -> Asked:
        """Asks one call; it fails by itself where the line does."""
        call_id = next(self._ids)
        # Made before it stands in what is sent, so that nothing goes out of what cannot be said.
        begun = tunnel_pb2.CallBegun(id=call_id, method=method, request=request)
        for name, value in metadata or ():
            begun.metadata.add(name=name, value=value)
        if timeout is not None:
            begun.timeout.FromNanoseconds(int(timeout * 1e9))
        self._next(len(request) + sum(len(value) for _, value in metadata or ())).begun.append(begun)
        asked = self._asked[call_id] = Asked(self, call_id, timeout)
        return asked

    def take(self, call_id: int, taken: int) -> None:
        """So many bytes of the call's answer were taken up."""
        self._next(0).rooms.add(id=call_id, taken=taken)

    def forget(self, call_id: int) -> None:
        """The call is given up. One that was not sent yet never is."""
        del self._asked[call_id]
        for request in self._unsent:
            for place, begun in enumerate(request.begun):
                if begun.id == call_id:
                    del request.begun[place]
                    return
        self._next(0).given_up.append(call_id)

    async def close(self) -> None:
        """Ends what is on it."""
        self._carry.cancel()
        await asyncio.wait({self._keeping})

    async def _keep(self) -> None:
        writing: asyncio.Task[None] | None = None
        end = _LOST
        try:
            while isinstance(response := await self._carry.read(), tunnel_pb2.CarryResponse):
                # Nothing is sent before the core has said a first word: so what fails until then was certainly not begun.
                writing = writing or asyncio.create_task(self._write(), name="calls that go out")
                for reply in response.replies:
                    asked = self._asked.get(reply.id)
                    if asked is not None:
                        if reply.HasField("end"):
                            del self._asked[reply.id]
                        asked.hear(reply)
                if response.HasField("leaving"):
                    self.takes_calls = False
                    self._fail(call_id for call_id in list(self._asked) if call_id > response.leaving.last_id)
            if response is aio.EOF:  # and not bytes that are no message, of which grpc.aio makes None
                end = NOT_BEGUN
        except aio.AioRpcError as error:
            if writing is None and error.code() is grpc.StatusCode.UNIMPLEMENTED:
                self._fail(list(self._asked), _NO_LINES)
        except asyncio.CancelledError:
            pass  # so grpc.aio tells of a line that was given up, here or by the core; this task itself is cancelled by nobody
        finally:
            self.takes_calls = False
            self._carry.cancel()
            if writing is not None:
                writing.cancel()
            self._fail([begun.id for request in self._unsent for begun in request.begun])
            self._fail(list(self._asked), end)

    def _fail(self, call_ids: Iterable[int], end: tuple[grpc.StatusCode, str] = NOT_BEGUN) -> None:
        for call_id in call_ids:
            if asked := self._asked.pop(call_id, None):
                asked.fail(*end)

    async def _write(self) -> None:
        try:
            while True:
                while self._unsent:
                    await self._carry.write(self._unsent.popleft())
                self._told.clear()
                await self._told.wait()
        except (aio.AioRpcError, asyncio.InvalidStateError):
            pass  # whoever reads hears of it too
        except Exception:
            self._carry.cancel()  # a line that sends nothing must not take calls
            raise

    def _next(self, size: int) -> tunnel_pb2.CarryRequest:
        if not self._unsent or self._size >= _ENOUGH:
            self._unsent.append(tunnel_pb2.CarryRequest())
            self._size = 0
        self._size += size
        self._told.set()
        return self._unsent[-1]

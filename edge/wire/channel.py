"""A channel to a core at one address, kept open: once somebody asked for it, it is opened again whenever it is lost."""

import asyncio
import math
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import grpc
from grpc import aio

from edge.wire.calls import UnaryStream, UnaryUnary
from edge.wire.connection import Connection

_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 0.5
_PATIENCE: Final = 5.0
"""Seconds: between attempts to connect, and for one of them. A restarted core is used again within a second."""


class Channel(aio.Channel):
    """To "unix:/path" or an address and a port. It has to be made inside of the loop."""

    def __init__(self, target: str, *, largest: int) -> None:
        """`largest` is bytes of a message that is sent."""
        self.largest = largest
        self._target = target
        self._loop = asyncio.get_running_loop()
        self._connection: Connection | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._state = grpc.ChannelConnectivity.IDLE
        self._waiting: set[asyncio.Future[None]] = set()
        self._tried = -math.inf
        """When a connection was last asked for, on the loop's clock."""

    async def __aenter__(self) -> "Channel":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self, grace: float | None = None) -> None:
        """Ends what is on it."""
        del grace
        self._become(grpc.ChannelConnectivity.SHUTDOWN)
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.wait({self._connecting})
        if self._connection is not None:
            self._connection.close()

    def connection(self) -> Connection | None:
        """One that takes streams; None where there is none."""
        found = self._connection
        return found if found is not None and found.ready else None

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        """As gRPC has it."""
        if try_to_connect and self._state is grpc.ChannelConnectivity.IDLE:
            self._connect()
        return self._state

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """Returns when the state is another one than that."""
        while self._state is last_observed_state:
            waiting = self._loop.create_future()
            self._waiting.add(waiting)
            try:
                await waiting
            finally:
                self._waiting.discard(waiting)

    async def channel_ready(self) -> None:
        """Returns when it is ready."""
        while (state := self.get_state(try_to_connect=True)) is not grpc.ChannelConnectivity.READY:
            await self.wait_for_state_change(state)

    def unary_unary(
        self, method: str, request_serializer: Any = None, response_deserializer: Any = None, *_: Any, **__: Any
    ) -> Any:
        """A method that is asked for one message."""
        return UnaryUnary(self, method, request_serializer, response_deserializer)

    def unary_stream(
        self, method: str, request_serializer: Any = None, response_deserializer: Any = None, *_: Any, **__: Any
    ) -> Any:
        """A method that is asked for a stream."""
        return UnaryStream(self, method, request_serializer, response_deserializer)

    def stream_unary(self, *method: Any, **how: Any) -> Any:
        """The contract has none that the edge calls."""
        return _never

    def stream_stream(self, *method: Any, **how: Any) -> Any:
        """As `stream_unary`."""
        return _never

    def _become(self, state: grpc.ChannelConnectivity) -> None:
        if self._state is not grpc.ChannelConnectivity.SHUTDOWN:
            self._state = state
            for waiting in self._waiting:
                if not waiting.done():
                    waiting.set_result(None)

    def _connect(self) -> None:
        self._become(grpc.ChannelConnectivity.CONNECTING)
        self._connecting = self._loop.create_task(self._keep_trying(), name="the way to the core")

    async def _keep_trying(self) -> None:
        # One that greets and hangs up is no quicker asked again than one that is not there.
        pause = _FIRST_PAUSE
        await asyncio.sleep(self._tried + pause - self._loop.time())
        while True:
            self._tried = self._loop.time()
            with suppress(OSError, TimeoutError, OverflowError):  # the last is a port that cannot be
                async with asyncio.timeout(_PATIENCE):
                    self._connection = await self._opened()
                self._become(grpc.ChannelConnectivity.READY)
                return
            self._become(grpc.ChannelConnectivity.TRANSIENT_FAILURE)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _opened(self) -> Connection:
        greeted = asyncio.Event()
        made: list[Connection] = []

        def changed() -> None:
            greeted.set()
            if made and made[0] is self._connection and not made[0].ready:
                self._lost()

        def make() -> Connection:
            made.append(Connection(changed))
            return made[0]

        await self._open(make)
        try:
            await greeted.wait()
        except asyncio.CancelledError:
            made[0].close()
            raise
        if not made[0].ready:
            raise ConnectionError("the core hung up")
        return made[0]

    async def _open(self, make: Callable[[], Connection]) -> None:
        if self._target.startswith("unix:"):
            await self._loop.create_unix_connection(make, self._target.removeprefix("unix:"))
        else:
            host, _, port = self._target.rpartition(":")
            await self._loop.create_connection(make, host.strip("[]"), int(port))

    def _lost(self) -> None:
        """Calls that are being served stay on the old connection until they end."""
        self._connection = None
        if self._state is grpc.ChannelConnectivity.READY:
            self._connect()


def _never(*_: Any, **__: Any) -> Any:
    raise TypeError("no method of the contract that the edge calls takes a stream")

"""The way to the core: a channel to each place, with a line on it, and calls that go to those in turn which can be reached."""

import asyncio
import re
from collections.abc import Callable, Sequence
from typing import Any, Final

import grpc
from grpc import aio

from edge.tunnel import Channel

_ONE_PLACE: Final = re.compile(
    r"unix:(?!//)\S+|unix:///\S+|(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9A-Fa-f:.]+\]|localhost):\d{1,5}", re.ASCII
)
_SPREAD: Final = ("grpc.service_config", '{"loadBalancingConfig": [{"round_robin": {}}]}')
"""A name that leads to several cores, as containers have it, is asked for all of them."""


def open_channel(targets: str, options: Sequence[tuple[str, Any]]) -> aio.Channel:
    """A channel to the core at `targets`, a comma list of gRPC targets."""
    channels = [_open_one(target, options) for target in targets.split(",")]
    return channels[0] if len(channels) == 1 else Spread(channels)


def _open_one(target: str, options: Sequence[tuple[str, Any]]) -> aio.Channel:
    """With a line where that is one place, as in `cli2api serve`; of several behind a name a line would keep to one."""
    channel = aio.insecure_channel(target, options=(*options, _SPREAD))
    return Channel(channel) if _ONE_PLACE.fullmatch(target) else channel


class Spread(aio.Channel):
    """Several channels as one. A core that is away, draining or being started again is passed over.

    gRPC's own round robin wants one name for all, and unix sockets have none.
    """

    def __init__(self, channels: Sequence[aio.Channel]) -> None:
        self._channels = channels
        self._turn = 0

    async def __aenter__(self) -> "Spread":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self, grace: float | None = None) -> None:
        """As each channel promises."""
        await asyncio.gather(*(channel.close(grace) for channel in self._channels))

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        """READY where one of them is; all are tried where that is asked for."""
        states = [channel.get_state(try_to_connect) for channel in self._channels]
        return grpc.ChannelConnectivity.READY if grpc.ChannelConnectivity.READY in states else states[0]

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """Returns when the state is another one than that."""
        while self.get_state() is last_observed_state:
            await _first([channel.wait_for_state_change(channel.get_state()) for channel in self._channels])

    async def channel_ready(self) -> None:
        """Returns when one of them is ready."""
        await _first([channel.channel_ready() for channel in self._channels])

    def unary_unary(self, *method: Any, **how: Any) -> Any:
        """A method that goes to the next core in turn, each time it is called."""
        return self._in_turn([channel.unary_unary(*method, **how) for channel in self._channels])

    def unary_stream(self, *method: Any, **how: Any) -> Any:
        """As `unary_unary`."""
        return self._in_turn([channel.unary_stream(*method, **how) for channel in self._channels])

    def stream_unary(self, *method: Any, **how: Any) -> Any:
        """As `unary_unary`."""
        return self._in_turn([channel.stream_unary(*method, **how) for channel in self._channels])

    def stream_stream(self, *method: Any, **how: Any) -> Any:
        """As `unary_unary`."""
        return self._in_turn([channel.stream_stream(*method, **how) for channel in self._channels])

    def _in_turn(self, methods: Sequence[Callable[..., Any]]) -> Callable[..., Any]:
        def call(*request: Any, **how: Any) -> Any:
            return methods[self._next()](*request, **how)

        return call

    def _next(self) -> int:
        """Where the next call goes: to the next one that is ready, or, where none is, to the next one, which then says so."""
        count = len(self._channels)
        self._turn = (self._turn + 1) % count
        for step in range(count):
            place = (self._turn + step) % count
            if self._channels[place].get_state() is grpc.ChannelConnectivity.READY:
                self._turn = place
                return place
        return self._turn


async def _first(waits: Sequence[Any]) -> None:
    tasks = {asyncio.ensure_future(wait) for wait in waits}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

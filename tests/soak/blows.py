"""What is done to the gateway while it is called, and for how long each blow may be felt."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from cli.readiness import until
from tests.soak.gateway import PATIENCE, Gateway
from tests.soak.plan import KEY, Blow, Plan

_BEFORE: Final = 1.5
"""Seconds that a record may wait to be written: what a killed core loses of calls that had ended."""
_AFTER: Final = 1.0
"""Seconds in which Envoy and the edges find out that somebody is back."""
_SIGNALS: Final = {
    Blow.EDGE_KILLED: ("edge", signal.SIGKILL),
    Blow.CORE_STOPPED: ("core", signal.SIGTERM),
    Blow.CORE_KILLED: ("core", signal.SIGKILL),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Felt:
    """A blow and the time, in unix seconds, in which calls may fail because of it."""

    blow: Blow
    since: float
    until: float
    is_over: bool = True
    """False where the gateway did not recover."""

    def meets(self, began: float, ended: float) -> bool:
        """A call of that time may have felt it."""
        return began <= self.until and ended >= self.since


async def deal(plan: Plan, gateway: Gateway, died: Callable[[int], Awaitable[None]]) -> list[Felt]:
    """Every blow at its time, or until the gateway does not recover; `died` is told the pid of each core that was hit."""
    began, felt = time.time(), list[Felt]()
    for at, blow in plan.blows:
        await asyncio.sleep(began + at - time.time())
        since = time.time()
        try:
            async with asyncio.timeout(PATIENCE):
                if blow is Blow.RELOAD:
                    await _reload(gateway, f"sk-turn-{int(at * 1000)}")
                    continue  # nobody may feel it
                await _strike(gateway, blow, died)
        except TimeoutError:
            return [*felt, Felt(blow=blow, since=since, until=time.time(), is_over=False)]
        felt.append(Felt(blow=blow, since=since - _BEFORE, until=time.time() + _AFTER))
    return felt


async def _reload(gateway: Gateway, key: str) -> None:
    """A new key is let in, and the one before it no longer."""
    former = gateway.keys.read_text().split(",")[1:]
    gateway.keys.write_text(f"{KEY},{key}")
    gateway.process.send_signal(signal.SIGHUP)

    async def is_taken_up() -> bool:
        return await gateway.takes(key) and not any([await gateway.takes(old) for old in former])

    await until(is_taken_up)


async def _strike(gateway: Gateway, blow: Blow, died: Callable[[int], Awaitable[None]]) -> None:
    """Hits the last process of its kind; returns when it is back and calls are answered."""
    kind, by = _SIGNALS[blow]
    before = gateway.parts()
    name = max(name for name in before if name.startswith(kind))
    before[name].send_signal(by)

    async def is_back() -> bool:
        parts = gateway.parts()
        return parts.keys() == before.keys() and parts[name].pid != before[name].pid and await gateway.is_well()

    async def is_gone() -> bool:
        parts = gateway.parts()
        return name not in parts or parts[name].pid != before[name].pid

    await until(is_gone)
    if kind == "core":
        await died(before[name].pid)
    await until(is_back)

"""Event streams of our own making: one event after the other, and what goes wrong once one has begun is told inside it."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from edge.errors import Dialect, Failure, document
from edge.exchange import Exchange
from edge.sse import KEEP_ALIVE, EventWriter


@asynccontextmanager
async def streamed(exchange: Exchange, every: float) -> AsyncGenerator[EventWriter]:
    """A stream with a comment after each `every` seconds of silence. Raises Failure while nothing was sent."""
    async with EventWriter(exchange, heartbeat=KEEP_ALIVE, every=every) as events:
        try:
            yield events
        except Failure as failure:
            if not events.begun:
                raise
            await events.die(event(document(failure, Dialect.OPENAI, exchange.request_id)))
        await exchange.finish()


def event(told: Mapping[str, Any], **fields: object) -> bytes:
    """One event that tells `told` as JSON; `fields` are its other fields, such as `id`."""
    lines = "".join(f"{name}: {value}\n" for name, value in fields.items())
    return b"%bdata: %b\n\n" % (lines.encode(), msgspec.json.encode(told))

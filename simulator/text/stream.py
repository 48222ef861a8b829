"""Writes server-sent events one by one, and lets faults act between them."""

import asyncio
from collections.abc import Iterable

from aiohttp import web

from simulator.gate import drop
from simulator.world import FAULT, WORLD


async def stream(request: web.Request, events: Iterable[bytes]) -> web.StreamResponse:
    """Answers with the events; each is one chunk, unless the request's fault splits them."""
    world, fault = request.app[WORLD], request[FAULT]
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-cache"})
    pause_s = world.options.chunk_delay_s if fault.chunk_delay_s is None else fault.chunk_delay_s
    world.open_streams += 1
    try:
        await response.prepare(request)
        for index, event in enumerate(events):
            if fault.abort_after == index:
                await drop(request)
            if fault.hold is not None and fault.hold_after == index:
                await world.gates.wait(fault.hold, world.journal)
            if fault.broken_json and index == 1:
                event = event[: len(event) // 2] + b"\n\n"  # noqa: PLW2901 - the event is sent maimed
            for start in range(0, len(event), fault.split or len(event)):
                await response.write(event[start : start + (fault.split or len(event))])
            # Even without a pause a caller that hung up is noticed between two events.
            await asyncio.sleep(pause_s)
        await response.write_eof()
    finally:
        world.open_streams -= 1
        world.journal.changed()
    return response

"""Looks at what does not tell by itself whether it is there."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import aiohttp

from edge.envoy.address import Address, Unix

_PAUSE: Final = 0.05
_PATIENCE: Final = aiohttp.ClientTimeout(total=1.0)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Looks again and again until it holds."""
    while not await holds():  # noqa: ASYNC110 - no event to wait for
        await asyncio.sleep(_PAUSE)


async def is_listening(address: Address) -> bool:
    """Somebody takes connections there."""
    try:
        if isinstance(address, Unix):
            _, writer = await asyncio.open_unix_connection(address.path)
        else:
            _, writer = await asyncio.open_connection(address.host, address.port)
    except OSError:
        return False
    writer.close()
    return True


async def is_ok(url: str) -> bool:
    """GET answers 200."""
    try:
        async with aiohttp.ClientSession(timeout=_PATIENCE) as session, session.get(url) as answer:
            await answer.read()
            return answer.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False

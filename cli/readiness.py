"""Looks at what does not tell by itself whether it is there."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
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


async def is_ok(url: str, *, socket: Path | None = None) -> bool:
    """GET answers 200; asked at a unix socket where one is given."""
    try:
        connector = aiohttp.UnixConnector(str(socket)) if socket else None
        # The certificate is our own Envoy's, for the names by which callers know it.
        async with (
            aiohttp.ClientSession(timeout=_PATIENCE, connector=connector) as session,
            session.get(url, ssl=False) as answer,
        ):
            await answer.read()
            return answer.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False

"""What the supervisor says to Envoy, over its admin socket. Each word is best effort: an Envoy that is gone needs none."""

from pathlib import Path
from typing import Final

import aiohttp

_PATIENCE: Final = aiohttp.ClientTimeout(total=1.0)


class Admin:
    """Envoy's admin interface at a unix socket."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    async def stop_listening(self) -> None:
        """No new connection is taken; those that are open are asked to close after the call that they carry."""
        async with self._session() as session:
            await self._ask(session, "POST", "/healthcheck/fail")
            await self._ask(session, "POST", "/drain_listeners")

    async def is_idle(self) -> bool:
        """No call is being served; also where nobody answers."""
        async with self._session() as session:
            stats = await self._ask(session, "GET", "/stats?filter=^http\\.(rest|grpc)\\.downstream_rq_active$")
        return all(line.endswith(": 0") for line in stats.splitlines())

    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(self._socket)), timeout=_PATIENCE)

    async def _ask(self, session: aiohttp.ClientSession, method: str, path: str) -> str:
        try:
            async with session.request(method, f"http://admin{path}") as answer:
                return await answer.text()
        except (aiohttp.ClientError, TimeoutError):
            return ""

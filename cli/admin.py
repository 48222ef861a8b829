"""What the supervisor says to Envoy over its admin socket. Each word is best effort: an Envoy that is gone needs none."""

from pathlib import Path
from typing import Final

import aiohttp

_PATIENCE: Final = aiohttp.ClientTimeout(total=1.0)
_OPEN: Final = "^http\\.(rest|grpc)\\.(downstream_rq_active|downstream_cx_tx_bytes_buffered)$"
"""Calls that are served, and answers that their callers have not taken yet."""
_DIRECT: Final = "^cluster\\.mulerun_(bearer|key)\\.upstream_rq_(active|total)$"
_OURS: Final = ("edge", "core")
_MEMBERS: Final = "^cluster\\.(edge|core)\\.membership_(healthy|total)$"


class Admin:
    """Envoy's admin interface at a unix socket."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket

    async def stop_listening(self) -> None:
        """No new connection is taken; those that are open are asked to close after the call that they carry."""
        await self._ask("POST", "/healthcheck/fail")
        await self._ask("POST", "/drain_listeners")

    async def is_idle(self) -> bool:
        """No call is open; also where nobody answers."""
        stats = await self._ask("GET", "/stats", filter=_OPEN)
        return all(line.endswith(": 0") for line in stats.splitlines())

    async def direct_calls(self) -> tuple[int, int]:
        """How many calls of the direct way are open, and how many there were in all; none where nobody answers."""
        stats = [line.rpartition(": ") for line in (await self._ask("GET", "/stats", filter=_DIRECT)).splitlines()]
        active, total = (sum(int(count) for name, _, count in stats if name.endswith(kind)) for kind in ("active", "total"))
        return active, total

    async def prometheus(self, names: str) -> str:
        """The numbers whose names match the regular expression, in Prometheus' format; empty where nobody answers."""
        return await self._ask("GET", "/stats/prometheus", usedonly="", filter=names)

    async def finds_all_well(self) -> bool:
        """Every edge and every core passes its health check; not where nobody answers."""
        counts = dict(line.split(": ") for line in (await self._ask("GET", "/stats", filter=_MEMBERS)).splitlines())
        pairs = [
            (counts.get(f"cluster.{each}.membership_healthy"), counts.get(f"cluster.{each}.membership_total")) for each in _OURS
        ]
        return all(healthy is not None and healthy == total for healthy, total in pairs)

    async def _ask(self, method: str, path: str, **query: str) -> str:
        connector = aiohttp.UnixConnector(str(self.socket))
        try:
            async with (
                aiohttp.ClientSession(connector=connector, timeout=_PATIENCE) as session,
                session.request(method, f"http://admin{path}", params=query) as answer,
            ):
                return await answer.text()
        except (aiohttp.ClientError, TimeoutError):
            return ""

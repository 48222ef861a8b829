"""Counts calls and how long they take, by method and code; methods that do not exist share one name."""

from time import monotonic
from typing import Any, Final

from prometheus_client import CollectorRegistry

from services.interceptors.shapes import Inside, Ring, Rpc
from services.metrics.tally import Family, Tally

_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


def metrics(registry: CollectorRegistry) -> Ring:
    """The ring that counts into `registry`."""
    calls = Tally(
        running=Family(name="cli2api_rpcs_running", says="Calls being served.", labels=("method",)),
        ended=Family(name="cli2api_rpcs", says="Calls that ended.", labels=("method", "code")),
        seconds=Family(name="cli2api_rpc_seconds", says="How long a call took.", labels=("method",)),
        bounds=_BUCKETS,
    )
    registry.register(calls)

    async def ring(rpc: Rpc, inside: Inside) -> Any:
        counted = calls.of(rpc.method if rpc.known else "unknown")
        counted.begin()
        try:
            return await inside(rpc)
        finally:
            counted.end(monotonic() - rpc.started, (rpc.code.name,))

    return ring

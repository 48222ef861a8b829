"""The soak's MuleRun, in a process of its own: `python -m tests.soak.mulerun` prints its settings and serves until SIGTERM.

Then it prints how many tasks each prompt made: what would have been paid for.
"""

import asyncio
import json
import signal
from collections import Counter
from typing import Any, Final

from simulator.options import ByTime, Options
from simulator.server import Simulator

_OPTIONS: Final = Options(
    pace=ByTime(pending_s=0.2, processing_s=0.4),
    chunk_delay_s=0.01,
    keep_requests=500_000,
    keep_body_bytes=20_000,
    keep_tasks=200_000,
)


async def main() -> None:
    """Serves, and tells at the end."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    async with Simulator(_OPTIONS) as mulerun:
        print(json.dumps(mulerun.environ), flush=True)
        await ended.wait()
        paid: Counter[str] = Counter()
        for seen in mulerun.submissions():
            body: Any = seen.json
            paid[body["prompt"]] += 1
    print(json.dumps(paid), flush=True)


if __name__ == "__main__":
    asyncio.run(main())

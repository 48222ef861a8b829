"""The engine under the bench's load, in a process of its own, so that what is measured is one core and nothing else.

`python -m tests.bench.jobs_core URL FOLDER` submits the jobs, lets their intervals grow to the longest one, watches the polls for
a while, and prints what it saw as JSON. Store, engine and the client of MuleRun are the product's own, with its settings.
"""

import argparse
import asyncio
import gc
import json
import logging
import random
import resource
import time
from array import array
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import psutil
import uvloop

from services.domain.job import Order
from services.domain.model import ModelKind
from services.jobs.backoff import Pace
from services.jobs.clock import SystemClock
from services.jobs.engine import Engine
from services.stores.dsn import open_store
from services.upstream.mulerun import MuleRun
from services.upstream.session import open_session
from tests.hosts import ScriptedCredentials

AT_ONCE: Final = 64
"""Submissions under way at once."""
PROMPT: Final = "a mule that carries a letter over the pass at dawn, " * 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one run has shown. Times are seconds."""

    jobs: int
    submits_per_second: float
    polls: int
    polls_per_second: float
    lag_p50: float
    lag_p99: float
    lag_max: float
    cpu: float
    """The share of one processor that the process used while polls were watched."""
    rss: int
    """Bytes in memory at the end."""


async def observe(url: str, dsn: str, folder: Path, *, jobs: int, settle: float, watch: float, pace: Pace) -> Seen:
    """One run, from an empty store."""
    lags = array("d")
    clock = SystemClock()
    store = await open_store(dsn, folder)
    try:
        async with open_session() as session:
            upstream = MuleRun(session, url, ScriptedCredentials("muk-bench"), clock)
            async with Engine(
                store=store,
                upstream=upstream,
                clock=clock,
                pace=pace,
                owner="bench",
                chance=random.Random(7),
                on_poll=lags.append,
            ) as engine:
                began = time.monotonic()
                await submit(engine, jobs)
                submitting = time.monotonic() - began
                await asyncio.sleep(settle)
                del lags[:]
                gc.collect()
                process = psutil.Process()
                began, used = time.monotonic(), sum(process.cpu_times()[:2])
                await asyncio.sleep(watch)
                seconds, used = time.monotonic() - began, sum(process.cpu_times()[:2]) - used
                seen = sorted(lags)
                rss = process.memory_info().rss
    finally:
        await store.close()
    return Seen(
        jobs=jobs,
        submits_per_second=jobs / submitting,
        polls=len(seen),
        polls_per_second=len(seen) / seconds,
        lag_p50=seen[len(seen) // 2],
        lag_p99=seen[len(seen) * 99 // 100],
        lag_max=seen[-1],
        cpu=used / seconds,
        rss=rss,
    )


async def submit(engine: Engine, jobs: int) -> None:
    """Places so many orders, some at once."""
    left = iter(range(jobs))

    async def some() -> None:
        for number in left:
            await engine.submit(
                Order(
                    kind=ModelKind.VIDEO,
                    model="sora-2",
                    path="/vendors/openai/v1/sora-2/generation",
                    body={"prompt": PROMPT, "seconds": 4},
                    prompt=PROMPT,
                    seconds="4",
                    request_id=f"bench-{number}",
                )
            )

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(some())


def main() -> None:
    """Reads what is asked for, runs it, prints it."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.jobs_core")
    parser.add_argument("url")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--dsn", default="")
    parser.add_argument("--jobs", type=int, required=True)
    parser.add_argument("--settle", type=float, required=True)
    parser.add_argument("--watch", type=float, required=True)
    parser.add_argument("--interval", type=float, required=True)
    args = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 65536)), hard))
    pace = Pace(initial=min(2.0, args.interval), maximum=args.interval)
    seen = uvloop.run(observe(args.url, args.dsn, args.folder, jobs=args.jobs, settle=args.settle, watch=args.watch, pace=pace))
    print(json.dumps(asdict(seen)))


if __name__ == "__main__":
    main()

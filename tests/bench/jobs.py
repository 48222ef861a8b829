"""`python -m tests.bench.jobs`: one core with ten thousand jobs in flight: how late polls are, how many, and what they cost.

The core, MuleRun and, where asked for, PostgreSQL are processes of their own on this machine, and share its processors.
"""

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import Any

from tests.postgres import running


@contextmanager
def tasks() -> Generator[str]:
    """The bench's MuleRun; gives its URL."""
    with subprocess.Popen([sys.executable, "-m", "tests.bench.tasks"], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


def measure(url: str, dsn: str, args: argparse.Namespace) -> dict[str, Any]:
    """One run, in a folder of its own. Raises CalledProcessError."""
    with tempfile.TemporaryDirectory(prefix="cli2api-bench-") as folder:
        argv = [sys.executable, "-m", "tests.bench.jobs_core", url, folder, f"--dsn={dsn}"]
        argv += [f"--{name}={getattr(args, name)}" for name in ("jobs", "settle", "watch", "interval")]
        done = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True)
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


def show(store: str, seen: dict[str, Any], interval: float) -> None:
    """What was seen, as a few lines."""
    print(f"\n{seen['jobs']:,} jobs in flight, {store}, intervals of up to {interval:g} s")
    print(f"  {'submissions, each written twice':40} {seen['submits_per_second']:10,.0f} /s")
    print(f"  {'polls':40} {seen['polls_per_second']:10,.0f} /s")
    for name, word in (("lag_p50", "p50"), ("lag_p99", "p99"), ("lag_max", "longest")):
        print(f"  {f'from due to polled, {word}':40} {seen[name] * 1000:10,.0f} ms")
    print(f"  {'processor':40} {seen['cpu'] * 100:10,.0f} % of one")
    print(f"  {'processor for one poll':40} {seen['cpu'] / seen['polls_per_second'] * 1000:10.2f} ms")
    print(f"  {'memory (RSS)':40} {seen['rss'] / 1e6:10,.0f} MB")


def main() -> int:
    """Measures what is asked for; answers 1 where a core would not run."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.jobs", description="Measure one core under many jobs.")
    parser.add_argument("--jobs", type=int, default=10_000, help="jobs in flight (default: 10000)")
    parser.add_argument("--interval", type=float, default=10.0, help="CLI2API_POLL_MAX_INTERVAL, seconds (default: 10)")
    parser.add_argument("--settle", type=float, default=20.0, help="seconds after the last submission (default: 20)")
    parser.add_argument("--watch", type=float, default=20.0, help="seconds that are measured (default: 20)")
    parser.add_argument("--store", choices=("sqlite", "postgres", "memory"), default="sqlite")
    args = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the beginning")
    with ExitStack() as stack:
        dsn = {"sqlite": "", "memory": "memory:", "postgres": ""}[args.store]
        if args.store == "postgres":
            dsn = asyncio.run(stack.enter_context(running()).fresh())
        try:
            seen = measure(stack.enter_context(tasks()), dsn, args)
        except subprocess.CalledProcessError as failed:
            print(f"bench failed: the core ended with {failed.returncode}", file=sys.stderr)
            return 1
    show(args.store, seen, args.interval)
    return 0


if __name__ == "__main__":
    sys.exit(main())

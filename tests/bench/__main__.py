"""`python -m tests.bench`: the gateway beside the bare upstream and a bare Envoy, in one run on this machine, as ratios.

Rounds are interleaved and medians are shown, so that a busy moment of the machine hits every contender alike.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench.contenders import Contender, contenders, serve, wrk
from tests.bench.load import Measure
from tests.bench.runs import load, load_json

CONNECTIONS: Final = 32
STREAMS: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One kind of load: how it is run, and what is counted of it."""

    title: str
    unit: str
    run: Callable[[Contender], Measure]
    count: Callable[[Measure], int]
    serves: Callable[[Contender], bool] = lambda _: True

    def rate(self, contender: Contender) -> float:
        """Counted things a second, in one run."""
        measure = self.run(contender)
        return self.count(measure) / measure.seconds


def lines(folder: Path, seconds: float) -> tuple[Line, ...]:
    """Every throughput that is measured."""
    return (
        Line(
            title=f"chat, JSON, {CONNECTIONS} connections",
            unit="requests/s",
            run=lambda c: load_json(folder, c.http_port, connections=CONNECTIONS, seconds=seconds),
            count=lambda m: m.requests,
        ),
        Line(
            title=f"chat, streams of 100 chunks, {STREAMS} at once",
            unit="chunks/s",
            run=lambda c: load("http", c.http_port, connections=STREAMS, seconds=seconds, stream=True),
            count=lambda m: m.pieces,
        ),
        Line(
            title=f"gRPC Generate, {CONNECTIONS} at once",
            unit="requests/s",
            run=lambda c: load("grpc", c.grpc_port, connections=CONNECTIONS, seconds=seconds),
            count=lambda m: m.requests,
            serves=lambda c: bool(c.grpc_port),
        ),
        Line(
            title=f"gRPC StreamGenerate of 100 chunks, {STREAMS} at once",
            unit="events/s",
            run=lambda c: load("grpc", c.grpc_port, connections=STREAMS, seconds=seconds, stream=True),
            count=lambda m: m.pieces,
            serves=lambda c: bool(c.grpc_port),
        ),
    )


def show_throughput(all_contenders: Sequence[Contender], measured: Sequence[Line], rounds: int) -> None:
    """Runs every line against everyone, round by round, and prints the medians with their ratio to the first and second."""
    rates: dict[tuple[str, str], list[float]] = {}
    for _ in range(rounds):
        for line in measured:
            for contender in filter(line.serves, all_contenders):
                rates.setdefault((line.title, contender.name), []).append(line.rate(contender))
    for line in measured:
        medians = {c.name: statistics.median(rates[line.title, c.name]) for c in all_contenders if line.serves(c)}
        print(f"\n{line.title:52} {line.unit:>12}   to direct   to bare Envoy")
        for name, median in medians.items():
            ratios = [f"{median / medians[other.name]:.2f}" if other.name in medians else "-" for other in all_contenders[:2]]
            print(f"  {name:50} {median:12,.0f} {ratios[0]:>11} {ratios[1]:>15}")


def show_latency(all_contenders: Sequence[Contender], rounds: int, seconds: float) -> None:
    """One caller alone, so that what is seen is the way and no queue: whole requests, and what each way adds."""
    measures: dict[str, list[Measure]] = {}
    for _ in range(rounds):
        for contender in all_contenders:
            measures.setdefault(contender.name, []).append(load("http", contender.http_port, connections=1, seconds=seconds))
    p50 = {name: statistics.median(m.p50 for m in runs) * 1000 for name, runs in measures.items()}
    p99 = {name: statistics.median(m.p99 for m in runs) * 1000 for name, runs in measures.items()}
    base = all_contenders[0].name
    print(f"\n{'one caller, JSON chat, ms':52} {'p50':>8} {'p99':>8} {'added p50':>11} {'added p99':>11}")
    for name, middle in p50.items():
        print(f"  {name:50} {middle:8.2f} {p99[name]:8.2f} {middle - p50[base]:11.2f} {p99[name] - p99[base]:11.2f}")


def show_memory(all_contenders: Sequence[Contender], before: Sequence[dict[str, int]]) -> None:
    """Resident memory at the start and after all of the load."""
    print(f"\n{'memory (RSS), MB':52} {'idle':>12} {'after load':>12}")
    for contender, idle in zip(all_contenders[1:], before[1:], strict=True):
        after = contender.resident()
        print(f"  {contender.name:50} {sum(idle.values()) / 1e6:12.0f} {sum(after.values()) / 1e6:12.0f}")
        if len(after) > 1:
            for part in sorted(after):
                print(f"    {part:48} {idle.get(part, 0) / 1e6:12.0f} {after[part] / 1e6:12.0f}")


def show_start_up(folder: Path, upstream_port: int, rounds: int) -> None:
    """From the command to the first 200 of /healthz."""
    seconds = []
    for turn in range(rounds):
        with serve(folder / f"start-{turn}", upstream_port) as (_, ready):
            seconds.append(ready)
    print(f"\n{'start-up, `cli2api serve` to /healthz, s':52} {statistics.median(seconds):12.2f}")


def main() -> int:
    """Measures everything once and prints it; answers 1 where an answer was wrong or a process would not start."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description="Measure the gateway beside its limits, in one run."
    )
    parser.add_argument("--rounds", type=int, default=3, help="rounds, of which the median is shown (default: 3)")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of one measurement (default: 2)")
    args = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores shared by caller, contender and upstream; {args.rounds} rounds, medians")
    print(f"JSON load by {'wrk' if wrk() else 'tests.bench.load (wrk is not installed)'}")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cli2api-bench-")))
        try:
            everyone = stack.enter_context(contenders(folder))
            idle = [contender.resident() for contender in everyone]
            show_throughput(everyone, lines(folder, args.seconds), args.rounds)
            show_latency(everyone, args.rounds, args.seconds)
            show_memory(everyone, idle)
            show_start_up(folder, everyone[0].http_port, args.rounds)
        except (RuntimeError, subprocess.SubprocessError) as failed:
            print(f"\nbench failed: {failed}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

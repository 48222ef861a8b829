"""What is measured: throughput and what it costs in CPU, latency at a fixed rate, memory, start-up, many open streams.

Rounds are interleaved and medians are shown, so that a busy moment of the machine hits every contender alike.
"""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench.contenders import Contender, serve
from tests.bench.load import Measure
from tests.bench.runs import load, load_grpc, load_json
from tests.bench.tables import Table
from tests.bench.upstream import SLOW_CHUNKS

CONNECTIONS: Final = 32
STREAMS: Final = 50
RATE: Final = 500
"""Requests a second at which latency is measured."""
STREAM_RATE: Final = 20
_NOT_OURS: Final = frozenset({"upstream", "the rest"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One kind of load: how it is run, and what is counted of it."""

    title: str
    unit: str
    run: Callable[[Contender], Measure]
    count: Callable[[Measure], int] = lambda measure: measure.requests
    serves: Callable[[Contender], bool] = lambda contender: bool(contender.http_port)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One run of a line: counted things a second, and microseconds of CPU for each request by part."""

    rate: float
    cpu: dict[str, float]


def lines(folder: Path, seconds: float) -> tuple[Line, ...]:
    """Every throughput that is measured."""

    def grpc(way: str, place: str, *, stream: bool = False) -> Line:
        what = {"typed": ("Generate", "StreamGenerate")}.get(way, ("RelayWhole", "Relay"))[stream]
        at_once = STREAMS if stream else CONNECTIONS
        port_of: Callable[[Contender], int] = (lambda c: c.grpc_port) if place == "through Envoy" else (lambda c: c.core_port)
        return Line(
            title=f"gRPC {what}{', 100 chunks' if stream else ''}, {at_once} at once, {place}",
            unit="chunks/s" if stream else "requests/s",
            run=lambda c: load_grpc(folder, port_of(c), way, connections=at_once, seconds=seconds, stream=stream),
            count=(lambda m: m.pieces) if stream else (lambda m: m.requests),
            serves=lambda c: bool(port_of(c)) and "shim" in c.name,
        )

    return (
        Line(
            title=f"chat, JSON, {CONNECTIONS} connections",
            unit="requests/s",
            run=lambda c: load_json(folder, c.http_port, connections=CONNECTIONS, seconds=seconds, headers=c.headers),
        ),
        Line(
            title=f"chat, streams of 100 chunks, {STREAMS} at once",
            unit="chunks/s",
            run=lambda c: load("http", c.http_port, connections=STREAMS, seconds=seconds, stream=True, headers=c.headers),
            count=lambda m: m.pieces,
            serves=lambda c: c.streams,
        ),
        grpc("line", "on a line to the core, as the edge asks"),
        grpc("line", "on a line to the core, as the edge asks", stream=True),
        grpc("relay", "straight to the core"),
        grpc("relay", "straight to the core", stream=True),
        grpc("typed", "straight to the core"),
        grpc("typed", "straight to the core", stream=True),
        grpc("typed", "through Envoy"),
        grpc("typed", "through Envoy", stream=True),
    )


def throughput(everyone: Sequence[Contender], measured: Sequence[Line], rounds: int) -> list[Table]:
    """Runs every line against everyone, round by round: medians, their ratio to bare Envoy, and CPU for each request."""
    runs: dict[tuple[str, str], list[Taken]] = {}
    for _ in range(rounds):
        for line in measured:
            for contender in filter(line.serves, everyone):
                runs.setdefault((line.title, contender.name), []).append(_taken(line, contender))
    tables = [_many(line, [c.name for c in everyone if line.serves(c)], everyone[1].name, runs) for line in measured[:2]]
    return [*tables, _grpc(measured[2:], runs)]


def _taken(line: Line, contender: Contender) -> Taken:
    before = contender.spent()
    measure = line.run(contender)
    after = contender.spent()
    cpu = {part: (spent - before.get(part, 0.0)) / max(1, measure.requests) * 1e6 for part, spent in after.items()}
    return Taken(rate=line.count(measure) / measure.seconds, cpu=cpu)


def _many(line: Line, names: Sequence[str], limit: str, runs: dict[tuple[str, str], list[Taken]]) -> Table:
    medians = {name: statistics.median(each.rate for each in runs[line.title, name]) for name in names}
    rows = [
        (name, [f"{rate:,.0f}", f"{rate / medians[limit]:.2f}", _cpu(runs[line.title, name])]) for name, rate in medians.items()
    ]
    return Table(title=line.title, columns=[line.unit, "to bare Envoy", "CPU us a request"], rows=rows, chart=0)


def _grpc(measured: Sequence[Line], runs: dict[tuple[str, str], list[Taken]]) -> Table:
    rows = []
    for line in measured:
        for found in (taken for (title, _), taken in runs.items() if title == line.title):
            rate = statistics.median(each.rate for each in found)
            rows.append((line.title.removeprefix("gRPC "), [f"{rate:,.0f} {line.unit}", _cpu(found)]))
    return Table(title="gRPC, all interceptors on", columns=["rate", "CPU us a request"], rows=rows)


def _cpu(found: Sequence[Taken]) -> str:
    """Our parts one by one; of others the sum."""
    parts = {part: statistics.median(each.cpu.get(part, 0.0) for each in found) for part in found[0].cpu}
    ours = {part: spent for part, spent in parts.items() if part not in _NOT_OURS and spent >= 1}
    return ", ".join(f"{part} {spent:,.0f}" for part, spent in ours.items()) or f"{sum(parts.values()):,.0f}"


def latency(everyone: Sequence[Contender], rounds: int, seconds: float) -> Table:
    """What each way adds to a direct call, at a rate that all can bear: whole requests, and the first byte of a stream.

    Streams come as fast as a model speaks. One that comes as fast as it can keeps both cores so busy with its other chunks that
    its first one is measured behind them.
    """
    whole: dict[str, list[Measure]] = {}
    streams: dict[str, list[Measure]] = {}
    for _ in range(rounds):
        for one in everyone:
            port, headers = one.http_port, one.headers
            rate = RATE if len(one.spent()) < 3 or "direct" in one.name else RATE / 5
            whole.setdefault(one.name, []).append(
                load("http", port, connections=CONNECTIONS, seconds=seconds, rate=rate, headers=headers)
            )
            streams.setdefault(one.name, []).append(
                load(
                    *("http", port),
                    connections=STREAMS,
                    seconds=seconds,
                    rate=STREAM_RATE,
                    stream=True,
                    pace="spoken",
                    headers=headers,
                )
            )

    def added(runs: dict[str, list[Measure]], name: str, of: Callable[[Measure], float]) -> str:
        base = statistics.median(map(of, runs[everyone[0].name]))
        return f"{(statistics.median(map(of, runs[name])) - base) * 1000:.2f}"

    rows = [
        (
            name,
            [
                added(whole, name, lambda m: m.p50),
                added(whole, name, lambda m: m.p99),
                added(streams, name, lambda m: m.first_p50),
                added(streams, name, lambda m: m.first_p99),
            ],
        )
        for name in whole
        if name != everyone[0].name
    ]
    title = f"Added to a direct call, milliseconds: {RATE} requests/s (the shim: {RATE // 5}), {STREAM_RATE} streams/s"
    return Table(title=title, columns=["p50", "p99", "first byte p50", "first byte p99"], rows=rows)


def memory(everyone: Sequence[Contender], before: Sequence[dict[str, int]]) -> Table:
    """Resident memory at the start and after all of the load."""
    rows = []
    for contender, idle in zip(everyone[1:], before[1:], strict=True):
        for part, now in sorted(contender.resident().items()):
            rows.append((f"{contender.name}: {part}", [f"{idle.get(part, 0) / 1e6:.0f}", f"{now / 1e6:.0f}"]))
    return Table(title="Memory (RSS), MB", columns=["idle", "after load"], rows=rows)


def start_up(folder: Path, upstream_port: int, rounds: int) -> Table:
    """From the command to the first 200 of /healthz."""
    seconds = []
    for turn in range(rounds):
        with serve(folder / f"start-{turn}", upstream_port) as (_, ready):
            seconds.append(ready)
    return Table(title="Start", columns=["seconds"], rows=[("cli2api serve to /healthz", [f"{statistics.median(seconds):.2f}"])])


def open_streams(everyone: Sequence[Contender], count: int) -> Table:
    """So many streams open at once, one chunk a second for a minute; raises RuntimeError where a single one is dropped."""
    rows = []
    for contender in everyone[1:]:
        before = sum(contender.resident().values())
        measure = load(
            "http", contender.http_port, connections=count, seconds=1, stream=True, pace="slow", headers=contender.headers
        )
        if measure.pieces != measure.requests * SLOW_CHUNKS or measure.requests < count:
            raise RuntimeError(f"{contender.name} dropped some of {count} streams: {measure}")
        after = sum(contender.resident().values())
        rows.append((contender.name, [f"{measure.requests:,}", "0", f"{(after - before) / measure.requests / 1e3:.0f}"]))
    return Table(title="Streams open for a minute", columns=["open at once", "dropped", "memory kB each"], rows=rows)

"""Counts calls while they are made, and makes metrics of them when somebody looks.

A counter of prometheus_client takes a lock and several calls for each step, and a call takes ten steps: that came to more than
all that is done to let it in. Here they are plain numbers. Law: only the event loop's own thread counts.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TypeAlias

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

Labels: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One metric: its name, what it says, and the labels of its series."""

    name: str
    says: str
    labels: Labels


class Counted:
    """The calls of one kind."""

    __slots__ = ("_bounds", "_ended", "_seconds", "_within", "running")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._within = [0] * (len(bounds) + 1)
        """How many took at most so long as each bound, and longer than the one before; the last one longer than all."""
        self._seconds = 0.0
        self._ended: Counter[Labels] = Counter()
        self.running = 0

    def begin(self) -> None:
        """One more is running."""
        self.running += 1

    def end(self, seconds: float, outcome: Labels) -> None:
        """One that was running has ended so."""
        self.running -= 1
        self._ended[outcome] += 1
        self._seconds += seconds
        self._within[bisect_left(self._bounds, seconds)] += 1

    @property
    def ended(self) -> Iterator[tuple[Labels, int]]:
        """How many ended, by outcome."""
        return iter(self._ended.items())

    @property
    def took(self) -> tuple[list[tuple[str, float]], float]:
        """How many took at most so long, by bound as it is written, and the seconds of all together."""
        bounds = (*(str(float(bound)) for bound in self._bounds), "+Inf")
        return [(bound, float(count)) for bound, count in zip(bounds, accumulate(self._within), strict=True)], self._seconds


class Tally(Collector):
    """Three metrics of the same calls: how many run, how they ended, how long they took."""

    def __init__(self, *, running: Family, ended: Family, seconds: Family, bounds: Sequence[float]) -> None:
        """A kind of calls has the labels of `seconds`; `running` has the first of these, `ended` those and more, its outcome."""
        self._running, self._finished, self._took = running, ended, seconds
        self._bounds = bounds
        self._kinds: dict[Labels, Counted] = {}

    def of(self, *kind: str) -> Counted:
        """Where calls of that kind are counted. Kinds are kept for good, so they are our own words and never a caller's."""
        counted = self._kinds.get(kind)
        if counted is None:
            counted = self._kinds[kind] = Counted(self._bounds)
        return counted

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily | HistogramMetricFamily]:
        """One family for each of the three."""
        running = GaugeMetricFamily(self._running.name, self._running.says, labels=self._running.labels)
        ended = CounterMetricFamily(self._finished.name, self._finished.says, labels=self._finished.labels)
        took = HistogramMetricFamily(self._took.name, self._took.says, labels=self._took.labels)
        open_now: Counter[Labels] = Counter()
        for kind, counted in self._kinds.items():
            open_now[kind[: len(self._running.labels)]] += counted.running
            for outcome, count in counted.ended:
                ended.add_metric((*kind, *outcome), count)
            took.add_metric(kind, *counted.took)
        for kind, count in open_now.items():
            running.add_metric(kind, count)
        yield from (running, ended, took)

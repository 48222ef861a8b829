"""What the processes of a gateway take, looked at again and again, and whether that grows. The judgement is pure."""

import asyncio
import statistics
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import aiohttp
import psutil

from tests.scrape import scrape
from tests.soak.gateway import Gateway

MATURE: Final = 150.0
"""Seconds that a process has to have lived before its memory is judged: caches and arenas fill up first."""
_SHARE: Final = 0.05
_SLACK: Final = 4_000_000
"""By that share and so many bytes the last third of a life may lie above the second: so much an allocator wanders."""
_MORE_FILES: Final = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One process at one moment."""

    at: float
    """Seconds since the soak began."""
    part: str
    pid: int
    resident: int
    """Bytes."""
    files: int
    threads: int
    open_calls: int
    """HTTP calls that Envoy had open at that moment."""


async def look(gateway: Gateway, began: float) -> list[Sample]:
    """Every process now; one that dies while it is looked at is left out."""
    at, found = time.time() - began, []
    calls = await _open_calls(gateway)
    for part, process in gateway.parts().items():
        try:
            with process.oneshot():
                found.append(
                    Sample(
                        at=at,
                        part=part,
                        pid=process.pid,
                        resident=process.memory_info().rss,
                        files=process.num_fds(),
                        threads=process.num_threads(),
                        open_calls=calls,
                    )
                )
        except psutil.Error:
            continue
    return found


async def keep_looking(gateway: Gateway, began: float, every: float, into: list[Sample]) -> None:
    """Looks until it is cancelled."""
    while True:
        into += await look(gateway, began)
        await asyncio.sleep(every)


async def _open_calls(gateway: Gateway) -> int:
    try:
        return int((await scrape(gateway.metrics_url)).value("envoy_http_downstream_rq_active"))
    except (aiohttp.ClientError, AssertionError, ValueError):
        return 0  # a part that is just dying tells nothing


def lives(samples: Iterable[Sample]) -> dict[tuple[str, int], list[Sample]]:
    """The samples of each process, in their order."""
    found: dict[tuple[str, int], list[Sample]] = {}
    for each in samples:
        found.setdefault((each.part, each.pid), []).append(each)
    return found


def has_grown(before: int, after: int) -> bool:
    """Whether so many bytes are more than what an allocator wanders by."""
    return after > before * (1 + _SHARE) + _SLACK


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """What became of one process: medians of the second and the last third of its life."""

    part: str
    seconds: float
    resident: tuple[int, int]
    files: tuple[int, int]
    is_mature: bool

    @property
    def complaints(self) -> list[str]:
        """How it grew; nothing of one that was too young to be judged."""
        found = []
        before, after = self.resident
        if self.is_mature and has_grown(before, after):
            found.append(f"memory of {self.part} grew from {before / 1e6:.1f} to {after / 1e6:.1f} MB within one life")
        if self.is_mature and self.files[1] > self.files[0] + _MORE_FILES:
            found.append(f"open files of {self.part} grew from {self.files[0]} to {self.files[1]} within one life")
        return found


def life(samples: Sequence[Sample], *, mature: float = MATURE) -> Life:
    """Sums up one process."""
    third = max(1, len(samples) // 3)
    second, last = samples[third : 2 * third] or samples, samples[-third:]
    seconds = samples[-1].at - samples[0].at

    def medians(of: str) -> tuple[int, int]:
        first, then = (int(statistics.median(getattr(each, of) for each in part)) for part in (second, last))
        return first, then

    return Life(
        part=samples[0].part,
        seconds=seconds,
        resident=medians("resident"),
        files=medians("files"),
        is_mature=seconds >= mature,
    )

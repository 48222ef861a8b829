"""Keeps the records of calls in this process: for trying things out and for tests. The newest are kept, and none outlive it."""

from collections import defaultdict, deque
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from services.domain.usage import COUNTS, Record, Sums, UsageGroup, UsageQuery

MOST: Final = 100_000
"""Records; a store that grew without end would take the process with it."""


class UsageMemory:
    """A UsageStore without a file. No method awaits anything, so each is one atomic step."""

    def __init__(self, most: int = MOST) -> None:
        self._records: deque[Record] = deque()
        self._ids: set[str] = set()
        self._most = most

    async def add(self, records: Sequence[Record]) -> None:
        """As UsageStore promises, but that the oldest are forgotten where there are too many."""
        for record in records:
            if record.id not in self._ids:
                self._records.append(record)
                self._ids.add(record.id)
        while len(self._records) > self._most:
            self._ids.discard(self._records.popleft().id)

    async def sums(self, query: UsageQuery) -> Sequence[Sums]:
        """As UsageStore promises."""
        buckets: defaultdict[str, list[Record]] = defaultdict(list)
        for record in self._records:
            if _fits(record, query):
                buckets[_bucket(record, query.group)].append(record)
        rows = [_summed(bucket, records) for bucket, records in buckets.items()]
        return sorted(rows, key=lambda row: (0 if query.group.is_time else -row.calls, row.bucket))

    async def expire(self, *, before: float) -> int:
        """As UsageStore promises."""
        kept = deque(record for record in self._records if record.began_at >= before)
        count = len(self._records) - len(kept)
        self._records = kept
        self._ids = {record.id for record in kept}
        return count

    async def close(self) -> None:
        """As UsageStore promises."""
        self._records.clear()
        self._ids.clear()


def _fits(record: Record, query: UsageQuery) -> bool:
    return (
        query.since <= record.began_at < query.until
        and query.model in ("", record.model)
        and query.endpoint in ("", record.endpoint)
    )


def _bucket(record: Record, group: UsageGroup) -> str:
    match group:
        case UsageGroup.DAY:
            return datetime.fromtimestamp(record.began_at, UTC).strftime("%Y-%m-%dT00:00:00Z")
        case UsageGroup.HOUR:
            return datetime.fromtimestamp(record.began_at, UTC).strftime("%Y-%m-%dT%H:00:00Z")
        case _:
            return str(getattr(record, group.value))


def _summed(bucket: str, records: Sequence[Record]) -> Sums:
    counted = [name for name in COUNTS if name not in ("calls", "errors")]
    return Sums(
        bucket=bucket,
        calls=len(records),
        errors=sum(record.status >= 400 for record in records),
        **{name: sum(getattr(record, name) or 0 for record in records) for name in counted},
    )

"""Which jobs wait to be copied, and when the next try of each is due: a value that knows no clock."""

from collections.abc import Sequence
from typing import Final

MOST: Final = 100_000
"""Jobs that may wait at once. One that finds no room is found again by a later sweep."""
FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 300.0


def pause(tries: int) -> float:
    """Seconds to wait after the `tries`-th try (from 1) that did not get through."""
    return float(min(FIRST_PAUSE * 2 ** min(tries - 1, 30), LONGEST_PAUSE))


class Waiting:
    """Job ids by the time of their next try, with how often each was tried."""

    def __init__(self) -> None:
        self._due: dict[str, tuple[float, int]] = {}

    def __len__(self) -> int:
        return len(self._due)

    def add(self, job_id: str, *, due_at: float, tries: int = 0) -> None:
        """A job that waits already keeps its place."""
        if len(self._due) < MOST:
            self._due.setdefault(job_id, (due_at, tries))

    def drop(self, job_id: str) -> None:
        """The job is to be copied no more."""
        self._due.pop(job_id, None)

    def take(self, *, now: float, limit: int) -> Sequence[tuple[str, int]]:
        """At most `limit` jobs that are due, in the order in which they came, with their tries; they wait no more."""
        taken: list[tuple[str, int]] = []
        for job_id, (due_at, tries) in self._due.items():
            if len(taken) >= limit:
                break
            if due_at <= now:
                taken.append((job_id, tries))
        for job_id, _ in taken:
            del self._due[job_id]
        return taken

    def next_due(self) -> float | None:
        """When the next try is due; None where nothing waits."""
        return min((due_at for due_at, _ in self._due.values()), default=None)

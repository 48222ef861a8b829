"""Notices that files have changed, by looking at them once a second.

A look sees every kind of change (a rename, a write, a mount that was swapped, a link of Kubernetes' that leads elsewhere), on
every file system. Law: a change counts once two looks agree, so that a file that is just being written is not read.
"""

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, TypeAlias

EVERY: Final = 1.0
"""Seconds between two looks."""

Mark: TypeAlias = tuple[int, int, int, int] | None
"""Which version of a file this is; None where there is none."""


class Watched:
    """Files, and the version of each that was last taken up."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = tuple(dict.fromkeys(paths))
        self._taken = self._seen = self._marks()

    def have_changed(self) -> bool:
        """One look: True, once, when a change has come to rest."""
        before, self._seen = self._seen, self._marks()
        if self._seen != before or self._seen == self._taken:
            return False
        self._taken = self._seen
        return True

    async def run(self, changed: Callable[[], object]) -> None:
        """Looks until it is cancelled, and calls `changed` after each change."""
        while True:
            await asyncio.sleep(EVERY)
            if self.have_changed():
                changed()

    def _marks(self) -> tuple[Mark, ...]:
        return tuple(_mark_of(path) for path in self._paths)


def _mark_of(path: Path) -> Mark:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size

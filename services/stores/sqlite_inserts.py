"""Many rows into one SQLite table: an INSERT of one row becomes a few that take many rows each.

SQLite reads a statement anew where it has not kept it, which costs as much as carrying it out; so there are few sizes, and each
is kept. A row at a time would cost as much again, since between two steps Python's other threads want their turn.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain
from typing import Final

from services.stores.rows import Value
from services.stores.sqlite_writes import Step

SIZES: Final = (64, 8, 1)
"""Rows of a statement. SQLite binds at most 32766 values to one."""
_ROW: Final = re.compile(r"(?<=VALUES )\([?, ]+\)")


def parts(statement: str, rows: Sequence[Sequence[Value]]) -> Iterator[Step]:
    """The INSERT of one row as such that take all rows, in their order."""
    begin = 0
    for size in SIZES:
        while len(rows) - begin >= size:
            yield _repeated(statement, size), tuple(chain.from_iterable(rows[begin : begin + size]))
            begin += size


@cache
def _repeated(statement: str, rows: int) -> str:
    return _ROW.sub(lambda row: ", ".join([row[0]] * rows), statement)

"""The UsageStore over SQL, whichever database answers: what is written and asked.

Law: every write is a single statement or, in a file, one transaction, so that a batch of records is there whole or not at all.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

import msgspec

from services.domain.usage import COUNTS, Record, Sums, UsageQuery
from services.stores.database import Database
from services.stores.rows import Value

_CONTROL: Final = b"\\u00"
"""How a control character begins in JSON. A text that speaks of one has it too, which costs a second look and nothing else."""
AT_ONCE: Final = 5000
"""Records that one statement forgets at most, so that nobody waits long behind it."""


class SqlUsage:
    """A UsageStore over a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, records: Sequence[Record]) -> None:
        """As UsageStore promises."""
        written = msgspec.json.encode(records)
        if _CONTROL in written:  # only then is it worth it to look at each field
            written = msgspec.json.encode([self._held(record) for record in records])
        await self._database.write("add", {"records": written.decode()})

    async def sums(self, query: UsageQuery) -> Sequence[Sums]:
        """As UsageStore promises."""
        asked: dict[str, Value] = {
            "group": query.group.value,
            "since": query.since,
            "until": query.until,
            "model": query.model,
            "endpoint": query.endpoint,
            "by_time": int(query.group.is_time),
        }
        rows = await self._database.read("sums", asked)
        return [Sums(bucket=row["bucket"], **{name: row[name] for name in COUNTS}) for row in rows]

    async def expire(self, *, before: float) -> int:
        """As UsageStore promises, some at a time."""
        count = 0
        while True:
            gone = await self._database.write("expire", {"before": before, "limit": AT_ONCE})
            count += len(gone)
            if len(gone) < AT_ONCE:
                return count

    async def close(self) -> None:
        """As UsageStore promises; what is being written is given a moment to end."""
        await self._database.close()

    def _held(self, record: Record) -> dict[str, Value]:
        """The columns of a record with a control character, as the database can hold them: SQL reads no JSON beyond a NUL."""
        return {
            name: value.replace("\x00", "\ufffd") if isinstance(value, str) else value for name, value in asdict(record).items()
        }

"""Records of calls for tests, and a store of them that can be away."""

from collections.abc import Sequence
from typing import Any

from services.domain.errors import StoreUnavailable
from services.domain.usage import Record, UsageQuery
from services.stores.usage_memory import UsageMemory
from tests.worlds import NOON

ALL = UsageQuery(since=0.0, until=NOON * 2)


def a_record(**changes: Any) -> Record:
    fields: dict[str, Any] = {
        "id": "record-1",
        "began_at": NOON,
        "endpoint": "/v1/chat/completions",
        "model": "gpt-5",
        "caller": "c0ffee",
        "status": 200,
        "bytes_out": 10,
    }
    return Record(**fields | changes)


class ShakyStore(UsageMemory):
    """A UsageStore that is away when told, and remembers how many records each write had."""

    def __init__(self) -> None:
        super().__init__()
        self.away = False
        self.batches: list[int] = []

    async def add(self, records: Sequence[Record]) -> None:
        if self.away:
            raise StoreUnavailable("the usage store cannot be used: it is away")
        self.batches.append(len(records))
        await super().add(records)

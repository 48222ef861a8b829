"""A record is one call, seen from its end; sums are what records come to. Of the caller a hash is kept, never the key."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from enum import StrEnum
from hashlib import sha256
from typing import Final


def caller_of(key: str) -> str:
    """A short stable name for a key; empty for no key. The key cannot be told from it."""
    return sha256(key.encode()).hexdigest()[:16] if key else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One call. Of the token counts None is not known, which is not zero."""

    id: str
    """Ours alone: a record that is written twice under one id is one record."""
    began_at: float
    """Unix seconds."""
    endpoint: str
    """As in "/v1/chat/completions"; of a call by gRPC its method, as in "/cli2api.v1.TextService/Generate"."""
    model: str
    """Id in the catalog; a name that the catalog does not know, as it was given; empty where none was named."""
    caller: str
    """Hash of the key that was presented; empty where the gateway is open."""
    status: int
    """As HTTP says it; 499 for a call that its caller cancelled."""
    cancelled: bool = False
    prompt_tokens: int | None = None
    """Tokens read, cached ones included."""
    completion_tokens: int | None = None
    """Tokens written, reasoning included."""
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    seconds: float = 0.0
    """From its begin to its end."""
    first_byte_seconds: float | None = None
    """From its begin to the first word of the answer; None where there was none."""
    bytes_out: int = 0
    request_id: str = ""
    job_id: str = ""
    """Empty for a call that made no job."""


class UsageGroup(StrEnum):
    """By what records are put together."""

    MODEL = "model"
    ENDPOINT = "endpoint"
    STATUS = "status"
    DAY = "day"
    HOUR = "hour"

    @property
    def is_time(self) -> bool:
        """Its buckets have an order of their own."""
        return self in (UsageGroup.DAY, UsageGroup.HOUR)


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageQuery:
    """Which records are summed up: those that began at `since` or later and before `until`, in unix seconds."""

    since: float
    until: float
    group: UsageGroup = UsageGroup.MODEL
    model: str = ""
    """Empty means every model."""
    endpoint: str = ""
    """Empty means every endpoint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What the records of one bucket come to; tokens of the calls where they are known."""

    bucket: str = ""
    """The model, endpoint or status; for a day or hour its start in UTC, as in "2027-01-15T08:00:00Z"; empty in totals."""
    calls: int = 0
    errors: int = 0
    """Calls with a status of 400 and up."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    bytes_out: int = 0


COUNTS: Final = tuple(field.name for field in fields(Sums) if field.name != "bucket")
"""Names of what is summed up."""


def totals(rows: Iterable[Sums]) -> Sums:
    """All rows in one, without a bucket."""
    rows = tuple(rows)
    return Sums(**{name: sum(getattr(row, name) for row in rows) for name in COUNTS})

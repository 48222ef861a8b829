"""What is known of a copy, and under which names it lies in the object store.

Law: the record is written after the bytes. Bytes without a record are no copy, so a copy is there whole or not at all.
"""

import json
import re
from dataclasses import asdict, dataclass
from typing import Final

RECORD: Final = ".json"
PART: Final = ".part"
NOTE: Final = ".part.json"
_KEY: Final = re.compile(r"([a-z]+_[0-9a-z]{26})/(\d{1,4})(\.json|\.part|\.part\.json)?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """The record of one asset's copy."""

    size_bytes: int
    mime_type: str
    """As sniffed from the bytes, or where they do not tell, as the link's host told it."""
    sha256: str
    """Of the bytes, in hexadecimal."""
    stored_at: float
    """Unix seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """The name of an object that is ours."""

    job_id: str
    index: int
    suffix: str = ""
    """Empty for the bytes; RECORD; PART for the bytes of a copy that broke off, and NOTE for what is needed to go on with it."""

    @property
    def is_record(self) -> bool:
        """Whether it says that there is a copy."""
        return self.suffix == RECORD

    def __str__(self) -> str:
        return f"{self.job_id}/{self.index}{self.suffix}"


def bytes_key(job_id: str, index: int) -> str:
    """Where the bytes of a job's asset lie."""
    return str(Key(job_id=job_id, index=index))


def record_key(job_id: str, index: int) -> str:
    """Where their record lies."""
    return str(Key(job_id=job_id, index=index, suffix=RECORD))


def key_of(name: str) -> Key | None:
    """What a name stands for; None where the object is not ours, and so must be left alone."""
    match = _KEY.fullmatch(name)
    return Key(job_id=match[1], index=int(match[2]), suffix=match[3] or "") if match else None


def to_json(copy: Copy) -> bytes:
    """The record as it is stored."""
    return json.dumps(asdict(copy), separators=(",", ":")).encode()


def from_json(record: bytes) -> Copy | None:
    """The record that was stored; None where it is not one of ours."""
    try:
        return Copy(**json.loads(record))
    except (ValueError, TypeError):
        return None

"""Reads the SQL that lies beside the code: named queries, and numbered migrations."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

_HEAD: Final = re.compile(r"^-- (\w+): .+\n", re.MULTILINE)
_NUMBER: Final = re.compile(r"(\d{4})_\w+\.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One step of a schema; the first is number 1 and none is left out."""

    number: int
    name: str
    sql: str


@cache
def queries(name: str) -> Mapping[str, str]:
    """The queries of `sql/<name>.sql` by the word that opens the comment above each."""
    pieces = _HEAD.split((files(__package__) / "sql" / f"{name}.sql").read_text(encoding="utf-8"))
    return {word: text.strip() for word, text in zip(pieces[1::2], pieces[2::2], strict=True)}


@cache
def migrations() -> Sequence[Migration]:
    """The steps of `sql/migrations`, in order."""
    found = sorted((file for file in (files(__package__) / "sql" / "migrations").iterdir()), key=lambda file: file.name)
    return tuple(
        Migration(number=int(match[1]), name=file.name, sql=file.read_text(encoding="utf-8"))
        for file in found
        if (match := _NUMBER.fullmatch(file.name))
    )

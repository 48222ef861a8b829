"""Reads the SQL that lies beside the code: named queries, and numbered migrations."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

_HEAD: Final = re.compile(r"^-- (\w+): .+\n", re.MULTILINE)
_NAME: Final = re.compile(r"(?<![:\w]):(\w+)")
"""A value by name; two colons are a cast."""
_NUMBER: Final = re.compile(r"(\d{4})_\w+\.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One step of a schema; the first is number 1 and none is left out."""

    number: int
    name: str
    sql: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A query, and the names of the values that are bound to it."""

    text: str
    names: tuple[str, ...]


@cache
def queries(name: str) -> Mapping[str, str]:
    """The queries of `sql/<name>.sql` by the word that opens the comment above each."""
    pieces = _HEAD.split((files(__package__) / "sql" / f"{name}.sql").read_text(encoding="utf-8"))
    return {word: text.strip() for word, text in zip(pieces[1::2], pieces[2::2], strict=True)}


@cache
def named(name: str) -> Mapping[str, Named]:
    """The same queries for a driver that takes no value which the query does not name."""
    return {word: Named(text=text, names=_names(text)) for word, text in queries(name).items()}


@cache
def positional(name: str) -> Mapping[str, Named]:
    """The same queries for a driver that binds by place, in the order of the names."""
    return {word: _placed(text) for word, text in queries(name).items()}


def _placed(query: str) -> Named:
    names = _names(query)
    return Named(text=_NAME.sub(lambda match: f"${names.index(match[1]) + 1}", query), names=names)


def _names(query: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_NAME.findall(query)))


@cache
def migrations(folder: str = "migrations") -> Sequence[Migration]:
    """The steps of `sql/<folder>`, in order."""
    found = sorted((file for file in (files(__package__) / "sql" / folder).iterdir()), key=lambda file: file.name)
    return tuple(
        Migration(number=int(match[1]), name=file.name, sql=file.read_text(encoding="utf-8"))
        for file in found
        if (match := _NUMBER.fullmatch(file.name))
    )

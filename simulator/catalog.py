"""What the real service is known to take: every media path with its parameters, and which text model is served where.

The facts are in `catalog.json`. They were read from public documentation and clients, apart from any gateway's own table, so that
a gateway's mistake meets a refusal here as it would there.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

Kind = Literal["image", "video", "speech", "music"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One parameter of a media path. `name` is dotted where it sits in a nested object."""

    name: str
    type: tuple[str, ...]
    """JSON Schema type words, any of which will do."""
    items: str | None = None
    required: bool = False
    enum: tuple[str | int | bool, ...] | None = None
    min: float | None = None
    max: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    min_items: int | None = None
    max_items: int | None = None
    media: bool = False
    """A picture, clip or sound: a URL, a data URI or bare base64."""
    link: bool = False
    """A URL and nothing else."""
    https: bool = False
    """An https URL and nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One media path: tasks are submitted to it and polled below it."""

    path: str
    kind: Kind
    result: str
    """The key of a finished task's links: images, videos or audios."""
    strict: bool = False
    """Unknown keys are refused; elsewhere they are dropped in silence."""
    rules: tuple[str, ...] = ()
    """Names of conditions (see `conditions`) that hold between parameters."""
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """Everything that is served."""

    endpoints: Mapping[str, Endpoint]
    chat: frozenset[str]
    responses: frozenset[str]
    messages: frozenset[str]
    gateway_key: frozenset[str]
    """Text models that want the key of the LLM gateway."""


def _field(entry: Mapping[str, Any]) -> Field:
    members: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in entry.items()}
    return Field(**members)


@cache
def load() -> Catalog:
    """The catalog as shipped."""
    table = json.loads(files("simulator").joinpath("catalog.json").read_text(encoding="utf-8"))
    parameters = {key: _field(entry) for key, entry in table["fields"].items()}
    endpoints = {
        row["path"]: Endpoint(
            path=row["path"],
            kind=row["kind"],
            result=row["result"],
            strict=row.get("strict", False),
            rules=tuple(row.get("rules", ())),
            fields=tuple(parameters[key] for key in row["fields"]),
        )
        for row in table["paths"]
    }
    return Catalog(endpoints=endpoints, **{name: frozenset(models) for name, models in table["text"].items()})

"""The catalog as OpenAI's and Anthropic's lists of models. Aliases are listed beside the models that they name."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

from cli2api.v1 import catalog_pb2

_KIND_PREFIX: Final = "MODEL_KIND_"


def openai_list(models: Iterable[catalog_pb2.Model]) -> dict[str, Any]:
    """OpenAI's list: each model, followed by its aliases."""
    return {"object": "list", "data": [_openai_entry(model, name) for model in models for name in _names(model)]}


def openai_model(model: catalog_pb2.Model, name: str) -> dict[str, Any]:
    """One model by the name that it was asked for, with what it takes."""
    shown = _openai_entry(model, name if name in model.aliases else model.id)
    if model.parameters_json:
        shown["parameters"] = json.loads(model.parameters_json)
    if model.notes:
        shown["notes"] = model.notes
    return shown


def anthropic_list(models: Iterable[catalog_pb2.Model]) -> dict[str, Any]:
    """Anthropic's list, always on one page."""
    entries = [_anthropic_entry(model, name) for model in models for name in _names(model)]
    return {
        "data": entries,
        "first_id": entries[0]["id"] if entries else None,
        "last_id": entries[-1]["id"] if entries else None,
        "has_more": False,
    }


def anthropic_model(model: catalog_pb2.Model, name: str) -> dict[str, Any]:
    """One model in Anthropic's shape, by the name that it was asked for."""
    return _anthropic_entry(model, name if name in model.aliases else model.id)


def _names(model: catalog_pb2.Model) -> Iterator[str]:
    yield model.id
    yield from model.aliases


def _openai_entry(model: catalog_pb2.Model, name: str) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": name,
        "object": "model",
        "created": model.create_time.seconds,
        "owned_by": model.vendor,
        "kind": catalog_pb2.ModelKind.Name(model.kind).removeprefix(_KIND_PREFIX).lower(),
    }
    if name != model.id:
        shown["alias_of"] = model.id
    return shown


def _anthropic_entry(model: catalog_pb2.Model, name: str) -> dict[str, Any]:
    created = datetime.fromtimestamp(model.create_time.seconds, UTC)
    return {
        "type": "model",
        "id": name,
        "display_name": name,
        "created_at": created.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "lifecycle": "active",
    }

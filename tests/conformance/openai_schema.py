"""What OpenAI's published schema says of an answer, and server-sent events taken apart by the book."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from referencing import Registry
from referencing.jsonschema import DRAFT202012

_FILE: Final = Path(__file__).with_name("openai_schema.json")
_URI: Final = "urn:openai"


def assert_fits(name: str, document: object) -> None:
    """Fails with the place that does not fit the definition `name`."""
    wrong = best_match(_validator(name).iter_errors(document))
    assert wrong is None, f"{wrong.json_path} of {name}: {wrong.message}"


def assert_event_fits(event: Mapping[str, Any]) -> None:
    """Fails likewise for an event of Responses, whose definition its `type` chooses."""
    names = [ref["$ref"].rpartition("/")[2] for ref in _definitions()["ResponseStreamEvent"]["anyOf"]]
    fitting = [name for name in names if event["type"] in _definitions()[name]["properties"]["type"]["enum"]]
    assert len(fitting) == 1, f"OpenAI knows no event {event['type']}"
    assert_fits(fitting[0], event)


def events(raw: bytes) -> list[tuple[str, str]]:
    """Name and text of each event that has text; the name is empty where there is none."""
    found = []
    for block in raw.decode().replace("\r\n", "\n").split("\n\n"):
        fields = [line.partition(":")[::2] for line in block.split("\n") if line and not line.startswith(":")]
        text = "\n".join(value.removeprefix(" ") for field, value in fields if field == "data")
        if text:
            found.append((next((value.strip() for field, value in fields if field == "event"), ""), text))
    return found


def documents(raw: bytes) -> list[Any]:
    """Each event's text as JSON, without the closing [DONE]."""
    return [json.loads(text) for _, text in events(raw) if text != "[DONE]"]


@cache
def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"{_URI}#/$defs/{name}"}, registry=_registry())


@cache
def _registry() -> "Registry[Any]":
    registry: Registry[Any] = Registry()
    return registry.with_resources([(_URI, DRAFT202012.create_resource({"$defs": _definitions()}))])


@cache
def _definitions() -> dict[str, Any]:
    definitions: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))["$defs"]
    return definitions

"""Makes the smallest value that fits a JSON Schema, for tool arguments and structured answers."""

from collections.abc import Mapping
from typing import Any

from simulator.wire import Json

_DEEPEST = 16


def sample(schema: Any, *, name: str = "text", depth: int = 0) -> Json:
    """A value that fits the schema as far as its usual words go; strings say the property's name."""
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        return None
    for key in ("const", "default"):
        if key in schema:
            given: Json = schema[key]
            return given
    choices = schema.get("enum") or schema.get("examples")
    if choices:
        first: Json = choices[0]
        return first
    for key in ("anyOf", "oneOf", "allOf"):
        if schema.get(key):
            return sample(schema[key][0], name=name, depth=depth + 1)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    return _of_kind(kind[0] if isinstance(kind, list) else kind, schema, name, depth + 1)


def _of_kind(kind: str, schema: Mapping[str, Any], name: str, depth: int) -> Json:
    if kind == "object":
        properties = schema.get("properties", {})
        wanted = schema.get("required", list(properties))
        return {key: sample(properties.get(key, {}), name=key, depth=depth) for key in properties if key in wanted}
    if kind == "array":
        return [sample(schema.get("items", {}), name=name, depth=depth) for _ in range(schema.get("minItems", 1))]
    if kind in {"integer", "number"}:
        least = schema.get("minimum", 1)
        return int(least) if kind == "integer" else float(least)
    if kind == "boolean":
        return True
    if kind == "null":
        return None
    return name.ljust(schema.get("minLength", 0), ".")[: schema.get("maxLength")]

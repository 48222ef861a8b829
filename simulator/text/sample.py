"""Makes the smallest value that fits a JSON Schema, for tool arguments and structured answers."""

from collections.abc import Mapping
from typing import Any

from simulator.wire import Json

_DEEPEST = 12
_LONGEST = 1000


def sample(schema: Any) -> Json:
    """A value that fits the schema as far as its usual words go; a string says its property's name. Never raises."""
    return _Sampler(schema).of(schema, "text", 0)


class _Sampler:
    """Walks one schema; `$ref` is looked up in its root."""

    def __init__(self, root: Any) -> None:
        self._root = root

    def of(self, schema: Any, name: str, depth: int) -> Json:
        if not isinstance(schema, Mapping) or depth > _DEEPEST:
            return None
        if "$ref" in schema:
            return self.of(self._referred(schema["$ref"]), name, depth + 1)
        for key in ("const", "default"):
            if key in schema:
                given: Json = schema[key]
                return given
        for choice in (*_listed(schema, "enum"), *_listed(schema, "examples")):
            first: Json = choice
            return first
        for alternative in (*_listed(schema, "anyOf"), *_listed(schema, "oneOf"), *_listed(schema, "allOf")):
            return self.of(alternative, name, depth + 1)
        kind = schema.get("type", "object" if "properties" in schema else "string")
        return self._of_kind(kind[0] if isinstance(kind, list) and kind else kind, schema, name, depth + 1)

    def _of_kind(self, kind: Any, schema: Mapping[str, Any], name: str, depth: int) -> Json:
        match kind:
            case "object":
                properties = schema.get("properties")
                if not isinstance(properties, Mapping):
                    return {}
                wanted = _listed(schema, "required") if "required" in schema else tuple(properties)
                return {key: self.of(inner, key, depth) for key, inner in properties.items() if key in wanted}
            case "array":
                return [self.of(schema.get("items"), name, depth) for _ in range(min(_whole(schema, "minItems", 1), 8))]
            case "integer" | "number":
                return _whole(schema, "minimum", 1)
            case "boolean":
                return True
            case "null":
                return None
        length = min(_whole(schema, "minLength", 0), _LONGEST)
        return name.ljust(length, ".")[: max(length, _whole(schema, "maxLength", _LONGEST))]

    def _referred(self, pointer: Any) -> Any:
        found = self._root
        for step in str(pointer).removeprefix("#/").split("/"):
            found = found.get(step) if isinstance(found, Mapping) else None
        return found


def _listed(schema: Mapping[str, Any], key: str) -> tuple[Any, ...]:
    value = schema.get(key)
    return tuple(value) if isinstance(value, list) else ()


def _whole(schema: Mapping[str, Any], key: str, otherwise: int) -> int:
    value = schema.get(key)
    return int(value) if isinstance(value, int | float) and abs(value) < 2**53 else otherwise

"""Writes a row's parameters as a JSON Schema, for people and for tools. Pure."""

from typing import Final

from services.domain.model import Json, Model, Param, ParamType

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"

_ITEMS: Final[dict[ParamType, str]] = {ParamType.STRINGS: "string", ParamType.OBJECTS: "object"}


def parameters(model: Model) -> dict[str, Json]:
    """JSON Schema (2020-12) of the body that the upstream takes; every body made by `shape` fits it."""
    properties: dict[str, Json] = {}
    required: list[str] = []
    nests: dict[str, tuple[dict[str, Json], list[str]]] = {}
    for param in model.params:
        nest, dot, key = param.name.partition(".")
        if not dot:
            properties[nest] = _property(param)
            required += [nest] * param.required
            continue
        if nest not in nests:
            nests[nest] = ({}, [])
            properties[nest] = _object(model, *nests[nest])
        inner, inner_required = nests[nest]
        inner[key] = _property(param)
        if param.required:
            inner_required.append(key)
            required += [nest] * (nest not in required)
    return {"$schema": DRAFT, "title": model.id, **_object(model, properties, required)}


def _object(model: Model, properties: dict[str, Json], required: list[str]) -> dict[str, Json]:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": not model.strict,
    }


def _property(param: Param) -> dict[str, Json]:
    told = f"{param.description} Condition: {param.when}." if param.when else param.description
    schema: dict[str, Json] = {"description": told}
    if param.const is not None:
        return {**schema, "const": param.const}
    bounds: dict[str, Json] = {
        "enum": list(param.enum) or None,
        "minimum": param.minimum,
        "maximum": param.maximum,
        "minLength": max(1, param.min_length or 0) if param.required and param.type is ParamType.STRING else param.min_length,
        "maxLength": param.max_length,
    }
    present = {name: bound for name, bound in bounds.items() if bound is not None}
    if param.type in _ITEMS:
        schema |= {"type": "array", "items": {"type": _ITEMS[param.type], **present}}
        for name, count in (("minItems", param.min_items), ("maxItems", param.max_items)):
            if count is not None:
                schema[name] = count
    else:
        schema |= {"type": param.type.value, **present}
    if param.default is not None:
        schema["default"] = param.default
    return schema

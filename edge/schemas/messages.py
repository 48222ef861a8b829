"""Messages of the contract as JSON Schema: proto3 JSON with the proto's own names, as `dialects.contract` writes it. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, EnumDescriptor
from google.protobuf.descriptor import FieldDescriptor as Field

_PLAIN: Final[Mapping[int, dict[str, Any]]] = {
    Field.CPPTYPE_BOOL: {"type": "boolean"},
    Field.CPPTYPE_DOUBLE: {"type": "number"},
    Field.CPPTYPE_FLOAT: {"type": "number"},
    Field.CPPTYPE_INT32: {"type": "integer", "format": "int32"},
    Field.CPPTYPE_UINT32: {"type": "integer", "format": "int64", "minimum": 0},
    # JSON's numbers lose digits beyond 2^53, so proto3 JSON writes 64 bits as text.
    Field.CPPTYPE_INT64: {"type": "string", "pattern": "^-?[0-9]+$"},
    Field.CPPTYPE_UINT64: {"type": "string", "pattern": "^[0-9]+$"},
    Field.CPPTYPE_STRING: {"type": "string"},
}
_WELL_KNOWN: Final[Mapping[str, dict[str, Any]]] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {"type": "string", "pattern": "^-?[0-9]+(\\.[0-9]+)?s$", "examples": ["30s"]},
}


def answer(message: Descriptor, defined: dict[str, Any]) -> dict[str, Any]:
    """A reference to the message, which is added to `defined` with every message in it."""
    name = message.name
    if name not in defined:
        defined[name] = {}  # a message that holds itself finds its name taken
        defined[name] = {
            "type": "object",
            "required": [field.name for field in message.fields if field.is_repeated or not field.has_presence],
            "properties": {field.name: _field(field, defined) for field in message.fields},
            "additionalProperties": False,
        }
    return {"$ref": f"#/components/schemas/{name}"}


def parameters(message: Descriptor, *without: str) -> list[dict[str, Any]]:
    """The fields of a request as parameters of a query, but for those that stand in the path."""
    return [
        {"name": field.name, "in": "query", "required": False, "schema": _field(field, {})}
        for field in message.fields
        if field.name not in without
    ]


def _field(field: Any, defined: dict[str, Any]) -> dict[str, Any]:
    one = _one(field, defined)
    return {"type": "array", "items": one} if field.is_repeated else one


def _one(field: Any, defined: dict[str, Any]) -> dict[str, Any]:
    if field.enum_type is not None:
        return _enum(field.enum_type)
    if field.message_type is not None:
        known = _WELL_KNOWN.get(field.message_type.full_name)
        return dict(known) if known else answer(field.message_type, defined)
    return dict(_PLAIN[field.cpp_type])


def _enum(enum: EnumDescriptor) -> dict[str, Any]:
    return {"type": "string", "enum": [value.name for value in enum.values]}

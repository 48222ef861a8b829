"""Messages of the contract as JSON Schema: proto3 JSON with the proto's own names, as `dialects.contract` writes it. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, EnumDescriptor
from google.protobuf.descriptor import FieldDescriptor as Field

from edge.schemas.answers import SCHEMAS

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
    "google.protobuf.Struct": {"type": "object"},
}
_BYTES: Final = {"type": "string", "contentEncoding": "base64"}


def answer(message: Descriptor, defined: dict[str, Any]) -> dict[str, Any]:
    """A reference to the message as we write it, which is added to `defined` with every message in it."""
    return _reference(message, defined, asked=False)


def question(message: Descriptor, defined: dict[str, Any], *required: str) -> dict[str, Any]:
    """The message as callers send it, who may leave out all but the `required`; the messages in it are added to `defined`."""
    return {**_shape(message, defined, asked=True), "required": list(required)}


def parameters(message: Descriptor, *without: str) -> list[dict[str, Any]]:
    """The fields of a request as parameters of a query, but for those that stand in the path."""
    return [
        {"name": field.name, "in": "query", "required": False, "schema": _field(field, {}, asked=True)}
        for field in message.fields
        if field.name not in without
    ]


def _reference(message: Descriptor, defined: dict[str, Any], *, asked: bool) -> dict[str, Any]:
    name = _name(message) + ("Input" if asked else "")
    if name not in defined:
        defined[name] = {}  # a message that holds itself finds its name taken
        defined[name] = _shape(message, defined, asked=asked)
    return {"$ref": f"#/components/schemas/{name}"}


def _name(message: Descriptor) -> str:
    """The contract's own; a dialect's shape of that name keeps it, and the contract's gets the noun of its file in front."""
    name = message.full_name.removeprefix(f"{message.file.package}.").replace(".", "")
    noun = message.file.name.rpartition("/")[2].removesuffix(".proto").capitalize()
    return noun + name if name in SCHEMAS else name


def _shape(message: Descriptor, defined: dict[str, Any], *, asked: bool) -> dict[str, Any]:
    always = [field.name for field in message.fields if field.is_repeated or not field.has_presence]
    return {
        "type": "object",
        **({} if asked else {"required": always}),
        "properties": {field.name: _field(field, defined, asked=asked) for field in message.fields},
        "additionalProperties": False,
    }


def _field(field: Any, defined: dict[str, Any], *, asked: bool) -> dict[str, Any]:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        value = field.message_type.fields_by_name["value"]
        return {"type": "object", "additionalProperties": _one(value, defined, asked=asked)}
    one = _one(field, defined, asked=asked)
    return {"type": "array", "items": one} if field.is_repeated else one


def _one(field: Any, defined: dict[str, Any], *, asked: bool) -> dict[str, Any]:
    if field.enum_type is not None:
        return _enum(field.enum_type)
    if field.message_type is not None:
        known = _WELL_KNOWN.get(field.message_type.full_name)
        return dict(known) if known else _reference(field.message_type, defined, asked=asked)
    return dict(_BYTES if field.type == Field.TYPE_BYTES else _PLAIN[field.cpp_type])


def _enum(enum: EnumDescriptor) -> dict[str, Any]:
    return {"type": "string", "enum": [value.name for value in enum.values]}

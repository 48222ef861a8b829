"""A body as a table: which fields a caller may send, what each is in the contract, and so how the body is read and described.

Its law: one row for one field. What reads a body, what names a field in an error and what OpenAPI says of it are all this row.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar

from google.protobuf.message import Message

from edge.dialects.fields import Fields, WrongField

Request = TypeVar("Request", bound=Message)

IDEMPOTENCY_KEY: Final = "idempotency-key"
_ALL_OTHERS: Final = "Any other field is a parameter of the model; GET /v1/models/{id} has their schema."


class Takes(StrEnum):
    """What a field takes."""

    TEXT = "text"
    WHOLE = "whole"
    WHOLE_64 = "whole_64"
    NUMBER = "number"
    FLAG = "flag"
    SECONDS = "seconds"
    VOICE = "voice"
    FILE = "file"
    FILES = "files"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a body."""

    name: str
    about: str
    takes: Takes = Takes.TEXT
    to: str | None = ""
    """The contract's name for it; empty where that is the same, None where only the edge reads it."""
    also: tuple[str, ...] = ()
    """Other names that callers use."""
    required: bool = False
    default: str = ""
    """What an absent field means, where the edge itself has to know."""
    choices: tuple[str, ...] = ()
    """The only words that it takes, the first of which is the default."""

    def read(self, fields: Fields) -> Any:
        """Its value; empty or None where it was not sent. Raises WrongField."""
        match self.takes:
            case Takes.TEXT if self.choices:
                return fields.choice(self.name, *self.choices)
            case Takes.TEXT:
                return fields.required(self.name, self.about) if self.required else fields.text(self.name) or self.default
            case Takes.WHOLE:
                return fields.whole(self.name)
            case Takes.WHOLE_64:
                return fields.whole(self.name, bits=64)
            case Takes.NUMBER:
                return fields.number(self.name)
            case Takes.FLAG:
                return fields.flag(self.name)
            case Takes.SECONDS:
                return fields.seconds(self.name)
            case Takes.VOICE:
                return fields.voice(self.name)
            case Takes.FILE:
                return fields.media(self.name, *self.also)
            case Takes.FILES:
                files = fields.medias(self.name, *self.also)
                if self.required and not files:
                    raise WrongField(self.name, f"required: {self.about}")
                return files


@dataclass(frozen=True, slots=True, kw_only=True)
class Neutral:
    """A field that has no counterpart upstream. It may say what happens anyway, and is refused otherwise."""

    name: str
    why: str
    harmless: tuple[str | int | bool, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Read(Generic[Request]):
    """A body that was read."""

    request: Request
    kept: Mapping[str, Any]
    """The fields that only the edge reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table(Generic[Request]):
    """The fields of one body."""

    request: type[Request]
    fields: tuple[Field, ...]
    neutral: tuple[Neutral, ...] = ()
    ignored: tuple[str, ...] = ()
    """Fields that mean nothing upstream and change no result."""

    def read(self, body: Mapping[str, Any], idempotency_key: str, *, form: bool = False) -> Read[Request]:
        """What a body asks for; what the table does not know travels as `extra`. Raises WrongField."""
        fields = Fields(body, form=form)
        for name in self.ignored:
            fields.ignore(name)
        for each in self.neutral:
            fields.neutral(each.name, *each.harmless, why=each.why)
        values = {field.name: field.read(fields) for field in self.fields}
        asked = {field.to or field.name: values[field.name] for field in self.fields if field.to is not None}
        request = self.request(**asked, request_id=idempotency_key, extra=fields.rest())
        return Read(request=request, kept={field.name: values[field.name] for field in self.fields if field.to is None})

    @property
    def callers_words(self) -> dict[str, str]:
        """The contract's field names that this dialect calls otherwise."""
        return {field.to: field.name for field in self.fields if field.to} | {"request_id": IDEMPOTENCY_KEY}

    def schema(self, *, form: bool = False) -> dict[str, Any]:
        """The body as JSON Schema; of a form, where files are bytes."""
        neutral = {
            each.name: {"enum": list(each.harmless), "description": f"Nothing else, since {each.why}."}
            for each in self.neutral
            if each.harmless
        }
        required = [field for field in self.fields if field.required]
        either = [[{"required": [name]} for name in (field.name, *field.also)] for field in required if field.also]
        return {
            "type": "object",
            "description": _ALL_OTHERS,
            "required": [field.name for field in required if not field.also],
            "properties": {field.name: _schema(field, form=form) for field in self.fields} | neutral,
            "additionalProperties": True,
        } | ({"allOf": [{"anyOf": names} for names in either]} if either else {})


_LINK: Final[dict[str, Any]] = {
    "anyOf": [
        {"type": "string", "minLength": 1, "description": "An http(s) or data URL."},
        {
            "type": "object",
            "required": ["image_url"],
            "properties": {"image_url": {"type": "string", "minLength": 1}},
        },
    ]
}
_BYTES: Final[dict[str, Any]] = {"type": "string", "format": "binary", "description": "At most 20 MB."}
_TYPES: Final[Mapping[Takes, dict[str, Any]]] = {
    Takes.TEXT: {"type": "string"},
    Takes.WHOLE: {"type": "integer", "format": "int32"},
    Takes.WHOLE_64: {"type": "integer", "format": "int64"},
    Takes.NUMBER: {"type": "number"},
    Takes.FLAG: {"type": "boolean"},
    Takes.SECONDS: {"type": ["string", "number"]},
    Takes.VOICE: {
        "anyOf": [
            {"type": "string"},
            {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}},
        ]
    },
}


def _schema(field: Field, *, form: bool) -> dict[str, Any]:
    about = field.about[:1].upper() + field.about[1:] + "."
    if field.also:
        about += f" Also called {', '.join(field.also)}."
    told: dict[str, Any] = {"description": about}
    if field.takes is Takes.FILE:
        return told | (_BYTES | told if form else _LINK)
    if field.takes is Takes.FILES:
        return told | {"type": "array", "items": _BYTES if form else _LINK} | ({"minItems": 1} if field.required else {})
    told |= _TYPES[field.takes]
    if field.choices:
        return told | {"enum": list(field.choices), "default": field.choices[0]}
    if field.required:
        told["minLength"] = 1
    return told | ({"default": field.default} if field.default else {})

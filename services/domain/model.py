"""A model is a row of the catalog; a route says where a text call goes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

Json: TypeAlias = "str | int | float | bool | Sequence[Json] | Mapping[str, Json] | None"


class ModelKind(StrEnum):
    """What a model makes."""

    TEXT = "text"
    IMAGE = "image"
    IMAGE_EDIT = "image_edit"
    VIDEO = "video"
    SPEECH = "speech"
    MUSIC = "music"


MEDIA_KINDS: Final = frozenset(ModelKind) - {ModelKind.TEXT}


class ParamType(StrEnum):
    """JSON type of an upstream parameter."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    STRINGS = "array<string>"
    OBJECTS = "array<object>"
    OBJECT = "object"


class Transform(StrEnum):
    """How a caller's value is put into the upstream's form before it is checked."""

    NONE = ""
    X_TO_STAR = "x_to_star"
    INT = "int"
    STR = "str"
    UPPER = "upper"
    LOWER = "lower"
    ON_OFF = "on_off"
    BOOL_STR = "bool_str"
    TO_LIST = "to_list"
    BARE_BASE64 = "bare_base64"


@dataclass(frozen=True, slots=True, kw_only=True)
class Param:
    """One parameter of an upstream body."""

    name: str
    """Upstream key; a dot steps into a nested object."""
    type: ParamType
    description: str
    sources: tuple[str, ...] = ()
    """Request fields looked at, first hit wins; empty for what the caller cannot set."""
    required: bool = False
    transform: Transform = Transform.NONE
    default: Json = None
    """What the upstream takes when the key is absent."""
    const: Json = None
    """Sent always."""
    send_default: bool = False
    """Send the default too, because the sources disagree on it."""
    enum: tuple[Json, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    min_items: int | None = None
    max_items: int | None = None
    when: str = ""
    """Condition in words, for people and for the JSON Schema."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A row of the catalog."""

    id: str
    kind: ModelKind
    vendor: str
    paths: tuple[str, ...]
    """Upstream paths that serve it, in order of preference; exactly one for media models."""
    upstream_model: str = ""
    """What the body's `model` says, for text models."""
    params: tuple[Param, ...] = ()
    aliases: tuple[str, ...] = ()
    strict: bool = False
    """The upstream refuses keys that the row does not know."""
    created: int = 0
    """Unix seconds since when this catalog has it."""
    notes: str = ""


class Operation(StrEnum):
    """An upstream text operation, and so whose JSON its body speaks."""

    CHAT_COMPLETIONS = "chat_completions"
    RESPONSES = "responses"
    MESSAGES = "messages"
    COUNT_TOKENS = "count_tokens"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where one text call goes upstream."""

    operation: Operation
    path: str
    model: str
    """What the body's `model` must say; where it differs from the caller's word, only that value is rewritten."""

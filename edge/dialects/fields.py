"""Takes known fields out of a caller's body one by one; what is left over is refused, or passed on as the model's own parameters.

A field that is null counts as absent, as OpenAI's API has it.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from cli2api.v1 import media_pb2
from google.protobuf import struct_pb2

Value: TypeAlias = Any
"""Decoded JSON, and in a form also an Upload."""

_DEEPEST: Final = 16
"""Levels of nesting; the wire format of the contract takes no more than a hundred, and each level costs it several."""
_MEDIA_TYPES: Final = ("image/", "video/", "audio/")
_EXACT: Final = 1 << 53
"""Whole numbers beyond this lose digits as doubles, which is what the contract carries."""


class WrongField(ValueError):
    """A field that is missing or wrong, and how to mend it."""

    def __init__(self, field: str, description: str) -> None:
        super().__init__(f"{field}: {description}")
        self.field = field


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file of a form."""

    content: bytes
    mime_type: str
    filename: str


class Fields:
    """The fields of one body, or of one object in it. Every method takes its fields out; all raise WrongField."""

    def __init__(self, body: Mapping[str, Value], *, form: bool = False, at: str = "") -> None:
        self._body = {name: value for name, value in body.items() if value is not None}
        self._form = form
        """Values came as text, so that numbers and flags have to be read out of it."""
        self.at = at
        """Where this object stands in the body, as in `messages[0]`; empty for the body itself."""

    def place(self, name: str) -> str:
        """A field's whole name in the caller's body."""
        return f"{self.at}.{name}" if self.at else name

    def wrong(self, name: str, description: str) -> WrongField:
        """To be raised of a field of this object."""
        return WrongField(self.place(name), description)

    def text(self, name: str) -> str:
        """Words; empty when absent."""
        value = self._body.pop(name, "")
        if not isinstance(value, str):
            raise self.wrong(name, f"takes text, not {kind(value)}")
        return value

    def required(self, name: str, advice: str) -> str:
        """Words that must be there; `advice` says what they are."""
        value = self.text(name)
        if not value:
            raise self.wrong(name, f"required: {advice}")
        return value

    def choice(self, name: str, *allowed: str) -> str:
        """One of a few words, the first when absent."""
        value = self.text(name) or allowed[0]
        if value not in allowed:
            raise self.wrong(name, f'takes {_listed(allowed)}, not "{value}"')
        return value

    def one_of(self, name: str, *allowed: str) -> str:
        """One of a few words that must be there."""
        value = self.required(name, f"takes {_listed(allowed)}")
        if value not in allowed:
            raise self.wrong(name, f'takes {_listed(allowed)}, not "{value}"')
        return value

    def seconds(self, name: str) -> str:
        """A length, as text or as a number; empty when absent."""
        value = self._body.get(name)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            del self._body[name]
            return f"{value:g}" if isinstance(value, float) else str(value)
        return self.text(name)

    def whole(self, name: str, *, bits: int = 32) -> int | None:
        """A whole number that fits into so many bits."""
        value = self._plain(name)
        if value is None:
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.wrong(name, f"takes a whole number, not {kind(value)}")
        if not -(1 << bits - 1) <= value < 1 << bits - 1:
            raise self.wrong(name, f"takes a whole number of {bits} bits, not {value}")
        return value

    def number(self, name: str) -> float | None:
        """A number."""
        value = self._plain(name)
        if value is None:
            return None
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            raise self.wrong(name, f"takes a number, not {kind(value)}")
        if abs(value) > _EXACT:
            raise self.wrong(name, f"takes a number, not one as large as {value}")
        return float(value)

    def flag(self, name: str) -> bool | None:
        """True or false."""
        value = self._plain(name)
        if value is not None and not isinstance(value, bool):
            raise self.wrong(name, f"takes true or false, not {kind(value)}")
        return value

    def neutral(self, name: str, *harmless: Value, why: str) -> None:
        """Refuses a field that has no counterpart upstream, unless it asks for what happens anyway."""
        value = self._plain(name)
        if value is not None and value not in harmless:
            raise self.wrong(name, f"is not supported here, since {why}; leave it out")

    def ignore(self, name: str) -> None:
        """Lets go of a field that means nothing upstream and changes no result."""
        self._body.pop(name, None)

    def any(self, name: str) -> Value:
        """The value as it is; None when absent."""
        return self._body.pop(name, None)

    def section(self, name: str) -> "Fields | None":
        """An object inside this one; None when absent."""
        value = self._body.pop(name, None)
        if value is not None and not isinstance(value, Mapping):
            raise self.wrong(name, f"takes an object, not {kind(value)}")
        return None if value is None else Fields(value, at=self.place(name))

    def sections(self, name: str) -> "list[Fields]":
        """A list of objects; empty when absent."""
        found = []
        for place, each in enumerate(self.items(name)):
            if not isinstance(each, Mapping):
                raise WrongField(f"{self.place(name)}[{place}]", f"takes an object, not {kind(each)}")
            found.append(Fields(each, at=f"{self.place(name)}[{place}]"))
        return found

    def items(self, name: str) -> list[Value]:
        """A list; empty when absent."""
        value = self._body.pop(name, None)
        if value is not None and not isinstance(value, list):
            raise self.wrong(name, f"takes a list, not {kind(value)}")
        return value or []

    def texts(self, name: str) -> list[str]:
        """Texts in a list, or a lone one; empty when absent."""
        value = self._body.pop(name, None)
        found = [value] if isinstance(value, str) else value
        if found is not None and (not isinstance(found, list) or not all(isinstance(each, str) for each in found)):
            raise self.wrong(name, f"takes text or a list of texts, not {kind(value)}")
        return found or []

    def end(self, why: str) -> None:
        """Refuses whatever was not taken, by name."""
        for name in self._body:
            raise self.wrong(name, f"is not supported here, since {why}; leave it out")

    def voice(self, name: str) -> str:
        """A voice id, plain or as OpenAI's custom voice `{"id": ...}`; empty when absent."""
        voice = self._body.get(name)
        if not isinstance(voice, Mapping):
            return self.text(name)
        del self._body[name]
        if not isinstance(voice.get("id"), str):
            raise self.wrong(name, 'takes a voice id, or an object {"id": ...}')
        return str(voice["id"])

    def media(self, *names: str) -> media_pb2.MediaInput | None:
        """One picture, clip or sound, under any of its names."""
        found = self.medias(*names)
        if len(found) > 1:
            raise self.wrong(names[0], f"takes one, not {len(found)}")
        return found[0] if found else None

    def medias(self, *names: str) -> list[media_pb2.MediaInput]:
        """Any number of them, under one of their names."""
        given = [name for name in names if name in self._body]
        if len(given) > 1:
            raise self.wrong(given[1], f"says the same as {given[0]}; send one of them")
        found = []
        for name in given:
            value = self._body.pop(name)
            found += [_media(name, each) for each in (value if isinstance(value, list) else [value])]
        return found

    def rest(self) -> struct_pb2.Struct:
        """Whatever was not taken, as parameters of the model."""
        extra = struct_pb2.Struct()
        for name in list(self._body):
            value = self._plain(name)
            extra.fields[name].CopyFrom(_to_value(name, value, 1))
        return extra

    def _plain(self, name: str) -> Value:
        value = self._body.pop(name, None)
        return scalar(value) if self._form else value


def scalar(value: Value) -> Value:
    """A form's text as the JSON that it writes, where it writes any: numbers, true, false, lists and objects."""
    if isinstance(value, list):
        return [scalar(each) for each in value]
    if isinstance(value, dict):
        return {name: scalar(each) for name, each in value.items()}
    if not isinstance(value, str):
        return value
    try:
        read = json.loads(value, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return value
    return value if read is None or isinstance(read, str) else read


def _no_constant(name: str) -> Value:
    raise ValueError(f"{name} is not JSON")


def _media(name: str, value: Value) -> media_pb2.MediaInput:
    if isinstance(value, Upload):
        if not value.content:
            raise WrongField(name, "the uploaded file is empty")
        # Form libraries that know no better call a picture an octet stream or plain text; then the bytes themselves tell.
        mime_type = value.mime_type if value.mime_type.startswith(_MEDIA_TYPES) else ""
        return media_pb2.MediaInput(content=value.content, mime_type=mime_type)
    if isinstance(value, Mapping) and "file_id" in value:
        raise WrongField(name, "file_id is not supported here, since there is no file store; send the file or an image_url")
    url = value.get("image_url", value.get("url")) if isinstance(value, Mapping) else value
    if not isinstance(url, str) or not url:
        raise WrongField(name, "takes an http(s) or data URL, or a file in a form")
    return media_pb2.MediaInput(url=url)


def _to_value(name: str, value: Value, depth: int) -> struct_pb2.Value:
    if depth > _DEEPEST:
        raise WrongField(name, f"is nested deeper than {_DEEPEST} levels")
    if isinstance(value, Upload):
        raise WrongField(name, "takes no file")
    if value is None:
        return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
    if isinstance(value, bool):
        return struct_pb2.Value(bool_value=value)
    if isinstance(value, str):
        return struct_pb2.Value(string_value=value)
    if isinstance(value, (int, float)):
        if (isinstance(value, int) and abs(value) > _EXACT) or not math.isfinite(value):
            raise WrongField(name, "takes no whole number beyond 2^53")
        return struct_pb2.Value(number_value=value)
    if isinstance(value, Mapping):
        members = {key: _to_value(name, each, depth + 1) for key, each in value.items()}
        return struct_pb2.Value(struct_value=struct_pb2.Struct(fields=members))
    return struct_pb2.Value(list_value=struct_pb2.ListValue(values=[_to_value(name, each, depth + 1) for each in value]))


def _listed(words: Sequence[str]) -> str:
    return ", ".join(f'"{word}"' for word in words[:-1]) + f' or "{words[-1]}"' if len(words) > 1 else f'"{words[0]}"'


def kind(value: Value) -> str:
    """What a value is, in words."""
    kinds = {str: "text", bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return kinds.get(type(value), "a file")

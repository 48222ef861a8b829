"""A caller's conversation in the contract's words, whichever dialect it came in; pure.

Its law: what the contract has no word for is refused by the caller's name for it, never dropped in silence.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from cli2api.v1 import text_pb2

from edge.dialects.fields import Fields, Value, WrongField

NO_COUNTERPART: Final = "it has no counterpart where this model is served"
"""Why a field is refused that another model would take."""
STATELESS: Final = "nothing is kept between calls here; send the whole conversation"

_DATA_URL: Final = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?:;[\w.+-]+=[^;,]*)*;base64,", re.IGNORECASE)
_INDEX: Final = re.compile(r"\[\d+\]")
_MESSAGE_PART: Final = re.compile(r"(messages\[\d+\])(\.parts\[\d+\])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What was asked, and what its answer must know of it."""

    request: text_pb2.GenerateRequest
    stream: bool
    with_usage: bool = True
    """A streamed answer ends with its usage, where the dialect leaves that to the caller."""
    body: Mapping[str, Value] = field(default_factory=dict)
    """The body as it came, for dialects that repeat it in the answer."""
    places: Mapping[str, str] = field(default_factory=dict)
    """Messages of the contract and their parts, as in `messages[1].parts[0]`, by where they stood in the body; and fields that
    the dialect has two names for, by the one that was used."""

    def streamed(self) -> text_pb2.StreamGenerateRequest:
        """The same question, to be answered piece by piece: both have the same fields under the same numbers."""
        return text_pb2.StreamGenerateRequest.FromString(self.request.SerializeToString())

    def field_of(self, contract: str, words: Mapping[str, str]) -> str:
        """The caller's name for a field that the contract calls otherwise; `words` is the dialect's table.

        An index is written as `[]` there, and keeps its number.
        """
        if contract in self.places:
            return self.places[contract]
        if found := _MESSAGE_PART.match(contract):
            return self.places.get(found[0]) or self.places.get(found[1]) or contract
        word = words.get(_INDEX.sub("[]", contract))
        if word is None:
            return contract
        indices = iter(_INDEX.findall(contract))
        return re.sub(r"\[\]", lambda _: next(indices, "[]"), word)


class Turns:
    """Collects the messages of a conversation, and where in the body each came from."""

    def __init__(self) -> None:
        self.messages: list[text_pb2.Message] = []
        self.places: dict[str, str] = {}

    def say(
        self,
        role: text_pb2.Role.ValueType,
        parts: Iterable[tuple[str, text_pb2.Part]],
        *,
        at: str,
        name: str = "",
        join: bool = False,
    ) -> None:
        """Adds a message of parts, each with its place; with `join` to the last message, where that is of the same role."""
        if not (join and self.messages and self.messages[-1].role == role):
            self.places[f"messages[{len(self.messages)}]"] = at
            self.messages.append(text_pb2.Message(role=role, name=name))
        message = self.messages[-1]
        for place, part in parts:
            self.places[f"messages[{len(self.messages) - 1}].parts[{len(message.parts)}]"] = place
            message.parts.append(part)


def to_json(value: Value, field: str) -> str:
    """JSON text of a value, keys in their order. Raises WrongField where it is nested too deeply."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except RecursionError as error:
        raise WrongField(field, "is nested too deeply") from error


def schema(fields: Fields, name: str) -> str:
    """JSON text of a schema; empty when absent."""
    value = fields.any(name)
    if value is None:
        return ""
    if not isinstance(value, Mapping):
        raise fields.wrong(name, "takes a JSON Schema, which is an object")
    return to_json(value, fields.place(name))


def picture(url: str, detail: str, field: str) -> text_pb2.Part:
    """A picture by its URL. Raises WrongField."""
    if not url.startswith(("https://", "http://", "data:")):
        raise WrongField(field, "takes an http, https or data URL")
    details = {"low": text_pb2.IMAGE_DETAIL_LOW, "high": text_pb2.IMAGE_DETAIL_HIGH}
    return text_pb2.Part(image=text_pb2.ImagePart(url=url, detail=details.get(detail, text_pb2.IMAGE_DETAIL_UNSPECIFIED)))


def document(url: str, filename: str, field: str) -> text_pb2.Part:
    """A document out of its data URL. Raises WrongField."""
    head = _DATA_URL.match(url)
    if head is None:
        raise WrongField(field, "takes the file itself as a data URL, as in data:application/pdf;base64,...")
    content = from_base64(url[head.end() :], field)
    return text_pb2.Part(file=text_pb2.FilePart(content=content, mime_type=head[1] or "application/pdf", filename=filename))


def from_base64(text: str, field: str) -> bytes:
    """The bytes. Raises WrongField where it is no base64, or nothing."""
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise WrongField(field, "is not base64") from error
    if not content:
        raise WrongField(field, "is empty")
    return content


def text_of(parts: Iterable[Any]) -> str:
    """The words of an answer's parts. A picture goes on as Markdown, as it does in a stream."""
    return "".join(part.text or (f"![image]({part.image.url})" if part.HasField("image") else "") for part in parts)

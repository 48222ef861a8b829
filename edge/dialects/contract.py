"""The contract's own messages as JSON, for resources that are in no vendor's dialect: proto3 JSON with the proto's names."""

from collections.abc import Iterable
from typing import Any, Final, TypeVar

from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from google.protobuf.message import Message

from edge.dialects.fields import WrongField
from edge.dialects.jobs import PAGE_WORDS

Request = TypeVar("Request", bound=Message)
_MEANT: Final = {theirs: ours for ours, theirs in PAGE_WORDS.items()}
"""What who is used to OpenAI's lists asks for, by our names."""


def read(kind: type[Request], given: Iterable[tuple[str, str]]) -> Request:
    """A request out of the fields of a query; a repeated field may come several times. Raises WrongField."""
    request = kind()
    for name, text in given:
        field = request.DESCRIPTOR.fields_by_name.get(name)
        if field is None:
            known = [each.name for each in request.DESCRIPTOR.fields]
            meant = f"did you mean {_MEANT[name]}? " if _MEANT.get(name) in known else ""
            raise WrongField(name, f"is no field of this query; {meant}known are {', '.join(known)}")
        try:
            ParseDict({name: [text] if field.is_repeated else text}, one := kind())
        except ParseError as error:
            raise WrongField(name, f'takes {_takes(field)}, not "{text[:40]}"') from error
        request.MergeFrom(one)
    return request


def shown(message: Message) -> dict[str, Any]:
    """The message as JSON: every plain field, and those messages that are set. 64-bit numbers are strings."""
    return MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


def _takes(field: Any) -> str:
    if field.enum_type is not None:
        return "one of " + ", ".join(value.name for value in field.enum_type.values)
    if field.message_type is not None:
        return "a length of time in seconds, as in 30s"
    return "a whole number"

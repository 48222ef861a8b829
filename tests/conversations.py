"""Conversations, and what an upstream of each dialect is sent for them."""

import json
from typing import Any

import msgspec
import pytest

from services.domain.errors import InvalidRequest
from services.domain.model import Operation
from services.domain.text import (
    Conversation,
    Event,
    Image,
    Message,
    Part,
    Role,
    Text,
)
from services.upstream.dialects.table import DIALECTS, dialect_of
from services.upstream.sse import ServerSentEvent

CHAT, RESPONSES, MESSAGES = Operation.CHAT_COMPLETIONS, Operation.RESPONSES, Operation.MESSAGES
EVERY = pytest.mark.parametrize("operation", list(DIALECTS))
SCHEMA = '{ "type":"object", "properties":{"z":{"const":12345678901234567890},"a":{"const":1.0}} }'
PIXEL = Image(url="data:image/png;base64,AAAA", detail="high")
LINK = Image(url="https://cdn.test/a.png")


def turn(role: Role, *parts: Part, name: str = "") -> Message:
    return Message(role=role, parts=parts, name=name)


HELLO = turn(Role.USER, Text("hello"))


def written(operation: Operation, *messages: Message, model: str = "m", stream: bool = False, **fields: Any) -> bytes:
    asked = Conversation(model=model, messages=messages or (HELLO,), **fields)
    return msgspec.json.encode(dialect_of(operation).body(model, asked, stream=stream))


def body(operation: Operation, *messages: Message, model: str = "m", stream: bool = False, **fields: Any) -> Any:
    return json.loads(written(operation, *messages, model=model, stream=stream, **fields))


def violations(operation: Operation, *messages: Message, **fields: Any) -> list[str]:
    with pytest.raises(InvalidRequest) as caught:
        written(operation, *messages, **fields)
    return [violation.field for violation in caught.value.violations]


def read(operation: Operation, *chunks: dict[str, Any] | str) -> tuple[list[Event], bool]:
    """The events of these chunks, and whether the answer is complete."""
    reader = dialect_of(operation).reader()
    events: list[Event] = []
    for chunk in chunks:
        data = chunk if isinstance(chunk, str) else json.dumps(chunk)
        events += reader.read(ServerSentEvent(event="", data=data))
    events += reader.close()
    return events, reader.ended

"""How each dialect speaks inside a stream: what keeps it alive in silence, and what says that it has died."""

import re
from typing import Any, Final, Protocol

import msgspec

from edge.dialects.telling import Said
from edge.errors import Dialect, Failure, document
from edge.sse import KEEP_ALIVE

_NUMBER: Final = re.compile(rb'"sequence_number"\s{0,8}:\s{0,8}(\d{1,18})[\s,}]')
_LONGEST_NUMBER: Final = 64
"""Bytes that `"sequence_number": 123,` takes at most."""


def written(said: Said) -> bytes:
    """An event as bytes."""
    content = said.document.encode() if isinstance(said.document, str) else msgspec.json.encode(said.document)
    return b"event: %b\ndata: %b\n\n" % (said.event.encode(), content) if said.event else b"data: %b\n\n" % content


class Voice(Protocol):
    """Made anew for each stream that is carried."""

    dialect: Dialect
    heartbeat: bytes
    """Stands only between two events, where every SDK passes over it."""

    def hear(self, piece: bytes) -> None:
        """Bytes of the stream that were passed on, cut anywhere."""

    def failure(self, error: dict[str, Any]) -> Said:
        """The event that says how the stream died; `error` is the failure in the dialect's shape."""


class ChatVoice:
    """OpenAI's chat: a comment, and a chunk with an `error`, after which there is no [DONE]."""

    dialect = Dialect.OPENAI
    heartbeat = KEEP_ALIVE

    def hear(self, piece: bytes) -> None:
        """Nothing is counted in this dialect."""

    def failure(self, error: dict[str, Any]) -> Said:
        """A last chunk that SDKs raise."""
        return Said(document=error)


class ResponsesVoice:
    """OpenAI's Responses: a comment, and an `error` event whose number follows the last one."""

    dialect = Dialect.OPENAI
    heartbeat = KEEP_ALIVE

    def __init__(self) -> None:
        self._tail = b""
        self._last = -1

    def hear(self, piece: bytes) -> None:
        """Remembers the last number."""
        found = self._tail + piece
        for number in _NUMBER.finditer(found):
            self._last = int(number[1])
        self._tail = found[-_LONGEST_NUMBER:]

    def failure(self, error: dict[str, Any]) -> Said:
        """An `error` event."""
        told = error["error"]
        members = {"code": told.get("code"), "message": told.get("message"), "param": told.get("param")}
        return Said(event="error", document={"type": "error", "sequence_number": self._last + 1, **members})


class MessagesVoice:
    """Anthropic's Messages: a ping, and an `error` event."""

    dialect = Dialect.ANTHROPIC
    heartbeat = b'event: ping\ndata: {"type": "ping"}\n\n'

    def hear(self, piece: bytes) -> None:
        """Nothing is counted in this dialect."""

    def failure(self, error: dict[str, Any]) -> Said:
        """An `error` event."""
        return Said(event="error", document=error)


def told(failure: Failure, voice: Voice, request_id: str) -> dict[str, Any]:
    """The failure in the voice's dialect."""
    return document(failure, voice.dialect, request_id)

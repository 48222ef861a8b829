"""What every answer in another dialect needs: who answered and when, and events that are yet to be written; pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Protocol

from cli2api.v1 import text_pb2

_PREFIX: Final = re.compile(r"[a-z]{2,10}[-_](?=.)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What an answer may need and the upstream may not tell."""

    request_id: str
    now: int
    """Unix seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One event of a stream. `event` is its name, empty where the dialect names none; text is sent as it is, all else as JSON."""

    document: Any
    event: str = ""


class Story(Protocol):
    """Tells one streamed answer in a dialect; made anew for each."""

    def tell(self, piece: text_pb2.StreamGenerateResponse) -> Iterator[Said]:
        """What one event of the contract becomes."""

    def end(self) -> Iterator[Said]:
        """What is said when all is told."""

    def fail(self, error: Any) -> Iterator[Said]:
        """What is said when the answer dies; `error` is the failure in the dialect's own shape."""


def own_id(prefix: str, upstream: str, moment: Moment) -> str:
    """An id of the dialect's kind: the upstream's under another prefix, or made of the request's where it told none."""
    return prefix + (_PREFIX.sub("", upstream, count=1) or moment.request_id)


def created(answer: text_pb2.GenerateResponse | text_pb2.AnswerStarted, moment: Moment) -> int:
    """When the upstream began, in unix seconds; now where it does not say."""
    return answer.create_time.seconds if answer.HasField("create_time") else moment.now

"""One call of MuleRun as those see it who count or trace calls. Law: watching changes nothing about what is watched."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from services.domain.ports import Plane
from services.domain.text import TokenUsage


@dataclass(slots=True, kw_only=True)
class Asked:
    """A call on its way; what becomes of it is filled in as it becomes known."""

    plane: Plane
    operation: str
    """`submit`, `poll`, or the text operation, such as `chat_completions`."""
    path: str
    method: str = "POST"
    model: str = ""
    """As MuleRun calls it; empty where the path says it."""
    task_id: str = ""
    status: int | None = None
    """MuleRun's HTTP status; None while, or where, it gave none."""
    failure: str = ""
    """The reason of the failure that it came to; CANCELLED where it was left."""
    tokens: TokenUsage | None = None


class Watcher(Protocol):
    """Looks on while one call is made."""

    def __call__(self, asked: Asked, /) -> AbstractContextManager[None]:
        """Entered before the call and left when it has ended, its answer's last byte included. It must not raise."""

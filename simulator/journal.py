"""Remembers what the simulator was sent, so that tests and developers can look; bounded, and it wakes whoever waits for news."""

import asyncio
import base64
import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from simulator.wire import Json


@dataclass(slots=True, kw_only=True)
class Seen:
    """One request, as it arrived and as it ended."""

    number: int
    time: float
    """Unix seconds of its arrival."""
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes | None = None
    """None where it was not read, or was too large to keep; then `length` and `sha256` stand for it."""
    length: int = 0
    sha256: str = ""
    status: int | None = None
    """The answer's status; None while there is none."""
    finished: bool = False
    aborted: bool = False
    """The other side hung up before the answer was complete."""
    task_id: str | None = None
    """The task that this request submitted, polled or deleted."""
    unknown_keys: tuple[str, ...] = ()
    """Keys that the media endpoint does not know and dropped without a word."""

    @property
    def json(self) -> Json:
        """The body decoded; None where it is absent or no JSON."""
        try:
            value: Json = json.loads(self.body) if self.body else None
        except ValueError:
            return None
        return value

    def keep(self, body: bytes, limit: int) -> None:
        """Remembers the body, or only its length and hash above `limit` bytes."""
        self.length = len(body)
        self.sha256 = hashlib.sha256(body).hexdigest()
        self.body = body if len(body) <= limit else None

    def describe(self) -> dict[str, Json]:
        """As the admin pages show it."""
        return {
            "number": self.number,
            "time": self.time,
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "headers": dict(self.headers),
            "json": self.json,
            "body_base64": base64.b64encode(self.body).decode() if self.body is not None else None,
            "length": self.length,
            "sha256": self.sha256,
            "status": self.status,
            "finished": self.finished,
            "aborted": self.aborted,
            "task_id": self.task_id,
            "unknown_keys": list(self.unknown_keys),
        }


class Journal:
    """The newest requests, in order of arrival, and everything that changed since somebody last looked."""

    def __init__(self, keep: int) -> None:
        self._seen: deque[Seen] = deque(maxlen=keep)
        self._count = 0
        self._news = asyncio.Event()

    def __iter__(self) -> Iterator[Seen]:
        return iter(tuple(self._seen))

    def add(self, *, time: float, method: str, path: str, query: str, headers: Mapping[str, str]) -> Seen:
        """Opens the entry of a request that has just arrived."""
        self._count += 1
        seen = Seen(number=self._count, time=time, method=method, path=path, query=query, headers=headers)
        self._seen.append(seen)
        self.changed()
        return seen

    def clear(self) -> None:
        """Forgets every request."""
        self._seen.clear()

    def changed(self) -> None:
        """Wakes whoever waits: something can be seen that could not be seen before."""
        self._news.set()
        self._news = asyncio.Event()

    async def wait_for(self, predicate: Callable[[], bool]) -> None:
        """Returns once the predicate holds, asking it after each change."""
        while not predicate():
            await self._news.wait()

"""One call of the soak, seen by its caller: what it asked, what came back, and whether that is in order."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import grpc.aio

_FOUR_KEYS: Final = {"message", "type", "param", "code"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back. `said` is "ok", or in few words what went wrong."""

    said: str = "ok"
    proper: bool = True
    """False where a failure came without a body that an SDK can read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call that has ended. Times are unix seconds."""

    kind: str
    endpoint: str
    """Under which usage has it; empty where it is not recorded."""
    began: float
    ended: float
    answer: Answer
    faulty: bool
    """Its upstream was told to do something wrong."""
    sure: bool
    """It is certainly one record: its caller did not leave before anybody knew what it wanted."""


OK: Final = Answer()


class CutOff(Exception):
    """A stream that ended without its last word."""


def refused(status: int, body: bytes) -> Answer:
    """An answer that is an error, in OpenAI's or Anthropic's shape."""
    try:
        told: Any = json.loads(body)
        error = told["error"]
        proper = bool(error["message"]) and (set(error) == _FOUR_KEYS or (told.get("type"), len(error)) == ("error", 2))
        return Answer(said=f"{status} {error.get('code') or error['type']}", proper=proper)
    except (ValueError, KeyError, TypeError):
        return Answer(said=f"{status} with {body[:60]!r}", proper=False)


async def answered(act: Callable[[], Awaitable[Answer]], patience: float) -> Answer:
    """What came of it. A connection that broke is proper: nobody was there to write a body; where that may be, others judge."""
    try:
        async with asyncio.timeout(patience):
            return await act()
    except CutOff as cut:
        return Answer(said=f"cut off: {cut}" if str(cut) else "cut off")
    except aiohttp.ClientPayloadError:
        return Answer(said="cut off")
    except aiohttp.ClientConnectionError:
        return Answer(said="connection broken")
    except grpc.aio.AioRpcError as error:
        if "grpc-status-details-bin" in dict(error.trailing_metadata() or ()):
            return Answer(said=f"gRPC {error.code().name}")
        # What Envoy itself says has no details, and of a stream whose core is dead it can only say that it was reset.
        said, is_reset = error.details() or "", "RST_STREAM" in (error.details() or "")
        proper = is_reset or error.code() is grpc.StatusCode.UNAVAILABLE
        return Answer(said="gRPC stream reset" if is_reset else f"gRPC {error.code().name} by Envoy: {said[:60]}", proper=proper)
    except TimeoutError:
        return Answer(said=f"no answer in {patience:.0f} s", proper=False)


def now() -> float:
    """Unix seconds."""
    return time.time()

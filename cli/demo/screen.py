"""What the demo says while it plays: one line a step, dots where it takes a moment."""

import asyncio
from collections.abc import Awaitable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


class DemoFailed(Exception):
    """A step did not show what it promises; the message says what came instead."""


def begin(what: str, model: str = "") -> None:
    """Names the step before it runs."""
    print(f"  {what:28} {model:18} ", end="", flush=True)


def piece(text: str) -> None:
    """Shows a piece of an answer at the moment that it arrives."""
    print(text, end="", flush=True)


async def with_dots(work: Awaitable[T]) -> T:
    """What `work` gives, with a dot on the screen for every moment that it takes. A caller that leaves stops the work."""
    task = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait({task}, timeout=0.3))[0]:
            piece(".")
        return task.result()
    finally:
        task.cancel()


def save(path: Path, content: bytes, form: str) -> None:
    """Keeps a file and says so."""
    path.write_bytes(content)
    print(f" {path} ({len(content):,} bytes, {form})")


def check(holds: bool, otherwise: str) -> None:
    """Raises DemoFailed with `otherwise` where the promise is not kept."""
    if not holds:
        raise DemoFailed(otherwise)

"""What the core tells its operator: one JSON object a line on stderr, and the registry of its metrics.

Law: a line never holds a key, a token, a prompt or an upstream's text.
"""

import asyncio
import json
import logging
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from functools import lru_cache
from select import PIPE_BUF
from typing import Any, Final, TextIO

import msgspec
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, disable_created_metrics

from services.domain import call

_QUIET: Final = ("asyncio", "aiosqlite", "aiohttp", "grpc", "filelock")
"""Libraries whose chatter below a warning is nobody's concern."""
_KEPT_SECONDS: Final = 0.02
"""How long a line may wait for others; so much of the log may be missing where the process is killed."""

_NOT_EXTRA: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
"""What every record has; all else was said by `extra`."""
_ENCODER: Final = msgspec.json.Encoder(enc_hook=str)


class Lines(logging.Formatter):
    """A record as JSON: time (RFC 3339, UTC), level, logger, message, what `extra` says.

    Then request_id where a call is served, and trace_id where it is traced.
    """

    def format(self, record: logging.LogRecord) -> str:
        """One line. msgspec writes it in a third of the time that json takes, and there is one for each call."""
        fields = _head(record.created, record.levelname, record.name, record.getMessage())
        fields |= {name: value for name, value in record.__dict__.items() if name not in _NOT_EXTRA}
        _add_served(fields)
        if record.exc_info:
            fields["exc_info"] = self.formatException(record.exc_info)
        if record.stack_info:
            fields["stack_info"] = self.formatStack(record.stack_info)
        try:
            return _ENCODER.encode(fields).decode()
        except (UnicodeEncodeError, OverflowError):  # half a character, or a number beyond 64 bits
            return json.dumps(fields, default=str)


class Stream(logging.StreamHandler[TextIO]):
    """Writes a line for each record, as any StreamHandler does, or many that are lines already.

    Those may wait a moment for others: each write wakes whoever reads the log, which costs several times what a line does. A
    record never waits, nor does what was kept before it.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self.setFormatter(Lines())
        self._kept: list[bytes] = []
        self._size = 0
        self._giver: asyncio.AbstractEventLoop
        """The loop that will write what is kept, where something is."""

    def emit(self, record: logging.LogRecord) -> None:
        """Writes it at once."""
        self._give()
        super().emit(record)

    def flush(self) -> None:
        """Writes what was kept."""
        self._give()
        super().flush()

    def write(self, lines: bytes) -> None:
        """Writes whole lines, soon; no other comes between them. Never fails: where it cannot write, it cannot say so either."""
        with self.lock or nullcontext():
            # No write is larger than a pipe takes in one go, unless one line is.
            if self._size + len(lines) > PIPE_BUF:
                self._give()
            is_awaited = (bool(self._kept) and not self._giver.is_closed()) or self._will_give()
            self._kept.append(lines)
            self._size += len(lines)
        if not is_awaited:
            self._give()

    def _will_give(self) -> bool:
        """What is kept goes out in a moment; False where there is no loop that would see to it."""
        try:
            self._giver = asyncio.get_running_loop()
        except RuntimeError:
            return False
        self._giver.call_later(_KEPT_SECONDS, self._give)
        return True

    def _give(self) -> None:
        with self.lock or nullcontext(), suppress(OSError, ValueError):  # a broken pipe, or a stream that was closed
            kept, self._kept, self._size = self._kept, [], 0  # first, since a collection in between may log something
            for piece in _pieces(b"".join(kept)):
                self.stream.write(piece.decode())
                self.stream.flush()


def say_each(log: logging.Logger, message: str, rows: Sequence[dict[str, Any]]) -> None:
    """The lines that `log.info(message, extra=row)` would write for each row, in as few writes as can be.

    Whoever else listens to the log gets a record for each, as ever.
    """
    if not rows or not log.isEnabledFor(logging.INFO):
        return
    handlers = list(_handlers(log))
    only = handlers[0] if len(handlers) == 1 else None
    if isinstance(only, Stream) and only.level <= logging.INFO and not (only.filters or log.filters):
        head = _head(time.time(), "INFO", log.name, message)
        lines = [head | row for row in rows]
        for line in lines:
            _add_served(line)
        with suppress(UnicodeEncodeError, OverflowError):
            only.write(_ENCODER.encode_lines(lines))
            return
    for row in rows:
        log.info(message, extra=row)


def log_to_stderr(level: str) -> None:
    """From here on every logger writes JSON lines of `level` ("debug" to "error") and above."""
    logging.basicConfig(level=level.upper(), handlers=[Stream(sys.stderr)], force=True)
    logging.captureWarnings(capture=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))


def open_registry() -> CollectorRegistry:
    """A registry that already tells of the process and the interpreter."""
    disable_created_metrics()  # type: ignore[no-untyped-call]  # when a series began; it would double what is scraped
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    return registry


def _head(created: float, level: str, logger: str, message: str) -> dict[str, Any]:
    """How every line begins."""
    return {
        "time": f"{_second(int(created))}.{int(created * 1000) % 1000:03d}Z",
        "level": level.lower(),
        "logger": logger,
        "message": message,
    }


@lru_cache(maxsize=8)
def _second(moment: int) -> str:
    """As in "2026-01-31T23:59:59"; many lines are of one second."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _add_served(fields: dict[str, Any]) -> None:
    """The ids of the call that is served, where one is; a line that has its own keeps them."""
    served = call.current()
    if served.request_id:
        fields.setdefault("request_id", served.request_id)
    if served.trace_id:
        fields.setdefault("trace_id", served.trace_id)


def _handlers(log: logging.Logger) -> Iterator[logging.Handler]:
    """Whoever hears what is said to `log`."""
    heard: logging.Logger | None = log
    while heard is not None:
        yield from heard.handlers
        heard = heard.parent if heard.propagate else None


def _pieces(lines: bytes) -> Iterator[bytes]:
    """Whole lines, as many in a piece as a pipe takes in one go, so that not even another process comes between."""
    begin = 0
    while begin < len(lines):
        end = len(lines) if len(lines) - begin <= PIPE_BUF else lines.rfind(b"\n", begin, begin + PIPE_BUF) + 1
        if end == 0:  # one line that is longer
            end = lines.index(b"\n", begin) + 1
        yield lines[begin:end]
        begin = end

"""The call that is being served, for whoever cannot be handed it: the log, the order that names its caller, and its record.

Every gRPC call is a task of its own, so what is set here ends with the call and is never reset.
"""

from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final

from services.domain.text import TokenUsage


@dataclass(slots=True, kw_only=True)
class Note:
    """What only the one who serves a call can say for its record; filled in as it becomes known."""

    model: str = ""
    job_id: str = ""
    status: int | None = None
    """The HTTP status of an answer that is passed on; None where how the call ended says it all."""
    tokens: TokenUsage | None = None

    def name_job(self, job_id: str) -> None:
        """The call has made a job, or found the one that stands for it."""
        self.job_id = job_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Who calls, and under which id; both are empty outside of a call."""

    request_id: str = ""
    caller: str = ""
    """Hash of the key that was presented; empty where the gateway is open."""
    trace_id: str = ""
    """32 hex digits; empty where nothing is traced."""
    reads_json: bool = False
    """A transcoder stands between: the caller sees no metadata before the end, and of a failure only what `plainly` says."""
    note: Note = field(default_factory=Note, compare=False)

    def of(self, caller: str) -> "Call":
        """The same call, now that its caller is known."""
        return Call(request_id=self.request_id, caller=caller, trace_id=self.trace_id, reads_json=self.reads_json, note=self.note)


_NOBODY: Final = Call()
_current: ContextVar[Call] = ContextVar("cli2api_call", default=_NOBODY)


def current() -> Call:
    """The call that this task serves."""
    return _current.get()


def enter(call: Call) -> None:
    """From here on this task, and every task that it starts, serves `call`."""
    _current.set(call)

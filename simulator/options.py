"""What a developer may choose about a simulated MuleRun before it starts; the defaults suit a demo."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Literal, TypeAlias


class State(Enum):
    """Where a task is, whatever word the vocabulary has for it."""

    PENDING = 0
    PROCESSING = 1
    COMPLETED = 2
    FAILED = 3

    @property
    def terminal(self) -> bool:
        """True where the task moves no more."""
        return self in {State.COMPLETED, State.FAILED}


class Words(StrEnum):
    """Which of MuleRun's two vocabularies of status words is spoken."""

    PAGES = "pages"
    """pending, processing, completed, failed: the model pages."""
    ASYNC = "async"
    """queued, running, succeeded, failed: the page on asynchronous tasks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ByTime:
    """A task advances as time passes."""

    pending_s: float = 0.2
    processing_s: float = 0.6

    def state(self, age_s: float, polls: int) -> State:
        """The state of a task of this age."""
        del polls
        if age_s < self.pending_s:
            return State.PENDING
        return State.PROCESSING if age_s < self.pending_s + self.processing_s else State.COMPLETED


@dataclass(frozen=True, slots=True, kw_only=True)
class ByPolls:
    """A task advances each time that it is polled: so many answers say pending, then so many say processing."""

    pending: int = 1
    processing: int = 1

    def state(self, age_s: float, polls: int) -> State:
        """The state that the poll after `polls` earlier ones is told."""
        del age_s
        if polls < self.pending:
            return State.PENDING
        return State.PROCESSING if polls < self.pending + self.processing else State.COMPLETED


@dataclass(frozen=True, slots=True, kw_only=True)
class ByHand:
    """A task stays pending until somebody moves it."""

    def state(self, age_s: float, polls: int) -> State:
        """Always pending."""
        del age_s, polls
        return State.PENDING


Pace: TypeAlias = ByTime | ByPolls | ByHand


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The behaviour of one simulator."""

    pace: Pace = ByTime()
    words: Words = Words.PAGES
    studio_keys: frozenset[str] | None = None
    """Keys that open media and the code plane; None: every `muk-...` does."""
    text_keys: frozenset[str] | None = None
    """Keys, of any shape, that open the models behind the LLM gateway; None: every `muk-...` does."""
    messages_bearer: bool = False
    """Whether Anthropic's endpoint takes `Authorization: Bearer` beside `X-API-Key`."""
    more_models: frozenset[str] = frozenset()
    """Text models that are served beside those of the catalog, on every dialect."""
    responses_usage: Literal["openai", "docs"] = "openai"
    """Names in a Responses usage block: OpenAI's, or prompt_tokens/completion_tokens as in MuleRun's sample."""
    chunk_delay_s: float = 0.0
    """Pause before each chunk of a streamed answer, so that a demo is seen to stream."""
    keep_requests: int = 1_000
    """How many requests are remembered; older ones are forgotten first."""
    keep_body_bytes: int = 1 << 20
    """Bodies above this are remembered by length and SHA-256 only."""
    keep_tasks: int = 20_000
    """How many tasks are remembered; older ones are forgotten first."""
    max_body_bytes: int = 256 << 20
    now: Callable[[], float] = time.time
    """Unix seconds, as written into answers."""
    elapsed: Callable[[], float] = time.monotonic
    """The clock by which tasks age, in seconds."""

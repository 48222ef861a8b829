"""A job is a frozen value that is evolved: each step returns the next job, with its revision one higher."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from services.domain.errors import Failure
from services.domain.model import Json, ModelKind


class JobState(StrEnum):
    """SUBMITTING > QUEUED > RUNNING > SUCCEEDED | FAILED; a step may be skipped, none is taken back."""

    SUBMITTING = "submitting"
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


TERMINAL: Final = frozenset({JobState.SUCCEEDED, JobState.FAILED})
IN_FLIGHT: Final = frozenset({JobState.QUEUED, JobState.RUNNING})


class AssetKind(StrEnum):
    """What kind of file an asset is."""

    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One produced file, by the upstream's link."""

    kind: AssetKind
    url: str
    mime_type: str = ""
    size_bytes: int | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """An asset of which the first bytes have been fetched and are kept."""

    offset: int
    """How many there are; not 0."""
    size_bytes: int | None
    """Of the whole asset, where its host told."""
    mime_type: str
    validator: str
    """What the host named these bytes by: a strong ETag or the time of their last change; never empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFailure:
    """Why a job failed: the name and words of a `Failure`, kept."""

    reason: str
    message: str
    vendor_code: str = ""

    @classmethod
    def of(cls, failure: Failure) -> "JobFailure":
        """What is worth keeping of a failure."""
        return cls(reason=failure.reason, message=failure.message, vendor_code=failure.metadata.get("vendor_code", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A checked request for one job: everything that the upstream is sent, and what is kept to show."""

    kind: ModelKind
    model: str
    path: str
    """Upstream path: POST to submit, GET path/{task} to poll."""
    body: Mapping[str, Json]
    """The upstream body; sent once, never stored, since it may hold megabytes of pictures."""
    caller: str = ""
    """Hash of the key that was presented; empty where the gateway is open."""
    request_id: str = ""
    prompt: str = ""
    size: str = ""
    seconds: str = ""
    remix_of_id: str = ""
    settings: Mapping[str, Json] = field(default_factory=dict)
    """What a remix starts from: the caller's fields without files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One piece of asynchronous work. Times are unix seconds."""

    id: str
    kind: ModelKind
    model: str
    path: str
    state: JobState
    created_at: float
    updated_at: float
    task_id: str = ""
    """MuleRun's id; empty exactly while no answer to the submission is known."""
    progress: int = 0
    """0 to 100, never falls, 100 only when succeeded."""
    prompt: str = ""
    size: str = ""
    seconds: str = ""
    description: str = ""
    settings: Mapping[str, Json] = field(default_factory=dict)
    assets: tuple[Asset, ...] = ()
    """Non-empty exactly when succeeded."""
    failure: JobFailure | None = None
    """Set exactly when failed."""
    caller: str = ""
    request_id: str = ""
    fingerprint: str = ""
    """Hash of the order, so that one request_id cannot stand for two requests."""
    remix_of_id: str = ""
    completed_at: float | None = None
    expires_at: float | None = None
    """When it may be forgotten; None keeps it for good."""
    poll_at: float | None = None
    """When it is due to be polled; None exactly when it is not in flight."""
    polls: int = 0
    poll_errors: int = 0
    """Refused polls since one was answered; polls that failed for a reason that passes are not counted."""
    poll_errors_since: float | None = None
    """When the first of these was refused; None where there are none."""
    notify_at: float | None = None
    """When the outside is to be told of its end; None where there is nothing to tell, or nothing any more."""
    notify_tries: int = 0
    """How often that was tried."""
    revision: int = 1

    @property
    def is_terminal(self) -> bool:
        """It will not change any more."""
        return self.state in TERMINAL

    @property
    def is_in_flight(self) -> bool:
        """A task is known and not known to have ended."""
        return self.state in IN_FLIGHT

    def evolve(self, now: float, **changes: object) -> "Job":
        """The next revision, changed at `now`."""
        return replace(self, updated_at=max(now, self.updated_at), revision=self.revision + 1, **changes)  # type: ignore[arg-type]

    def submitted(self, *, task_id: str, state: JobState, now: float, poll_at: float) -> "Job":
        """The upstream has issued a task."""
        return self.evolve(now, task_id=task_id, state=state, poll_at=poll_at)

    def polled(self, *, state: JobState, progress: int, now: float, poll_at: float) -> "Job":
        """The upstream answered and the task goes on."""
        forward = state if self.state is not JobState.RUNNING else JobState.RUNNING
        return self.evolve(
            now,
            state=forward,
            progress=max(self.progress, min(progress, 99)),
            poll_at=poll_at,
            polls=self.polls + 1,
            poll_errors=0,
            poll_errors_since=None,
        )

    def unanswered(self, *, now: float, poll_at: float) -> "Job":
        """A poll was refused, and one refusal is not yet believed."""
        since = self.poll_errors_since if self.poll_errors_since is not None else now
        return self.evolve(now, poll_at=poll_at, polls=self.polls + 1, poll_errors=self.poll_errors + 1, poll_errors_since=since)

    def succeeded(self, *, assets: tuple[Asset, ...], now: float, description: str = "") -> "Job":
        """The task is done and its assets are known."""
        return self.evolve(
            now,
            state=JobState.SUCCEEDED,
            assets=assets,
            description=description,
            progress=100,
            poll_at=None,
            completed_at=now,
        )

    def failed(self, failure: Failure, *, now: float) -> "Job":
        """It came to nothing."""
        return self.evolve(now, state=JobState.FAILED, failure=JobFailure.of(failure), poll_at=None, completed_at=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobQuery:
    """Which jobs a list shows. Order is by (created_at, id)."""

    limit: int = 20
    kinds: frozenset[ModelKind] = frozenset()
    """Empty means every kind."""
    states: frozenset[JobState] = frozenset()
    """Empty means every state."""
    model: str = ""
    caller: str | None = None
    """None means every caller."""
    oldest_first: bool = False
    after: tuple[float, str] | None = None
    """(created_at, id) of the last job of the page before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What MuleRun says of a task, in our words."""

    id: str
    state: JobState
    """QUEUED, RUNNING, SUCCEEDED or FAILED."""
    assets: tuple[Asset, ...] = ()
    failure: Failure | None = None
    description: str = ""

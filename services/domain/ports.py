"""Where the core meets the outside world, as Protocols. Only the front door knows who stands behind each."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from typing import Protocol

from services.domain.job import Begun, Job, JobQuery, JobState, Task
from services.domain.model import Json, Route
from services.domain.text import Answer, Conversation, Event
from services.domain.usage import Record, Sums, UsageQuery


class Clock(Protocol):
    """Time as a value that is handed in."""

    def now(self) -> float:
        """Unix seconds."""

    async def sleep(self, seconds: float) -> None:
        """Returns when `seconds` have passed on this clock."""


class Plane(StrEnum):
    """MuleRun's two systems of keys."""

    TEXT = "text"
    STUDIO = "studio"


class Credentials(Protocol):
    """Keeps the upstream tokens fresh."""

    @property
    def source(self) -> str:
        """Where the token was found, for people; never the token."""

    async def token(self, plane: Plane) -> str:
        """The token to send now. Raises UpstreamCredentialRefused where there is none to be had."""

    async def refused(self, plane: Plane, token: str) -> bool:
        """The upstream refused `token`; True if another one is there now and worth one more try."""


class TaskUpstream(Protocol):
    """MuleRun's media side."""

    async def submit(self, path: str, body: Mapping[str, Json]) -> Task:
        """Starts one paid task. Never retried inside, but where the request certainly did not arrive.

        Raises a Failure; UpstreamUnavailable with `reached` True leaves open whether a task exists.
        """

    async def poll(self, path: str, task_id: str) -> Task:
        """How the task stands. A failed task is an answer; a Failure is raised only where the poll itself failed."""


class AssetStream(Protocol):
    """The bytes of one asset, being fetched."""

    mime_type: str
    size_bytes: int | None
    offset: int
    sha256: str
    """Of the whole asset, in hexadecimal; empty where it is not known, as of a link."""
    validator: str
    """By which a link's host knows these bytes again; empty where it gave nothing that may be relied on, and for copies."""

    def chunks(self) -> AsyncIterator[bytes]:
        """The bytes in order; ends after the last. Raises UpstreamUnavailable if the link breaks."""


class AssetSource(Protocol):
    """Fetches produced files. Sends no credential of ours."""

    def open(self, url: str, *, offset: int = 0, limit: int = 0) -> AbstractAsyncContextManager[AssetStream]:
        """Raises AssetGone where the link is dead or must not be followed, UpstreamUnavailable where it cannot be reached."""

    def resume(self, url: str, begun: Begun) -> AbstractAsyncContextManager[AssetStream]:
        """The bytes after those that were fetched before, or all of them where the host does not show that it has the same file.

        The stream's `offset` says which: that of `begun`, or 0. Raises as `open` does.
        """


class JobAssets(Protocol):
    """Opens what jobs have produced."""

    def open(self, job: Job, index: int, *, offset: int = 0, limit: int = 0) -> AbstractAsyncContextManager[AssetStream]:
        """The bytes of asset `index`, which the job has: our own copy where there is one, else through the upstream's link.

        From `offset`, at most `limit` bytes where that is not 0. Raises as AssetSource does.
        """


class Follower(Protocol):
    """Hears what became of jobs after it was written down. Called in the middle of that work: it must neither block nor raise."""

    def settled(self, job: Job) -> None:
        """The job has become terminal."""

    def forgotten(self, job_id: str) -> None:
        """The job was deleted. One that expires is not told."""


class Courier(Protocol):
    """Carries messages to whoever wants to hear of jobs."""

    async def deliver(self, headers: Mapping[str, str], body: bytes) -> str:
        """Empty where the receiver has taken the message, else why not, in words without secrets. Raises nothing."""


class Reply(Protocol):
    """An upstream's answer to a relayed call: status and headers are there, the body is still coming."""

    status: int
    headers: Sequence[tuple[str, str]]

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes in, cut anywhere; leaving the context ends it. Raises UpstreamUnavailable if it breaks off."""


class TextUpstream(Protocol):
    """MuleRun's text side."""

    def relay(self, route: Route, body: bytes, headers: Sequence[tuple[str, str]]) -> AbstractAsyncContextManager[Reply]:
        """Carries one call verbatim. Leaving the context stops the upstream call.

        Raises UpstreamCredentialRefused for 401 and 403, UpstreamUnavailable where no answer came; any other status is a Reply.
        """

    async def generate(self, route: Route, conversation: Conversation) -> Answer:
        """The whole answer. Raises a Failure for every error status."""

    def stream(self, route: Route, conversation: Conversation) -> AsyncGenerator[Event]:
        """The answer piece by piece; close it to stop the upstream call."""


class Upstream(TaskUpstream, TextUpstream, Protocol):
    """MuleRun, both sides."""


class JobStore(Protocol):
    """Keeps jobs. Every method raises StoreUnavailable where the store cannot be reached; nothing else."""

    async def insert(self, job: Job, *, owner: str, lease_until: float) -> Job:
        """Writes a new job durably and leases it to `owner`.

        Where (caller, request_id) is taken, writes nothing and returns the job that holds it; an empty request_id is never taken.
        """

    async def get(self, job_id: str) -> Job | None:
        """The job as it stands, or None."""

    async def save(self, job: Job) -> bool:
        """Replaces the job and ends its lease. False, writing nothing, unless the stored revision is exactly one lower."""

    async def page(self, query: JobQuery) -> Sequence[Job]:
        """At most `query.limit` jobs in order."""

    async def by_task(self, task_id: str) -> Job | None:
        """The job in flight whose task that is, or None."""

    async def delete(self, job_id: str) -> Job | None:
        """Forgets the job; returns what it was, or None."""

    async def claim(self, *, owner: str, now: float, lease_until: float, limit: int) -> Sequence[Job]:
        """Leases at most `limit` due jobs in flight that nobody holds, most overdue first, in one atomic step.

        A job whose lease has ended is nobody's, and counts as overdue since then.
        """

    async def next_due(self) -> float | None:
        """When the next job in flight becomes due, or where it is held, when its lease ends; None where there is none."""

    async def census(self) -> Mapping[JobState, int]:
        """How many jobs that are not terminal stand where; a state that has none may be left out."""

    async def renew(self, job_ids: Collection[str], *, owner: str, lease_until: float) -> None:
        """Prolongs the leases on SUBMITTING jobs among these that `owner` still holds; others are left as they are."""

    async def abandoned(self, *, owner: str, now: float) -> Sequence[Job]:
        """SUBMITTING jobs that nobody works on any more.

        Their lease has ended, or this store admits one process only and their owner is not `owner`.
        """

    async def claim_notices(self, *, now: float, until: float, limit: int) -> Sequence[Job]:
        """At most `limit` jobs whose end is due to be told, longest due first.

        In one atomic step each is put off to `until`, and the try that follows is counted.
        """

    async def put_off(self, job_id: str, notify_at: float | None, *, tries: int | None = None) -> None:
        """Sets when the job's end is to be told next; None strikes it out. A job that has gone is let be.

        `tries` sets how often that counts as tried by now; None leaves the count.
        """

    async def expire(self, *, now: float, in_flight_grace: float) -> int:
        """Forgets terminal jobs at expires_at, and others at expires_at + in_flight_grace. Returns how many."""

    async def listen(self, heard: Callable[[str, int], None]) -> None:
        """Calls `heard` with id and revision when a job has changed or gone, and with ("", 0) when any may have, unheard.

        Goes on until cancelled and raises nothing. Returns at once where only this process can change anything.
        """

    async def ping(self) -> None:
        """Returns when the store can be written to."""

    async def close(self) -> None:
        """Lets go of everything."""


class UsageStore(Protocol):
    """Keeps the records of calls. Every method raises StoreUnavailable where the store cannot be reached; nothing else."""

    async def add(self, records: Sequence[Record]) -> None:
        """Writes all of them, or none where it raises; those whose id is there already are left as they are."""

    async def sums(self, query: UsageQuery) -> Sequence[Sums]:
        """One a bucket that has records: days and hours in order of time, others by most calls, then by bucket."""

    async def expire(self, *, before: float) -> int:
        """Forgets the records of calls that began before that; returns how many."""

    async def close(self) -> None:
        """Lets go of everything."""

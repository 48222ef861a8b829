"""What a poll's answer makes of a job: a pure decision.

Law: a task that was paid for is given up only on the upstream's own word, never on a failure that may pass.
"""

from typing import Final

from services.domain.errors import Failure, Internal, OutOfCredits, RateLimited, UpstreamUnavailable, VendorFailed
from services.domain.job import Job, JobState, Task
from services.jobs.backoff import Pace, pause
from services.jobs.progress import estimate
from services.jobs.retention import Retention

FINAL_STATUSES: Final = frozenset({"402", "403", "410"})
"""Upstream HTTP statuses of a poll that will not change by asking again."""
REFUSALS: Final = 5
REFUSED_FOR: Final = 60.0
"""Any other refusal, such as 401 and 404, is believed after this many polls in a row and this many seconds."""


def settle(job: Job, answer: Task | Failure, *, now: float, pace: Pace, retention: Retention, chance: float) -> Job:
    """The next revision of a job in flight, after a poll that was answered by a task or came to a failure."""
    rest = pause(pace, job.polls + 1, chance)
    if isinstance(answer, Failure):
        return _after_failure(job, answer, now=now, rest=rest, retention=retention)
    if answer.state is JobState.SUCCEEDED and answer.assets:
        return retention.renew(job.succeeded(assets=answer.assets, now=now, description=answer.description))
    if answer.state is JobState.SUCCEEDED:
        return retention.renew(job.failed(VendorFailed("MuleRun says the task succeeded, but it made no file"), now=now))
    if answer.state is JobState.FAILED:
        failure = answer.failure or VendorFailed("the vendor failed the task without saying why")
        return retention.renew(job.failed(failure, now=now))
    running = JobState.RUNNING in (answer.state, job.state)
    return job.polled(
        state=JobState.RUNNING if running else JobState.QUEUED,
        progress=estimate(job.kind, now - job.created_at) if running else 0,
        now=now,
        poll_at=now + rest,
    )


def passes(failure: Failure) -> bool:
    """The poll failed in a way, a fault of our own among them, that says nothing about the task."""
    return isinstance(failure, UpstreamUnavailable | RateLimited | Internal)


def _after_failure(job: Job, failure: Failure, *, now: float, rest: float, retention: Retention) -> Job:
    poll_at = now + max(rest, failure.retry_after or 0.0)
    if passes(failure):
        # Not counted: an outage that ends in one stray 404 must not look like a long run of refusals.
        return job.evolve(now, poll_at=poll_at, polls=job.polls + 1)
    refused = job.unanswered(now=now, poll_at=poll_at)
    if _is_final(failure) or _is_believed(refused, now):
        return retention.renew(job.failed(failure, now=now))
    return refused


def _is_final(failure: Failure) -> bool:
    return isinstance(failure, OutOfCredits) or failure.metadata.get("upstream_status") in FINAL_STATUSES


def _is_believed(refused: Job, now: float) -> bool:
    since = refused.poll_errors_since
    return refused.poll_errors >= REFUSALS and since is not None and now - since >= REFUSED_FOR

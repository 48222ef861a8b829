import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.domain.errors import (
    Failure,
    Internal,
    OutOfCredits,
    RateLimited,
    UpstreamCredentialRefused,
    UpstreamRefused,
    UpstreamUnavailable,
    VendorFailed,
)
from services.domain.job import Job, JobState, Task
from services.jobs.backoff import Pace
from services.jobs.retention import Retention
from services.jobs.settle import settle
from tests.worlds import NOON, PICTURE, a_queued_job, broken, finished, running

PACE = Pace(jitter=0.0)
RETENTION = Retention(seconds=1000.0)


def after(job: Job, answer: Task | Failure, now: float = NOON + 2.0) -> Job:
    return settle(job, answer, now=now, pace=PACE, retention=RETENTION, chance=0.0)


def refused(status: int) -> Failure:
    return UpstreamRefused(f"HTTP {status}", metadata={"upstream_status": str(status)})


def test_a_task_that_has_its_assets_makes_the_job_succeed() -> None:
    job = after(a_queued_job(), replace(finished(), description="a square"))
    assert job.state is JobState.SUCCEEDED
    assert job.assets == (PICTURE,)
    assert job.description == "a square"
    assert job.progress == 100
    assert job.completed_at == NOON + 2.0
    assert job.poll_at is None
    assert job.revision == 2


def test_a_success_without_assets_is_a_failure_that_says_so() -> None:
    job = after(a_queued_job(), Task(id="task-1", state=JobState.SUCCEEDED))
    assert job.state is JobState.FAILED
    assert job.failure is not None
    assert (job.failure.reason, job.failure.message) == ("VENDOR_ERROR", "MuleRun says the task succeeded, but it made no file")


def test_a_failed_task_keeps_the_vendors_code() -> None:
    job = after(a_queued_job(), broken(VendorFailed("it broke", metadata={"vendor_code": "3005"})))
    assert job.failure is not None
    assert job.failure.vendor_code == "3005"


def test_a_failed_task_without_a_diagnostic_still_says_why() -> None:
    job = after(a_queued_job(), Task(id="task-1", state=JobState.FAILED))
    assert job.failure is not None
    assert job.failure.message == "the vendor failed the task without saying why"


def test_a_running_task_is_polled_again_later_and_later() -> None:
    job, waits = a_queued_job(), []
    for _ in range(6):
        now = job.poll_at or 0.0
        job = after(job, running(), now)
        waits.append((job.poll_at or 0.0) - now)
    assert job.state is JobState.RUNNING
    assert waits == pytest.approx([3.0, 4.5, 6.75, 10.0, 10.0, 10.0])


def test_a_running_job_does_not_go_back_to_queued() -> None:
    job = after(after(a_queued_job(), running()), Task(id="task-1", state=JobState.QUEUED))
    assert job.state is JobState.RUNNING


def test_a_queued_job_shows_no_progress() -> None:
    assert after(a_queued_job(), Task(id="task-1", state=JobState.QUEUED), NOON + 500.0).progress == 0


def test_a_result_is_kept_for_the_whole_retention_however_long_it_took() -> None:
    assert after(a_queued_job(expires_at=NOON + 5.0), finished(), NOON + 900.0).expires_at == NOON + 1900.0


def test_a_result_is_kept_for_good_when_retention_is_off() -> None:
    job = settle(a_queued_job(expires_at=NOON), finished(), now=NOON, pace=PACE, retention=Retention(seconds=0.0), chance=0.0)
    assert job.expires_at is None


@pytest.mark.parametrize(
    "failure",
    [OutOfCredits("HTTP 402"), refused(410), UpstreamCredentialRefused("HTTP 403", metadata={"upstream_status": "403"})],
    ids=["402", "410", "403"],
)
def test_a_final_refusal_fails_the_job_at_once(failure: Failure) -> None:
    job = after(a_queued_job(), failure)
    assert job.state is JobState.FAILED
    assert job.failure is not None
    assert job.failure.reason == failure.reason


@pytest.mark.parametrize(
    "failure",
    [refused(404), UpstreamCredentialRefused("HTTP 401", metadata={"upstream_status": "401"}), refused(409)],
    ids=["404", "401", "409"],
)
def test_a_doubtful_refusal_is_believed_after_five_in_a_row_and_a_minute(failure: Failure) -> None:
    job = a_queued_job()
    for second in (2, 12, 22, 32, 42, 52):
        job = after(job, failure, NOON + second)
        assert job.is_in_flight
    assert after(job, failure, NOON + 61).is_in_flight
    assert after(job, failure, NOON + 62).state is JobState.FAILED


def test_few_refusals_over_a_long_time_are_not_believed() -> None:
    job = a_queued_job()
    for second in (2, 1000, 2000, 3000):
        job = after(job, refused(404), NOON + second)
    assert job.is_in_flight
    assert after(job, refused(404), NOON + 4000).state is JobState.FAILED


def test_an_answered_poll_ends_the_row_of_refusals() -> None:
    job = a_queued_job()
    for second in range(0, 200, 20):
        job = after(job, refused(404), NOON + second) if second % 80 else after(job, running(), NOON + second)
    assert job.is_in_flight


def test_an_outage_is_not_a_row_of_refusals() -> None:
    job = a_queued_job()
    for second in range(0, 300, 10):
        job = after(job, UpstreamUnavailable("HTTP 503"), NOON + second)
    assert after(job, refused(404), NOON + 300).is_in_flight


@pytest.mark.parametrize("failure", [UpstreamUnavailable("no"), RateLimited("slow"), Internal("bug")], ids=lambda it: it.reason)
def test_what_may_pass_never_fails_a_job(failure: Failure) -> None:
    job = a_queued_job()
    for day in range(100):
        job = after(job, failure, NOON + 86_400.0 * day)
    assert job.is_in_flight
    assert job.polls == 100


def test_retry_after_is_obeyed_where_it_is_longer_than_the_pace() -> None:
    throttled = RateLimited("slow down", retry_after=37.0)
    assert after(a_queued_job(), throttled).poll_at == NOON + 2.0 + 37.0
    assert after(a_queued_job(), RateLimited("slow down", retry_after=1.0)).poll_at == NOON + 2.0 + 3.0


ANSWERS = st.sampled_from(
    [
        running(),
        finished(),
        Task(id="task-1", state=JobState.QUEUED),
        Task(id="task-1", state=JobState.SUCCEEDED),
        Task(id="task-1", state=JobState.FAILED),
        refused(404),
        refused(410),
        UpstreamUnavailable("HTTP 503"),
        RateLimited("HTTP 429", retry_after=5.0),
    ]
)


@given(st.lists(st.tuples(ANSWERS, st.floats(min_value=-5.0, max_value=500.0)), max_size=40), st.randoms(use_true_random=False))
def test_whatever_the_upstream_says_the_invariants_of_a_job_hold(
    story: list[tuple[Task | Failure, float]], chance: random.Random
) -> None:
    job, now = a_queued_job(), NOON
    for answer, seconds in story:
        now += seconds
        following = settle(job, answer, now=now, pace=Pace(), retention=RETENTION, chance=chance.random())
        assert following.revision == job.revision + 1
        assert following.updated_at >= job.updated_at
        assert following.progress >= job.progress
        assert (following.progress == 100) == (following.state is JobState.SUCCEEDED)
        assert bool(following.assets) == (following.state is JobState.SUCCEEDED)
        assert (following.failure is not None) == (following.state is JobState.FAILED)
        assert (following.poll_at is not None) == following.is_in_flight
        assert (following.completed_at is not None) == following.is_terminal
        assert following.poll_at is None or following.poll_at > now
        if following.is_terminal:
            return
        job = following

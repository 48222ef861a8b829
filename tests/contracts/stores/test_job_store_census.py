"""Every store can say how many jobs have not ended, for metrics."""

from services.domain.job import JobState
from services.domain.ports import JobStore
from tests.worlds import NOON, a_job, finished


async def test_a_census_counts_what_has_not_ended_by_its_state(store: JobStore) -> None:
    assert {state: count for state, count in (await store.census()).items() if count} == {}
    for number in range(4):
        await store.insert(a_job(id=f"image_{number}"), owner="core", lease_until=NOON + 60)
    for number, state in ((1, JobState.QUEUED), (2, JobState.RUNNING), (3, JobState.QUEUED)):
        job = a_job(id=f"image_{number}").submitted(task_id=f"task-{number}", state=state, now=NOON, poll_at=NOON + 2)
        assert await store.save(job)
    assert await store.census() == {JobState.SUBMITTING: 1, JobState.QUEUED: 2, JobState.RUNNING: 1}

    ended = job.succeeded(assets=finished().assets, now=NOON + 3)
    assert await store.save(ended)
    assert await store.census() == {JobState.SUBMITTING: 1, JobState.QUEUED: 1, JobState.RUNNING: 1}

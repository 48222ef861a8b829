"""What every JobStore promises of tasks: a job in flight is found by the task that it is for."""

import pytest

from services.domain.errors import OutOfCredits
from services.domain.ports import JobStore
from tests.contracts.stores.test_job_store import LEASE, put
from tests.worlds import NOON, PICTURE, a_job, a_queued_job


async def test_a_job_in_flight_is_found_by_its_task(store: JobStore) -> None:
    jobs = [await put(store, a_queued_job(id=f"image_{number}", task_id=f"task-{number}")) for number in range(3)]
    assert [await store.by_task(f"task-{number}") for number in range(3)] == jobs


async def test_a_job_that_somebody_polls_just_now_is_found_too(store: JobStore) -> None:
    job = await put(store, a_queued_job())
    await store.claim(owner="core", now=NOON + 2, lease_until=LEASE, limit=1)
    assert await store.by_task("task-1") == job


@pytest.mark.parametrize("task_id", ["", "task-2", "task-", "TASK-1"])
async def test_another_task_finds_nothing(store: JobStore, task_id: str) -> None:
    await put(store, a_queued_job())
    await store.insert(a_job(id="image_2"), owner="core", lease_until=LEASE)
    assert await store.by_task(task_id) is None


async def test_a_job_that_is_settled_is_not_found(store: JobStore) -> None:
    await put(store, a_queued_job(id="image_1", task_id="task-1").succeeded(assets=(PICTURE,), now=NOON))
    await put(store, a_queued_job(id="image_2", task_id="task-2").failed(OutOfCredits("no"), now=NOON))
    assert await store.by_task("task-1") is None
    assert await store.by_task("task-2") is None

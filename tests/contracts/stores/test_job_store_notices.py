"""What every JobStore promises of telling the outside: a message is one core's at a time, and is lost by none."""

import asyncio

from services.domain.errors import OutOfCredits
from services.domain.job import Job
from services.domain.ports import JobStore
from tests.contracts.stores.test_job_store import LEASE, put
from tests.worlds import NOON, PICTURE, a_queued_job


def ended(number: int, *, notify_at: float | None = NOON) -> Job:
    job = a_queued_job(id=f"image_{number}", task_id=f"task-{number}", notify_at=notify_at)
    return job.succeeded(assets=(PICTURE,), now=NOON) if number % 2 else job.failed(OutOfCredits("no"), now=NOON)


async def claimed(store: JobStore, *, now: float = NOON, until: float = LEASE, limit: int = 9) -> list[str]:
    return sorted(job.id for job in await store.claim_notices(now=now, until=until, limit=limit))


async def test_what_is_due_is_claimed_longest_due_first(store: JobStore) -> None:
    for number, notify_at in enumerate([NOON - 1, NOON - 3, NOON - 2, NOON + 1, None]):
        await put(store, ended(number, notify_at=notify_at))
    assert await claimed(store, limit=2) == ["image_1", "image_2"]
    assert await claimed(store) == ["image_0"]
    assert await claimed(store, now=NOON + 1) == ["image_3"]


async def test_a_claim_counts_a_try_and_holds_until_its_time(store: JobStore) -> None:
    await put(store, ended(1))
    (job,) = await store.claim_notices(now=NOON, until=LEASE, limit=9)
    assert (job.notify_tries, job.notify_at) == (1, LEASE)
    assert await store.get(job.id) == job
    assert await claimed(store, now=LEASE - 0.1) == []
    (again,) = await store.claim_notices(now=LEASE, until=LEASE + 60, limit=9)
    assert again.notify_tries == 2


async def test_a_claim_leaves_the_revision_so_that_watchers_see_nothing(store: JobStore) -> None:
    await put(store, ended(1))
    (job,) = await store.claim_notices(now=NOON, until=LEASE, limit=9)
    assert job.revision == ended(1).revision


async def test_what_is_put_off_comes_at_its_time_and_what_is_struck_out_never(store: JobStore) -> None:
    await put(store, ended(1))
    await put(store, ended(2))
    await claimed(store)
    await store.put_off("image_1", NOON + 5)
    await store.put_off("image_2", None)
    await store.put_off("image_0", NOON)
    assert await claimed(store, now=NOON + 5) == ["image_1"]
    assert await claimed(store, now=NOON + 1e6) == ["image_1"]


async def test_of_many_that_claim_at_once_each_message_goes_to_one(store: JobStore) -> None:
    for number in range(20):
        await put(store, ended(number))
    claims = await asyncio.gather(*(store.claim_notices(now=NOON, until=LEASE, limit=3) for _ in range(10)))
    found = [job.id for claim in claims for job in claim]
    assert len(found) == len(set(found)) == 20


async def test_what_is_told_once_more_counts_its_tries_anew_and_leaves_the_revision(store: JobStore) -> None:
    await put(store, ended(1))
    await claimed(store)
    await store.put_off("image_1", None)
    await store.put_off("image_1", NOON, tries=0)
    (again,) = await store.claim_notices(now=NOON, until=LEASE, limit=9)
    assert (again.notify_tries, again.revision) == (1, ended(1).revision)

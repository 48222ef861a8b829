"""What every JobStore promises. A new store is added in conftest.py and has to pass as it is."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from services.domain.errors import OutOfCredits, VendorFailed
from services.domain.job import Asset, AssetKind, Job, JobQuery, JobState
from services.domain.model import ModelKind
from services.domain.ports import JobStore
from tests.worlds import NOON, PICTURE, a_job, a_queued_job

LEASE = NOON + 60.0


async def put(store: JobStore, job: Job, *, owner: str = "core", lease_until: float = LEASE) -> Job:
    """Inserts a job and ends its lease, so that it stands in the store as the engine leaves it."""
    await store.insert(replace(job, revision=job.revision - 1), owner=owner, lease_until=lease_until)
    assert await store.save(job)
    return job


async def test_a_job_comes_back_as_it_was_written(store: JobStore) -> None:
    job = a_job(
        id="video_1",
        kind=ModelKind.VIDEO,
        prompt='Zeichne "ein" \U0001f600\n\x00 Quadrat',
        size="1280x720",
        seconds="8",
        settings={"seed": 7, "nested": {"list": [1, 2.5, None, True, "ü"]}},
        caller="caller",
        request_id="request",
        fingerprint="abc",
        remix_of_id="video_0",
        expires_at=NOON + 0.123456789,
        revision=1,
    )
    assert await store.insert(job, owner="core", lease_until=LEASE) == job
    assert await store.get("video_1") == job


async def test_every_state_comes_back_as_it_was_saved(store: JobStore) -> None:
    job = await store.insert(a_job(), owner="core", lease_until=LEASE)
    steps: list[Callable[[Job], Job]] = [
        lambda it: it.submitted(task_id="task-1", state=JobState.QUEUED, now=NOON + 1, poll_at=NOON + 3),
        lambda it: it.polled(state=JobState.RUNNING, progress=33, now=NOON + 3, poll_at=NOON + 6.5),
        lambda it: it.unanswered(now=NOON + 6.5, poll_at=NOON + 11),
        lambda it: it.succeeded(
            assets=(PICTURE, Asset(kind=AssetKind.AUDIO, url="https://assets.test/2", size_bytes=1 << 40, seconds=0.25)),
            now=NOON + 12,
            description="a square",
        ),
    ]
    for step in steps:
        job = step(job)
        assert await store.save(job)
        assert await store.get(job.id) == job


async def test_a_failure_comes_back_as_it_was_saved(store: JobStore) -> None:
    job = await store.insert(a_job(), owner="core", lease_until=LEASE)
    failed = job.failed(VendorFailed("the vendor broke", metadata={"vendor_code": "3005"}), now=NOON)
    assert await store.save(failed)
    stored = await store.get(job.id)
    assert stored is not None
    assert stored.failure == failed.failure


async def test_an_unknown_job_is_none(store: JobStore) -> None:
    assert await store.get("image_0") is None
    assert await store.delete("image_0") is None
    assert not await store.save(a_queued_job(id="image_0"))


async def test_only_the_next_revision_is_saved(store: JobStore) -> None:
    job = await store.insert(a_job(), owner="core", lease_until=LEASE)
    following = job.submitted(task_id="task-1", state=JobState.QUEUED, now=NOON, poll_at=NOON)
    assert not await store.save(job)
    assert not await store.save(following.evolve(NOON))
    assert await store.save(following)
    assert not await store.save(following)
    assert await store.get(job.id) == following


async def test_of_two_that_save_at_once_one_is_told_no(store: JobStore) -> None:
    job = await store.insert(a_job(), owner="core", lease_until=LEASE)
    ours = job.submitted(task_id="task-1", state=JobState.QUEUED, now=NOON, poll_at=NOON)
    theirs = job.failed(OutOfCredits("no"), now=NOON)
    assert sorted(await asyncio.gather(store.save(ours), store.save(theirs))) == [False, True]


async def test_a_deleted_job_is_returned_and_gone(store: JobStore) -> None:
    job = await put(store, a_queued_job())
    assert await store.delete(job.id) == job
    assert await store.get(job.id) is None
    assert not await store.save(job.evolve(NOON))
    assert await store.next_due() is None


async def test_a_request_id_is_one_job_of_its_caller(store: JobStore) -> None:
    first = await store.insert(a_job(id="image_1", caller="a", request_id="r"), owner="core", lease_until=LEASE)
    again = await store.insert(a_job(id="image_2", caller="a", request_id="r"), owner="core", lease_until=LEASE)
    other = await store.insert(a_job(id="image_3", caller="b", request_id="r"), owner="core", lease_until=LEASE)
    assert (again, other.id) == (first, "image_3")
    assert await store.get("image_2") is None


async def test_an_empty_request_id_is_never_taken(store: JobStore) -> None:
    for job_id in ("image_1", "image_2"):
        assert (await store.insert(a_job(id=job_id), owner="core", lease_until=LEASE)).id == job_id


async def test_a_taken_request_id_leaves_its_holder_untouched(store: JobStore) -> None:
    job = await put(store, a_queued_job(request_id="r"))
    assert await store.insert(a_job(id="image_2", request_id="r"), owner="other", lease_until=LEASE) == job
    assert await store.claim(owner="core", now=NOON + 2, lease_until=LEASE, limit=1) == [job]


async def test_a_request_id_is_free_again_when_its_job_lets_go_of_it_or_is_forgotten(store: JobStore) -> None:
    job = await store.insert(a_job(id="image_1", request_id="r"), owner="core", lease_until=LEASE)
    assert await store.save(job.evolve(NOON, request_id=""))
    assert (await store.insert(a_job(id="image_2", request_id="r"), owner="core", lease_until=LEASE)).id == "image_2"
    await store.delete("image_2")
    assert (await store.insert(a_job(id="image_3", request_id="r"), owner="core", lease_until=LEASE)).id == "image_3"


async def test_of_many_with_one_request_id_at_once_all_get_the_same_job(store: JobStore) -> None:
    jobs = [a_job(id=f"image_{number}", request_id="r") for number in range(20)]
    held = await asyncio.gather(*(store.insert(job, owner="core", lease_until=LEASE) for job in jobs))
    assert len({job.id for job in held}) == 1


async def test_claims_take_due_jobs_most_overdue_first(store: JobStore) -> None:
    for number, poll_at in enumerate([NOON + 3, NOON + 1, NOON + 2, NOON + 9]):
        await put(store, a_queued_job(id=f"image_{number}", poll_at=poll_at))
    claimed = await store.claim(owner="core", now=NOON + 5, lease_until=LEASE, limit=2)
    assert [job.id for job in claimed] == ["image_1", "image_2"]
    claimed = await store.claim(owner="core", now=NOON + 5, lease_until=LEASE, limit=9)
    assert [job.id for job in claimed] == ["image_0"]


async def test_a_claimed_job_is_nobody_elses_until_its_lease_ends(store: JobStore) -> None:
    job = await put(store, a_queued_job())
    assert await store.claim(owner="core", now=NOON + 2, lease_until=LEASE, limit=9) == [job]
    assert await store.claim(owner="core", now=LEASE - 0.1, lease_until=LEASE, limit=9) == []
    assert await store.next_due() == LEASE
    assert await store.claim(owner="other", now=LEASE, lease_until=LEASE + 60, limit=9) == [job]


async def test_saving_ends_a_lease(store: JobStore) -> None:
    job = await put(store, a_queued_job())
    await store.claim(owner="core", now=NOON + 2, lease_until=LEASE, limit=1)
    following = job.polled(state=JobState.RUNNING, progress=1, now=NOON + 2, poll_at=NOON + 5)
    assert await store.save(following)
    assert await store.next_due() == NOON + 5
    assert await store.claim(owner="core", now=NOON + 5, lease_until=LEASE, limit=1) == [following]


async def test_of_many_that_claim_at_once_each_job_goes_to_one(store: JobStore) -> None:
    for number in range(20):
        await put(store, a_queued_job(id=f"image_{number}"))
    claims = await asyncio.gather(
        *(store.claim(owner=f"core-{number}", now=NOON + 2, lease_until=LEASE, limit=3) for number in range(10))
    )
    claimed = [job.id for claim in claims for job in claim]
    assert len(claimed) == len(set(claimed)) == 20


async def test_only_jobs_in_flight_are_claimed(store: JobStore) -> None:
    await store.insert(a_job(id="image_1"), owner="core", lease_until=NOON)
    await put(store, a_queued_job(id="image_2").failed(OutOfCredits("no"), now=NOON))
    assert await store.claim(owner="core", now=NOON + 1e6, lease_until=LEASE, limit=9) == []
    assert await store.next_due() is None


async def test_the_next_due_time_is_the_nearest(store: JobStore) -> None:
    for number, poll_at in enumerate([NOON + 3, NOON + 1, NOON + 2]):
        await put(store, a_queued_job(id=f"image_{number}", poll_at=poll_at))
    assert await store.next_due() == NOON + 1


async def test_a_submission_is_abandoned_when_its_lease_has_ended(store: JobStore) -> None:
    job = await store.insert(a_job(), owner="core", lease_until=LEASE)
    assert await store.abandoned(owner="core", now=LEASE - 1) == []
    assert await store.abandoned(owner="core", now=LEASE) == [job]
    assert await store.abandoned(owner="other", now=LEASE) == [job]


async def test_a_renewed_lease_ends_later(store: JobStore) -> None:
    job = await store.insert(a_job(), owner="core", lease_until=LEASE)
    await store.renew({job.id, "image_0"}, owner="core", lease_until=LEASE + 60)
    assert await store.abandoned(owner="core", now=LEASE + 59) == []
    assert await store.abandoned(owner="core", now=LEASE + 60) == [job]


async def test_only_its_holder_renews_a_lease_and_only_on_a_submission(store: JobStore) -> None:
    await store.insert(a_job(id="image_1"), owner="core", lease_until=LEASE)
    queued = await put(store, a_queued_job(id="image_2"))
    assert await store.claim(owner="core", now=NOON + 2, lease_until=LEASE, limit=1) == [queued]
    await store.renew(["image_1"], owner="other", lease_until=LEASE + 60)
    await store.renew(["image_2"], owner="core", lease_until=LEASE + 60)
    assert [job.id for job in await store.abandoned(owner="core", now=LEASE)] == ["image_1"]
    assert await store.next_due() == LEASE


async def test_renewing_nothing_asks_the_store_all_the_same(store: JobStore) -> None:
    await store.renew((), owner="core", lease_until=LEASE)


async def test_a_job_that_was_submitted_is_not_abandoned(store: JobStore) -> None:
    await put(store, a_queued_job())
    assert await store.abandoned(owner="other", now=LEASE) == []


@pytest.mark.parametrize(("now", "left"), [(99, {"done", "flying", "kept"}), (100, {"flying", "kept"}), (400, {"kept"})])
async def test_terminal_jobs_expire_at_their_time_and_others_a_grace_later(store: JobStore, now: int, left: set[str]) -> None:
    await put(store, a_queued_job(id="flying", expires_at=NOON + 100))
    await put(store, a_queued_job(id="done", expires_at=NOON + 100).failed(OutOfCredits("no"), now=NOON))
    await put(store, a_queued_job(id="kept").failed(OutOfCredits("no"), now=NOON))
    assert await store.expire(now=NOON + now, in_flight_grace=300.0) == 3 - len(left)
    assert {job.id for job in await store.page(JobQuery())} == left


async def test_a_submission_that_hangs_expires_like_a_job_in_flight(store: JobStore) -> None:
    await store.insert(a_job(expires_at=NOON + 100), owner="core", lease_until=LEASE)
    assert await store.expire(now=NOON + 399, in_flight_grace=300.0) == 0
    assert await store.expire(now=NOON + 400, in_flight_grace=300.0) == 1


async def test_pages_run_newest_first_or_oldest_first_without_gaps_or_repeats(store: JobStore) -> None:
    ages = [0, 1, 1, 1, 2, 3, 3]
    for number, age in enumerate(ages):
        await put(store, a_queued_job(id=f"image_{number}", created_at=NOON + age))
    for oldest_first, expected in ((True, [0, 1, 2, 3, 4, 5, 6]), (False, [6, 5, 4, 3, 2, 1, 0])):
        seen: list[str] = []
        after: tuple[float, str] | None = None
        while jobs := await store.page(JobQuery(limit=2, oldest_first=oldest_first, after=after)):
            assert len(jobs) <= 2
            seen += [job.id for job in jobs]
            after = (jobs[-1].created_at, jobs[-1].id)
        assert seen == [f"image_{number}" for number in expected]


@pytest.mark.parametrize("oldest_first", [False, True])
async def test_a_page_begins_after_a_place_whatever_came_or_went(store: JobStore, oldest_first: bool) -> None:
    """Two jobs of one moment are told apart by their ids; the job that stood at the place may be gone."""
    for number, age in enumerate([0, 1, 1, 2, 3]):
        await put(store, a_queued_job(id=f"image_{number}", created_at=NOON + age))
    first = await store.page(JobQuery(limit=2, oldest_first=oldest_first))
    place = (first[-1].created_at, first[-1].id)
    for gone in (first[0].id, first[-1].id, "image_2"):
        assert await store.delete(gone)
    await put(store, a_queued_job(id="image_5", created_at=NOON - 1 if oldest_first else NOON + 4))
    rest = await store.page(JobQuery(limit=10, oldest_first=oldest_first, after=place))
    assert [job.id for job in rest] == (["image_3", "image_4"] if oldest_first else ["image_1", "image_0"])


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (JobQuery(kinds=frozenset({ModelKind.VIDEO})), {"video_1"}),
        (JobQuery(kinds=frozenset({ModelKind.VIDEO, ModelKind.IMAGE})), {"video_1", "image_1", "image_2"}),
        (JobQuery(states=frozenset({JobState.FAILED})), {"image_2"}),
        (JobQuery(states=frozenset({JobState.QUEUED}), kinds=frozenset({ModelKind.IMAGE})), {"image_1"}),
        (JobQuery(model="veo-3.1"), {"video_1"}),
        (JobQuery(caller="somebody"), {"image_1"}),
        (JobQuery(caller=""), {"video_1", "image_2"}),
        (JobQuery(model="none"), set()),
    ],
)
async def test_a_page_shows_what_the_query_asks_for(store: JobStore, query: JobQuery, found: set[str]) -> None:
    await put(store, a_queued_job(id="video_1", kind=ModelKind.VIDEO, model="veo-3.1"))
    await put(store, a_queued_job(id="image_1", caller="somebody"))
    await put(store, a_queued_job(id="image_2").failed(OutOfCredits("no"), now=NOON))
    assert {job.id for job in await store.page(query)} == found


async def test_a_store_that_can_be_written_to_answers_a_ping(store: JobStore) -> None:
    await store.ping()


async def test_a_caller_that_is_cancelled_at_any_moment_leaves_the_store_whole(store: JobStore) -> None:
    for number in range(25):
        insert = asyncio.ensure_future(store.insert(a_job(id=f"image_{number}"), owner="core", lease_until=LEASE))
        for _ in range(number % 5):
            await asyncio.sleep(0)
        insert.cancel()
        await asyncio.wait([insert])
    await put(store, a_queued_job(id="video_1"))
    jobs = await store.page(JobQuery(limit=100))
    assert {job.id for job in jobs} >= {"video_1"}
    assert all(job.state is JobState.SUBMITTING for job in jobs if job.id != "video_1")

"""What MuleRun says by itself: whom the inbox believes, and what becomes of jobs."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.domain.errors import InvalidRequest, StoreUnavailable, VendorFailed
from services.domain.job import Job, JobState, Task
from services.jobs.inbox import SKEW, Delivery, Inbox, check, sign
from services.stores.memory import MemoryStore
from tests.worlds import NOON, World, an_order, broken, finished, running

SECRET = "whsec_c2VjcmV0"


def delivery(body: bytes = b"{}", *, at: float = NOON, delivery_id: str = "dlv_1", secret: str = SECRET) -> Delivery:
    timestamp = str(int(at))
    return Delivery(id=delivery_id, timestamp=timestamp, signature=sign(delivery_id, timestamp, body, secret=secret), body=body)


def refused(told: Delivery) -> str:
    with pytest.raises(InvalidRequest) as failed:
        check(told, secret=SECRET, now=NOON)
    return failed.value.message


def test_the_signature_is_the_documented_one() -> None:
    # printf 'id.1800000000.{"a":1}' | openssl dgst -sha256 -hmac whsec_test
    expected = "v1=c6caabd9df1b14945d851892062b94447c5d6d459ef4def43a9b2a15d27d46d3"
    assert sign("id", "1800000000", b'{"a":1}', secret="whsec_test") == expected


@given(body=st.binary(), delivery_id=st.text())
def test_whatever_was_signed_with_the_secret_is_believed(body: bytes, delivery_id: str) -> None:
    check(delivery(body, delivery_id=delivery_id), secret=SECRET, now=NOON)


@given(body=st.binary(), forged=st.binary())
def test_another_body_is_refused(body: bytes, forged: bytes) -> None:
    if body != forged:
        assert refused(replace(delivery(body), body=forged)).startswith("signature: ")


@pytest.mark.parametrize(
    "told",
    [
        delivery(secret="whsec_other"),
        delivery(secret=""),
        replace(delivery(), id="dlv_2"),
        replace(delivery(), timestamp=str(int(NOON) + 1)),
        replace(delivery(), signature="v1="),
        replace(delivery(), signature="v1=ü"),
        replace(delivery(), signature=delivery().signature.removeprefix("v1=")),
        replace(delivery(), signature=delivery().signature.upper()),
    ],
)
def test_what_the_secret_did_not_sign_is_refused_and_the_setting_is_named(told: Delivery) -> None:
    assert refused(told) == ("signature: does not fit the delivery: CLI2API_WEBHOOK_SECRET has to be the secret that signed it")


@pytest.mark.parametrize("field", ["timestamp", "signature"])
def test_a_missing_header_is_named(field: str) -> None:
    bare = {"timestamp": replace(delivery(), timestamp=""), "signature": replace(delivery(), signature="")}
    assert refused(bare[field]) == f"{field}: is required"


@pytest.mark.parametrize("distance", [SKEW, -SKEW])
def test_a_delivery_of_the_last_or_next_five_minutes_is_of_now(distance: float) -> None:
    check(delivery(at=NOON + distance), secret=SECRET, now=NOON)


@pytest.mark.parametrize("distance", [SKEW + 1, -SKEW - 1])
def test_an_older_or_later_delivery_is_refused_though_it_is_signed_well(distance: float) -> None:
    assert refused(delivery(at=NOON + distance)).startswith("timestamp: is more than 300 s from now")


def test_a_time_that_is_no_number_is_refused_though_it_is_signed_well() -> None:
    signed = Delivery(id="a", timestamp="noon", signature=sign("a", "noon", b"", secret=SECRET), body=b"")
    assert refused(signed) == "timestamp: has to be unix seconds"


class House:
    """A job in flight, and an inbox that reads its tasks out of a table."""

    def __init__(self, world: World, job: Job) -> None:
        self.world = world
        self.job = job
        self.told: dict[bytes, Task | None] = {}
        self.engine = world.engine()
        self.inbox = Inbox(engine=self.engine, secret=SECRET, read=lambda body: self.told[body], clock=world.clock)

    @classmethod
    async def open(cls, world: World) -> "House":
        world.mulerun.script = lambda task_id, _: running(task_id)
        return cls(world, await world.engine().submit(an_order()))

    async def hear(self, task: Task | None) -> Job | None:
        self.told[b"body"] = task
        return await self.inbox.receive(delivery(b"body", at=self.world.clock.now()))


async def test_a_task_that_is_done_settles_its_job_at_once_and_wakes_who_waits() -> None:
    house = await House.open(World())
    waiting = asyncio.ensure_future(house.engine.wait(house.job.id))
    heard = await house.hear(finished(house.job.task_id))
    assert heard == await waiting == await house.engine.get(house.job.id)
    assert heard is not None
    assert (heard.state, heard.progress, len(heard.assets)) == (JobState.SUCCEEDED, 100, 1)
    assert house.world.mulerun.polls.total() == 0


async def test_a_task_that_failed_fails_its_job_with_the_vendors_words() -> None:
    house = await House.open(World())
    heard = await house.hear(broken(VendorFailed("no", metadata={"vendor_code": "3005"}), house.job.task_id))
    assert heard is not None
    assert heard.failure is not None
    assert (heard.state, heard.failure.reason, heard.failure.vendor_code) == (JobState.FAILED, "VENDOR_ERROR", "3005")


async def test_a_delivery_that_comes_twice_changes_nothing_the_second_time() -> None:
    house = await House.open(World())
    first = await house.hear(finished(house.job.task_id))
    assert await house.hear(finished(house.job.task_id)) is None
    assert await house.hear(broken(VendorFailed("no"), house.job.task_id)) is None
    assert await house.engine.get(house.job.id) == first


@pytest.mark.parametrize("task", [None, finished("task-of-somebody-else")])
async def test_what_speaks_of_no_task_of_ours_changes_nothing(task: Task | None) -> None:
    house = await House.open(World())
    assert await house.hear(task) is None
    assert await house.engine.get(house.job.id) == house.job


async def test_a_task_that_goes_on_changes_nothing() -> None:
    house = await House.open(World())
    assert await house.hear(running(house.job.task_id)) is None
    assert await house.engine.get(house.job.id) == house.job


async def test_a_body_is_not_read_before_its_signature_is_found_good() -> None:
    house = await House.open(World())
    forged = replace(delivery(b"never read"), signature="v1=forged")
    with pytest.raises(InvalidRequest, match="signature"):
        await house.inbox.receive(forged)


async def test_a_poll_that_is_under_way_meanwhile_does_no_harm() -> None:
    house = await House.open(World())
    house.world.mulerun.answering.clear()
    async with house.engine:
        await house.world.clock.advance(3)
        assert house.world.mulerun.polls.total() == 1
        heard = await house.hear(finished(house.job.task_id))
        house.world.mulerun.answering.set()
        await house.world.clock.advance(60)
        assert await house.engine.get(house.job.id) == heard
        assert house.world.mulerun.polls.total() == 1


async def test_a_poll_that_is_written_down_in_between_does_not_lose_the_word() -> None:
    class Hasty(MemoryStore):
        """Between being read and being saved, the job is changed by a poll."""

        async def by_task(self, task_id: str) -> Job | None:
            job = await super().by_task(task_id)
            if job is not None and job.polls == 0:
                polled = job.polled(state=JobState.RUNNING, progress=1, now=NOON, poll_at=NOON + 9)
                assert await self.save(polled)
            return job

    house = await House.open(World(store=Hasty()))
    heard = await house.hear(finished(house.job.task_id))
    assert heard is not None
    assert (heard.state, heard.polls) == (JobState.SUCCEEDED, 1)


async def test_a_store_that_is_away_refuses_the_delivery_so_that_it_comes_again() -> None:
    class Away(MemoryStore):
        async def by_task(self, task_id: str) -> Job | None:
            raise StoreUnavailable("away")

    house = await House.open(World(store=Away()))
    with pytest.raises(StoreUnavailable):
        await house.hear(finished(house.job.task_id))

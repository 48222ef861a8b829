"""What cores on one PostgreSQL tell each other, beyond what every shared store tells."""

from services.domain.job import JobState
from tests.contracts.stores.databases import opened
from tests.contracts.stores.ears import listening
from tests.postgres import Server
from tests.worlds import NOON, a_job, a_queued_job

LEASE = NOON + 60.0


async def test_a_job_in_flight_that_expires_is_heard_of_and_a_terminal_one_is_not(postgres: Server) -> None:
    async with opened(await postgres.fresh()) as store, listening(store) as ears:
        for job in (a_job(id="done", expires_at=NOON), a_job(id="flying", expires_at=NOON)):
            await store.insert(job, owner="core", lease_until=LEASE)
        assert await store.save(a_queued_job(id="done", expires_at=NOON, revision=2, state=JobState.FAILED))
        assert await ears.next() == ("done", 2)
        assert await store.expire(now=NOON, in_flight_grace=0.0) == 2
        assert await ears.next() == ("flying", 2)


async def test_a_foreign_word_on_our_channel_is_passed_over(postgres: Server) -> None:
    async with opened(await postgres.fresh()) as store, listening(store) as ears:
        for word in ("", "hello", "image_1 two", "image_1 7"):
            await postgres.tell(f"SELECT pg_notify('cli2api_jobs', '{word}')")
        assert await ears.next() == ("image_1", 7)


async def test_after_a_gap_anything_may_have_changed(postgres: Server) -> None:
    async with opened(await postgres.fresh()) as store, listening(store) as ears:
        await postgres.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'cli2api listener'")
        assert await ears.next() == ("", 0)
        assert await store.insert(a_job(), owner="core", lease_until=LEASE) == a_job()
        await store.delete("image_1")
        assert await ears.next() == ("image_1", 2)

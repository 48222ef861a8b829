"""What cores on one libSQL database tell each other, beyond what every shared store tells."""

from tests.contracts.stores.databases import opened
from tests.contracts.stores.ears import listening
from tests.hrana import Hrana
from tests.worlds import NOON, a_job, a_queued_job

LEASE = NOON + 60.0


async def test_what_changed_while_the_server_was_away_is_heard_when_it_is_back(libsql: Hrana) -> None:
    dsn = libsql.fresh()
    async with opened(dsn) as store, listening(store) as ears:
        await store.insert(a_job(), owner="core", lease_until=LEASE)
        libsql.stop()
        libsql.tell(dsn, "UPDATE jobs SET revision = 2")
        libsql.start()
        assert await ears.next() == ("image_1", 2)


async def test_claims_and_renewals_are_no_changes_and_expiry_is_one(libsql: Hrana) -> None:
    async with opened(libsql.fresh()) as store, listening(store) as ears:
        await store.insert(a_job(expires_at=NOON), owner="core", lease_until=LEASE)
        await store.renew(["image_1"], owner="core", lease_until=LEASE + 1)
        assert await store.save(a_queued_job(revision=2, expires_at=NOON))
        await store.claim(owner="core", now=NOON + 9, lease_until=LEASE, limit=1)
        assert await store.expire(now=NOON, in_flight_grace=0.0) == 1
        assert [await ears.next(), await ears.next()] == [("image_1", 2), ("image_1", 3)]


async def test_many_changes_at_once_are_all_heard_in_order(libsql: Hrana) -> None:
    dsn = libsql.fresh()
    async with opened(dsn) as store, listening(store) as ears:
        libsql.tell(
            dsn,
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)"
            " INSERT INTO changes (id, revision) SELECT 'image_1', i FROM n",
        )
        assert [(await ears.next())[1] for _ in range(2500)] == list(range(1, 2501))


async def test_after_a_gap_anything_may_have_changed(libsql: Hrana) -> None:
    dsn = libsql.fresh()
    async with opened(dsn) as store, listening(store) as ears:
        libsql.tell(dsn, "INSERT INTO changes (id, revision) VALUES ('image_1', 7)")
        assert await ears.next() == ("image_1", 7)
        # A backup from before that change.
        libsql.tell(dsn, "DELETE FROM changes")
        assert await ears.next() == ("", 0)


async def test_changes_do_not_grow_without_end(libsql: Hrana) -> None:
    dsn = libsql.fresh()
    async with opened(dsn):
        libsql.tell(dsn, "INSERT INTO changes VALUES (50000, 'image_1', 1)")
        libsql.tell(dsn, "INSERT INTO changes (id, revision) VALUES ('image_2', 1)")
        assert libsql.tell(dsn, "SELECT count(*) FROM changes") == [(2,)]
        libsql.tell(dsn, "INSERT INTO changes VALUES (60000, 'image_3', 1)")
        assert libsql.tell(dsn, "SELECT number FROM changes") == [(50001,), (60000,)]

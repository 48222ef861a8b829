"""What PostgreSQL adds to the promises of every store: a schema that grows, refusals, and a server that goes away."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from services.domain.errors import StoreUnavailable
from services.domain.job import JobQuery
from services.stores.dsn import open_store
from services.stores.postgres_server import CAUSES, cause
from services.stores.queries import Migration, migrations
from tests.contracts.stores.databases import opened
from tests.postgres import Server
from tests.worlds import NOON, a_job

LEASE = NOON + 60.0
STEPS = migrations("postgres")
NOWHERE = "postgresql://me:hidden@127.0.0.1:1/jobs"


async def refusal(dsn: str) -> str:
    with pytest.raises(StoreUnavailable) as caught:
        await open_store(dsn, Path())
    return caught.value.message


# The schema


@pytest.mark.parametrize("version", range(len(STEPS) + 1))
async def test_a_database_of_any_version_is_brought_up_to_date(
    postgres: Server, version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    dsn = await postgres.fresh()
    if version:
        with monkeypatch.context() as patch:
            patch.setattr("services.stores.postgres.migrations", lambda _: STEPS[:version])
            await (await open_store(dsn, Path())).close()
    async with opened(dsn) as store:
        assert await store.insert(a_job(), owner="core", lease_until=LEASE) == a_job()
    assert [tuple(row) for row in await postgres.ask("SELECT version FROM cli2api_schema", dsn)] == [(len(STEPS),)]
    async with opened(dsn) as store:
        assert await store.get("image_1") == a_job()


async def test_a_newer_schema_is_refused_and_left_alone(postgres: Server) -> None:
    dsn = await postgres.fresh()
    await (await open_store(dsn, Path())).close()
    await postgres.tell("UPDATE cli2api_schema SET version = 99", dsn)
    message = await refusal(dsn)
    assert f"a newer cli2api wrote it (schema 99, this version knows {len(STEPS)}); run the newer version" in message
    assert [row[0] for row in await postgres.ask("SELECT version FROM cli2api_schema", dsn)] == [99]


async def test_cores_that_start_at_once_on_an_empty_database_all_start(postgres: Server) -> None:
    dsn = await postgres.fresh()
    stores = await asyncio.gather(*(open_store(dsn, Path()) for _ in range(8)))
    for store in stores:
        await store.ping()
        await store.close()


async def test_a_migration_that_breaks_leaves_nothing_behind(postgres: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    dsn = await postgres.fresh()
    broken = Migration(number=len(STEPS) + 1, name="broken", sql="CREATE TABLE cli2api_jobs (again text)")
    with monkeypatch.context() as patch:
        patch.setattr("services.stores.postgres.migrations", lambda _: (*STEPS, broken))
        assert "another program has tables of our names in it" in await refusal(dsn)
    assert [row[0] for row in await postgres.ask("SELECT to_regclass('cli2api_jobs')", dsn)] == [None]
    async with opened(dsn) as store:
        await store.ping()


def test_migrations_are_numbered_from_one_without_gaps() -> None:
    assert [step.number for step in STEPS] == list(range(1, len(STEPS) + 1))


# What is refused at the start


async def test_a_server_that_is_not_there_is_named_without_the_password() -> None:
    message = await refusal(NOWHERE)
    assert message == "the job store postgresql://***@127.0.0.1:1/jobs cannot be used: nobody listens there"


@pytest.mark.parametrize("end", ["127.0.0.1:door/jobs", "127.0.0.1:1/jobs?sslmode=maybe"])
async def test_a_dsn_that_cannot_be_followed_is_refused_without_the_password(end: str) -> None:
    message = await refusal(f"postgresql://me:hidden@{end}")
    why = "its DSN cannot be followed; look at port, sslmode and the files that it names"
    assert message == f"the job store postgresql://***@{end} cannot be used: {why}"


async def test_a_certificate_or_a_socket_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    for dsn in (f"{NOWHERE}?sslmode=verify-full&sslrootcert={tmp_path}/none", f"postgresql://me@/jobs?host={tmp_path}"):
        assert "its socket, or a file that its DSN names, is not there" in await refusal(dsn)


async def test_a_database_that_is_not_there_is_said_so(postgres: Server) -> None:
    assert "it has no database of that name" in await refusal(postgres.dsn("elsewhere"))


async def test_a_server_that_can_only_be_read_is_refused(postgres: Server) -> None:
    dsn = await postgres.fresh()
    assert "it is read-only, as a standby is; name the primary" in await refusal(f"{dsn}&default_transaction_read_only=on")


async def test_a_parameter_that_nobody_knows_is_refused(postgres: Server) -> None:
    assert "the DSN has a parameter that it does not know" in await refusal(postgres.dsn(no_such_thing="1"))


async def test_a_user_who_may_not_make_tables_is_told_what_to_grant(postgres: Server) -> None:
    dsn = await postgres.fresh()
    guest = dsn.replace("postgres@", "guest@")
    await postgres.tell("CREATE ROLE guest LOGIN")
    assert "create it or let its user in" in await refusal(guest)
    await postgres.tell(f"GRANT USAGE ON SCHEMA {dsn.rpartition('=')[2]} TO guest")
    assert "grant it CREATE on the schema" in await refusal(guest)


async def test_a_server_without_a_free_connection_says_what_to_change(postgres: Server) -> None:
    dsn = await postgres.fresh()
    await postgres.tell("CREATE ROLE crowd LOGIN SUPERUSER CONNECTION LIMIT 0")
    await postgres.tell("ALTER ROLE crowd NOSUPERUSER")
    assert "lower CLI2API_JOBSTORE_POOL or raise its max_connections" in await refusal(dsn.replace("postgres@", "crowd@"))


@pytest.mark.parametrize("state", sorted(CAUSES))
def test_every_cause_is_a_class_or_a_code_of_postgresql(state: str) -> None:
    codes = {each.sqlstate for each in vars(asyncpg.exceptions).values() if isinstance(getattr(each, "sqlstate", None), str)}
    assert any(code.startswith(state) for code in codes)


def test_a_cause_nobody_foresaw_is_told_by_its_code() -> None:
    assert cause(asyncpg.DivisionByZeroError("hidden")) == "it answers 22012"
    assert cause(TimeoutError()) == "it does not answer"
    assert cause(OSError("hidden")) == "it cannot be reached"


# What is kept


async def test_text_that_postgresql_cannot_hold_comes_back_all_the_same(postgres: Server) -> None:
    async with opened(await postgres.fresh()) as store:
        job = a_job(prompt="a\x00b\x1ac\x1a0d\\e", request_id="\x00\x1a", model="\x1as\x00")
        assert await store.insert(job, owner="core", lease_until=LEASE) == job
        assert await store.insert(a_job(id="image_2", request_id="\x00\x1a"), owner="core", lease_until=LEASE) == job
        assert await store.page(JobQuery(model="\x1as\x00")) == [job]
        assert await store.get("image_1\x00") is None


async def test_no_more_connections_are_opened_than_allowed(postgres: Server) -> None:
    dsn = await postgres.fresh()
    async with opened(dsn, pool=3) as store:
        await asyncio.gather(*(store.get("image_1") for _ in range(100)))
        (row,) = await postgres.ask("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'cli2api'")
    assert row[0] == 3


# A server that goes away


async def test_a_server_that_was_stopped_is_said_to_be_away_and_found_again(postgres: Server) -> None:
    async with opened(await postgres.fresh()) as store:
        job = await store.insert(a_job(), owner="core", lease_until=LEASE)
        postgres.stop()
        try:
            for work in (
                store.insert(a_job(id="image_2"), owner="core", lease_until=LEASE),
                store.get(job.id),
                store.claim(owner="core", now=NOON, lease_until=LEASE, limit=1),
                store.ping(),
            ):
                with pytest.raises(StoreUnavailable, match="the job store cannot be used: "):
                    await work
        finally:
            postgres.start()
        assert await store.get(job.id) == job
        await store.ping()


async def test_a_connection_that_was_cut_is_replaced(postgres: Server) -> None:
    async with opened(await postgres.fresh(), pool=1) as store:
        await store.ping()
        await postgres.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'cli2api'")
        for _ in range(3):
            try:
                await store.ping()
            except StoreUnavailable:
                continue
        await store.ping()


async def test_a_closed_store_says_that_it_is_closed(postgres: Server) -> None:
    store = await open_store(await postgres.fresh(), Path())
    await store.close()
    await store.close()
    with pytest.raises(StoreUnavailable, match="the connection is closed"):
        await store.ping()

"""What libSQL adds to the promises of every store: a schema in a shared database, refusals, and a server that goes away."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.domain.errors import StoreUnavailable
from services.stores.dsn import open_store, open_usage_store
from services.stores.libsql_server import CAUSES, Refusal
from services.stores.queries import Migration, migrations
from tests.contracts.stores.databases import opened
from tests.hrana import TOKEN, Hrana
from tests.records import ALL, a_record
from tests.worlds import NOON, a_job

LEASE = NOON + 60.0
JOB_STEPS, CHANGE_STEPS = migrations(), migrations("libsql")
TAKEN = "SELECT line, max(number) FROM cli2api_steps GROUP BY line ORDER BY line"


@pytest.fixture(autouse=True)
def without_faults(libsql: Hrana) -> Iterator[None]:
    yield
    libsql.mend()


async def refusal(dsn: str) -> str:
    with pytest.raises(StoreUnavailable) as caught:
        await open_store(dsn, Path())
    assert TOKEN not in caught.value.message
    return caught.value.message


# The schema


@pytest.mark.parametrize("version", range(len(JOB_STEPS) + len(CHANGE_STEPS) + 1))
async def test_a_database_of_any_version_is_brought_up_to_date(
    libsql: Hrana, version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    dsn = libsql.fresh()
    jobs, changes = JOB_STEPS[:version], CHANGE_STEPS[: max(version - len(JOB_STEPS), 0)]
    if version:
        with monkeypatch.context() as patch:
            patch.setattr("services.stores.libsql.migrations", lambda folder="": changes if folder else jobs)
            await (await open_store(dsn, Path())).close()
    async with opened(dsn) as store:
        assert await store.insert(a_job(), owner="core", lease_until=LEASE) == a_job()
    assert libsql.tell(dsn, TAKEN) == [("changes", len(CHANGE_STEPS)), ("jobs", len(JOB_STEPS))]
    async with opened(dsn) as store:
        assert await store.get("image_1") == a_job()


async def test_a_newer_schema_is_refused_and_left_alone(libsql: Hrana) -> None:
    dsn = libsql.fresh()
    await (await open_store(dsn, Path())).close()
    libsql.tell(dsn, "INSERT INTO cli2api_steps VALUES ('jobs', 99)")
    message = await refusal(dsn)
    assert f"a newer cli2api wrote it (schema 99, this version knows {len(JOB_STEPS)}); run the newer version" in message
    assert libsql.tell(dsn, TAKEN) == [("changes", len(CHANGE_STEPS)), ("jobs", 99)]


async def test_cores_that_start_at_once_on_an_empty_database_all_start(libsql: Hrana) -> None:
    dsn = libsql.fresh()
    stores = await asyncio.gather(*(open_store(dsn, Path()) for _ in range(8)))
    for store in stores:
        await store.ping()
        await store.close()


async def test_a_migration_that_breaks_leaves_nothing_behind(libsql: Hrana, monkeypatch: pytest.MonkeyPatch) -> None:
    dsn = libsql.fresh()
    broken = Migration(number=1, name="broken", sql=f"{JOB_STEPS[0].sql}\nCREATE TABLE more (again NONSENSE) STRICT;\n")
    with monkeypatch.context() as patch:
        patch.setattr("services.stores.libsql.migrations", lambda folder="": () if folder else (broken,))
        assert "cannot be used: " in await refusal(dsn)
    assert libsql.tell(dsn, "SELECT name FROM sqlite_schema WHERE name = 'jobs'") == []
    async with opened(dsn) as store:
        await store.ping()


async def test_tables_of_another_program_are_left_alone(libsql: Hrana) -> None:
    dsn = libsql.fresh()
    libsql.tell(dsn, "CREATE TABLE jobs (title TEXT)")
    assert "another program has tables of our names in it; name another database" in await refusal(dsn)
    assert libsql.tell(dsn, "SELECT name FROM pragma_table_info('jobs')") == [("title",)]


async def test_jobs_and_records_may_share_a_database(libsql: Hrana) -> None:
    dsn = libsql.fresh()
    async with opened(dsn) as store:
        usage = await open_usage_store(dsn, Path())
        await usage.add([a_record()])
        await store.insert(a_job(), owner="core", lease_until=LEASE)
        assert (await usage.sums(ALL))[0].calls == 1
        await usage.close()
    assert [line for line, _ in libsql.tell(dsn, TAKEN)] == ["changes", "jobs", "usage"]


# What is refused


async def test_a_token_that_the_server_does_not_know_is_said_so_and_not_shown(libsql: Hrana) -> None:
    dsn = libsql.fresh(token="hidden-other")
    message = await refusal(dsn)
    assert message == f"the job store {dsn.replace('hidden-other', '***')} cannot be used: it refuses the authToken"


async def test_the_token_travels_in_a_header_and_the_stream_is_closed_in_the_same_call(libsql: Hrana) -> None:
    async with opened(libsql.fresh()) as store:
        libsql.requests.clear()
        await store.get("image_1")
    (asked,) = libsql.requests
    assert TOKEN not in json.dumps(asked)
    assert asked["baton"] is None
    assert [each["type"] for each in asked["requests"]] == ["execute", "close"]


@pytest.mark.parametrize(
    ("dsn", "why"),
    [
        ("libsql://127.0.0.1:1/jobs?tls=0", "nobody listens there"),
        ("libsql://no-such-host.invalid?authToken=x", "the name of its host does not resolve"),
    ],
)
async def test_a_server_that_is_not_there_is_said_so(dsn: str, why: str) -> None:
    assert (await refusal(dsn)).endswith(f"cannot be used: {why}")


async def test_a_server_without_tls_is_not_spoken_to_in_the_clear(libsql: Hrana) -> None:
    assert CAUSES["TLS"] in await refusal(libsql.fresh().replace("tls=0", "tls=1"))


@pytest.mark.parametrize(
    ("status", "why"),
    [(404, "it has no such database"), (429, "takes no more requests"), (500, "it answers HTTP_500"), (302, "HTTP_302")],
)
async def test_an_http_status_is_said_in_words(libsql: Hrana, status: int, why: str) -> None:
    async with opened(libsql.fresh()) as store:
        libsql.status = status
        with pytest.raises(StoreUnavailable, match=why) as caught:
            await store.insert(a_job(prompt="hidden"), owner="core", lease_until=LEASE)
        assert "hidden" not in caught.value.message
        libsql.mend()
        assert await store.insert(a_job(), owner="core", lease_until=LEASE) == a_job()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"results": []}',
        b'{"results": [{"type": "ok"}]}',
        b'{"results": [{"type": "ok", "response":'
        b' {"type": "execute", "result": {"cols": [{"name": "id"}], "rows": [[{"type": "blob"}]]}}}]}',
    ],
)
async def test_what_is_no_answer_of_the_protocol_is_said_so(libsql: Hrana, body: bytes) -> None:
    async with opened(libsql.fresh()) as store:
        libsql.garbled = body or b" "
        with pytest.raises(StoreUnavailable, match="does not speak libSQL's protocol"):
            await store.get("image_1")


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("SQLITE_FULL", "the disk is full"),
        ("SQLITE_IOERR_WRITE", "the disk cannot be read or written"),
        ("BLOCKED", "look at its plan"),
        ("SQLITE_AUTH", "it answers SQLITE_AUTH"),
        ("a whole sentence", "it answers with an error"),
    ],
)
async def test_an_error_of_the_server_is_said_in_our_words(libsql: Hrana, code: str, why: str) -> None:
    async with opened(libsql.fresh()) as store:
        libsql.error = {"message": "hidden prompt", "code": code}
        with pytest.raises(StoreUnavailable, match=why) as caught:
            await store.ping()
        assert "hidden" not in caught.value.message


def test_every_way_that_a_call_can_fail_has_words() -> None:
    assert {Refusal(code).cause for code in CAUSES} == set(CAUSES.values())


# A server that goes away


async def test_a_server_that_was_stopped_is_said_to_be_away_and_found_again(libsql: Hrana) -> None:
    async with opened(libsql.fresh()) as store:
        await store.insert(a_job(), owner="core", lease_until=LEASE)
        libsql.stop()
        try:
            with pytest.raises(StoreUnavailable, match=r"the connection broke|nobody listens there"):
                await store.ping()
            with pytest.raises(StoreUnavailable, match="nobody listens there"):
                await store.get("image_1")
        finally:
            libsql.start()
        assert await store.get("image_1") == a_job()


async def test_a_change_whose_answer_was_lost_is_not_made_twice(libsql: Hrana) -> None:
    async with opened(libsql.fresh()) as store:
        libsql.requests.clear()
        libsql.drops_after = 1
        with pytest.raises(StoreUnavailable, match="the connection broke"):
            await store.insert(a_job(), owner="core", lease_until=LEASE)
        assert len(libsql.requests) == 1
        assert await store.get("image_1") == a_job()


async def test_a_question_whose_answer_was_lost_is_asked_again(libsql: Hrana) -> None:
    async with opened(libsql.fresh()) as store:
        libsql.drops_after = 1
        assert await store.get("image_1") is None


async def test_a_server_that_is_silent_is_not_waited_for_and_nothing_else_waits(
    libsql: Hrana, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.stores.libsql_server.STATEMENT_SECONDS", 0.3)
    async with opened(libsql.fresh()) as store:
        libsql.answering.clear()
        asking = asyncio.create_task(store.get("image_1"))
        ticks = 0
        while not asking.done():
            await asyncio.sleep(0)
            ticks += 1
        with pytest.raises(StoreUnavailable, match="it does not answer"):
            await asking
        assert ticks > 100


async def test_a_closed_store_says_that_it_is_closed(libsql: Hrana) -> None:
    store = await open_store(libsql.fresh(), Path())
    await store.close()
    await store.close()
    with pytest.raises(StoreUnavailable, match="it is closed"):
        await store.get("image_1")


# The server of these tests


CLIENT = """
import json, sys
import libsql
connection = libsql.connect(sys.argv[1], auth_token=sys.argv[2])
rows = connection.execute("SELECT id, revision, created_at, poll_at FROM jobs WHERE id = ?", ("image_1",)).fetchall()
connection.execute("UPDATE jobs SET description = ? WHERE id = ?", ("théy were here", "image_1"))
connection.commit()
print(json.dumps(rows))
"""


async def test_the_server_of_these_tests_is_understood_by_the_protocols_own_client(libsql: Hrana) -> None:
    dsn = libsql.fresh()
    async with opened(dsn) as store:
        await store.insert(a_job(), owner="core", lease_until=LEASE)
        url = dsn.partition("?")[0].replace("libsql:", "http:")
        # In a process of its own, since it holds Python's lock while it waits.
        client = await asyncio.create_subprocess_exec(sys.executable, "-c", CLIENT, url, TOKEN, stdout=PIPE, stderr=PIPE)
        async with asyncio.timeout(30):
            told, complaint = await client.communicate()
        assert json.loads(told or b"null") == [["image_1", 1, NOON, None]], complaint.decode()
        job = await store.get("image_1")
        assert job is not None
        assert job.description == "théy were here"

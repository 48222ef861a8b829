"""Where records are kept: what a DSN means, and what is said of a place that cannot be used."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from services.domain.errors import StoreUnavailable
from services.stores.dsn import BadDsn, open_store, open_usage_store, redact
from services.stores.queries import migrations
from services.stores.usage_memory import UsageMemory
from services.stores.usage_sqlite import UsageSqlite
from tests.records import ALL, a_record


async def refusal(dsn: str, folder: Path) -> str:
    with pytest.raises(StoreUnavailable) as caught:
        await open_usage_store(dsn, folder)
    return caught.value.message


async def test_empty_is_a_file_in_the_state_directory_and_records_outlive_a_restart(tmp_path: Path) -> None:
    store = await open_usage_store("", tmp_path)
    await store.add([a_record()])
    await store.close()
    store = await open_usage_store(f"file:{tmp_path / 'usage.db'}", tmp_path)
    assert (await store.sums(ALL))[0].calls == 1
    await store.close()


async def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    store = await UsageSqlite.open(tmp_path / "state" / "usage.db")
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "state").iterdir()} == {0o600}
    await store.close()


async def test_jobs_and_records_are_never_taken_for_each_other(tmp_path: Path) -> None:
    await (await open_store("", tmp_path)).close()
    message = await refusal(str(tmp_path / "jobs.db"), tmp_path)

    assert "it is the database of another program" in message
    assert message.startswith("the usage store ")
    assert message.endswith("set CLI2API_USAGE_DSN or CLI2API_STATE_DIR to another place")
    await (await open_store("", tmp_path)).close()


async def test_a_file_that_a_job_store_holds_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.stores.sqlite_file.TURN_SECONDS", 0.05)
    jobs = await open_store("", tmp_path)

    message = await refusal(str(tmp_path / "jobs.db"), tmp_path)

    assert "is in use by another process; stop that one, or set CLI2API_USAGE_DSN" in message
    await jobs.close()


async def test_a_folder_is_refused_with_what_to_write(tmp_path: Path) -> None:
    assert await refusal(str(tmp_path), tmp_path) == (
        f"the usage store {tmp_path} is a folder; name a file in it, such as {tmp_path / 'usage.db'}"
    )


@pytest.mark.parametrize("dsn", ["mysql://u:hidden@db/usage", "libsql+wss://db?authToken=hidden", "sqlite:/usage.db?key=hidden"])
async def test_what_cannot_keep_records_is_refused_with_what_can(dsn: str, tmp_path: Path) -> None:
    with pytest.raises(BadDsn, match=r"the usage store .* leave it empty .*, file:/path/to/usage\.db") as caught:
        await open_usage_store(dsn, tmp_path)
    assert "hidden" not in str(caught.value)


async def test_a_batch_that_breaks_off_leaves_nothing_in_the_file(tmp_path: Path) -> None:
    store = await open_usage_store("", tmp_path)
    with pytest.raises(StoreUnavailable):
        await store.add([*(a_record(id=str(number)) for number in range(64)), a_record(id="odd", status="none")])
    assert list(await store.sums(ALL)) == []
    await store.add([a_record()])
    assert (await store.sums(ALL))[0].calls == 1
    await store.close()


async def test_a_name_with_a_nul_is_kept_in_a_file_as_near_as_can_be(tmp_path: Path) -> None:
    store = await open_usage_store("", tmp_path)
    await store.add([a_record(model="a\x00b", cancelled=True)])
    assert [row.bucket for row in await store.sums(ALL)] == ["a\ufffdb"]
    await store.close()


async def test_memory_keeps_the_newest_only() -> None:
    store = UsageMemory(most=3)
    await store.add([a_record(id=str(number), model=str(number)) for number in range(5)])
    assert {row.bucket for row in await store.sums(ALL)} == {"2", "3", "4"}


@pytest.mark.parametrize("folder", ["usage", "postgres_usage"])
def test_migrations_are_numbered_from_one_without_gaps(folder: str) -> None:
    steps = migrations(folder)
    assert [step.number for step in steps] == list(range(1, len(steps) + 1))


async def test_cores_share_what_they_keep_on_one_server(shared: str, tmp_path: Path) -> None:
    one, two = await asyncio.gather(open_usage_store(shared, tmp_path), open_usage_store(shared, tmp_path))
    await one.add([a_record(id="1")])
    await two.add([a_record(id="1"), a_record(id="2")])
    for store in (one, two):
        assert (await store.sums(ALL))[0].calls == 2
        await store.close()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("dsn", ["postgresql://me:hidden@127.0.0.1:1/usage", "libsql://127.0.0.1:1?tls=0&authToken=hidden"])
async def test_a_server_that_is_not_there_is_named_without_its_secrets(dsn: str, tmp_path: Path) -> None:
    assert await refusal(dsn, tmp_path) == f"the usage store {redact(dsn)} cannot be used: nobody listens there"
    assert "hidden" not in redact(dsn)


async def test_a_newer_schema_is_refused(shared: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await (await open_usage_store(shared, tmp_path)).close()
    for module in ("usage_postgres", "usage_libsql"):
        monkeypatch.setattr(f"services.stores.{module}.migrations", lambda _: ())
    assert "a newer cli2api wrote it (schema 1, this version knows 0); run the newer version" in await refusal(shared, tmp_path)


async def test_a_name_that_no_database_can_hold_is_kept_as_near_as_can_be(shared: str, tmp_path: Path) -> None:
    store = await open_usage_store(shared, tmp_path)
    await store.add([a_record(model="a\x00b")])
    assert [row.bucket for row in await store.sums(ALL)] == ["a\ufffdb"]
    await store.close()


WRITER = """
import asyncio, sys
from pathlib import Path
from services.stores.dsn import open_usage_store
from tests.records import a_record

async def main():
    store = await open_usage_store("", Path(sys.argv[1]))
    for number in range(50):
        await store.add([a_record(id=f"{sys.argv[2]}-{number}-{each}") for each in range(4)])
    await store.close()

asyncio.run(main())
"""


async def test_processes_that_share_a_state_directory_share_its_file(tmp_path: Path) -> None:
    words = [(sys.executable, "-c", WRITER, str(tmp_path), name) for name in ("one", "two", "three")]
    writers = [await asyncio.create_subprocess_exec(*each, cwd=Path(__file__).parents[3]) for each in words]
    assert await asyncio.gather(*(writer.wait() for writer in writers)) == [0, 0, 0]

    store = await open_usage_store("", tmp_path)
    assert (await store.sums(ALL))[0].calls == 3 * 50 * 4
    await store.close()

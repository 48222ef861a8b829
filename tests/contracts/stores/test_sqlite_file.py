import asyncio
import os
import sqlite3
import stat
import sys
import time
from pathlib import Path

import pytest

from services.domain.errors import StoreUnavailable
from services.domain.job import Job, JobState
from services.stores.migrate import statements
from services.stores.purpose import JOBS
from services.stores.queries import migrations
from services.stores.sqlite import SqliteStore
from services.stores.sqlite_database import SqliteDatabase
from tests.worlds import NOON, a_job, a_queued_job

LEASE = NOON + 900.0


async def refusal(path: Path) -> str:
    with pytest.raises(StoreUnavailable) as caught:
        await SqliteStore.open(path)
    return caught.value.message


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def file_of(store: SqliteStore) -> SqliteDatabase:
    assert isinstance(store._database, SqliteDatabase)
    return store._database


def pragma(path: Path, name: str) -> int:
    connection = sqlite3.connect(path)
    try:
        return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
    finally:
        connection.close()


async def test_what_was_written_is_there_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    store = await SqliteStore.open(path)
    job = await store.insert(a_job(prompt="ein Quadrat"), owner="one", lease_until=LEASE)
    await store.close()
    store = await SqliteStore.open(path)
    assert await store.get(job.id) == job
    await store.close()


async def test_the_file_and_its_folder_are_for_their_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "state" / "jobs.db"
    store = await SqliteStore.open(path)
    await store.insert(a_job(), owner="one", lease_until=LEASE)
    assert mode(path.parent) == 0o700
    modes = {file.name: mode(file) for file in path.parent.iterdir()}
    assert modes == {"jobs.db": 0o600, "jobs.db-wal": 0o600, "jobs.db-shm": 0o600, "jobs.db.lock": 0o600}
    await store.close()


async def test_every_commit_waits_for_the_disk(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "jobs.db")
    full = 2
    for connection in (file_of(store).writer, file_of(store).reader):
        (row,) = await connection.execute_fetchall("PRAGMA synchronous")
        assert row[0] == full
    assert pragma(tmp_path / "jobs.db", "user_version") == len(migrations())
    await store.close()


async def test_a_second_process_on_the_same_file_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    store = await SqliteStore.open(path)
    message = await refusal(path)
    assert message.startswith(f"the job store {path} is in use by another process")
    assert "CLI2API_JOBSTORE_DSN" in message
    await store.close()
    await (await SqliteStore.open(path)).close()


async def test_a_folder_in_place_of_a_file_is_refused_with_what_to_write(tmp_path: Path) -> None:
    assert await refusal(tmp_path) == f"the job store {tmp_path} is a folder; name a file in it, such as {tmp_path / 'jobs.db'}"


async def test_a_file_in_place_of_a_folder_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("in the way")
    message = await refusal(tmp_path / "state" / "jobs.db")
    assert message.startswith(f"the job store {tmp_path / 'state' / 'jobs.db'} cannot be used (")


async def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    path.write_text("dear diary, " * 100)
    message = await refusal(path)
    assert "it is not an SQLite database; move it away" in message
    assert path.read_text() == "dear diary, " * 100


async def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE bookmarks (url TEXT)")
    connection.close()
    before = path.read_bytes()
    assert "it is the database of another program" in await refusal(path)
    assert path.read_bytes() == before


async def test_a_newer_schema_is_refused_and_says_which_version_to_run(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    await (await SqliteStore.open(path)).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    message = await refusal(path)
    assert f"a newer cli2api wrote it (schema 99, this version knows {len(migrations())}); run the newer version" in message


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only to root")
async def test_a_folder_that_cannot_be_written_to_is_refused_by_name(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o500)
    assert "make it writable" in await refusal(folder / "jobs.db")


async def test_a_refused_file_can_be_opened_once_it_is_mended(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    path.write_text("not a database at all, but long enough to be taken for one" * 20)
    await refusal(path)
    path.unlink()
    await (await SqliteStore.open(path)).close()


async def test_a_migration_that_breaks_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "jobs.db"
    step = migrations()[0]
    broken = type(step)(number=1, name=step.name, sql=f"{step.sql}\nCREATE TABLE jobs (again TEXT);")
    with monkeypatch.context() as patch:
        patch.setattr("services.stores.sqlite.migrations", lambda: (broken,))
        await refusal(path)
    assert pragma(path, "user_version") == 0
    await (await SqliteStore.open(path)).close()
    assert pragma(path, "user_version") == len(migrations())
    assert pragma(path, "application_id") == JOBS.application


def test_migrations_are_numbered_from_one_without_gaps() -> None:
    assert [step.number for step in migrations()] == list(range(1, len(migrations()) + 1))


def test_a_script_falls_into_its_statements() -> None:
    script = "-- one; two\nCREATE TABLE a (b TEXT); -- a; b\n\nINSERT INTO a VALUES (';');\n"
    create, insert = statements(script)
    assert create == "-- one; two\nCREATE TABLE a (b TEXT); -- a; b\n"
    assert insert.strip() == "INSERT INTO a VALUES (';');"


async def test_a_closed_store_says_that_it_is_closed(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "jobs.db")
    await store.close()
    await store.close()
    for work in (store.get("image_1"), store.insert(a_job(), owner="one", lease_until=LEASE), store.ping()):
        with pytest.raises(StoreUnavailable, match="it is closed"):
            await work


async def test_a_full_disk_is_named_and_the_store_works_again_when_there_is_room(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "jobs.db")
    (pages,) = await file_of(store).writer.execute_fetchall("PRAGMA page_count")
    await file_of(store).writer.execute_fetchall(f"PRAGMA max_page_count = {pages[0]}")
    with pytest.raises(StoreUnavailable, match="the disk is full") as caught:
        await store.insert(a_job(prompt="x" * 100_000), owner="one", lease_until=LEASE)
    assert isinstance(caught.value.__cause__, sqlite3.Error)
    assert await store.get("image_1") is None
    await file_of(store).writer.execute_fetchall("PRAGMA max_page_count = 1000000")
    assert await store.insert(a_job(), owner="one", lease_until=LEASE) == a_job()
    await store.close()


async def test_reads_go_on_while_a_write_is_under_way(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "jobs.db")
    job = await store.insert(a_job(), owner="one", lease_until=LEASE)
    await file_of(store).writer.execute("BEGIN IMMEDIATE")
    assert await store.get(job.id) == job
    await file_of(store).writer.rollback()
    await store.close()


async def test_leases_of_the_process_before_end_with_it(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    store = await SqliteStore.open(path)
    submitting = await store.insert(a_job(id="image_1"), owner="one", lease_until=LEASE)
    queued = a_queued_job(id="image_2", revision=2)
    await store.insert(a_job(id="image_2"), owner="one", lease_until=LEASE)
    assert await store.save(queued)
    assert await store.claim(owner="one", now=NOON + 2, lease_until=LEASE, limit=1) == [queued]
    await store.close()
    store = await SqliteStore.open(path)
    assert await store.claim(owner="two", now=NOON + 2, lease_until=LEASE, limit=9) == [queued]
    assert await store.abandoned(owner="two", now=NOON) == [submitting]
    await store.close()


async def test_a_submission_of_another_owner_is_abandoned_since_one_process_only_is_admitted(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "jobs.db")
    job = await store.insert(a_job(), owner="one", lease_until=LEASE)
    assert await store.abandoned(owner="two", now=NOON) == [job]
    assert await store.abandoned(owner="one", now=NOON) == []
    await store.close()


async def test_a_cancelled_start_lets_go_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    for steps in range(0, 40, 3):
        opening = asyncio.ensure_future(SqliteStore.open(path))
        for _ in range(steps):
            await asyncio.sleep(0)
        opening.cancel()
        try:
            store = await opening
        except asyncio.CancelledError:
            continue
        await store.close()
    await (await SqliteStore.open(path)).close()


CHILD = """
import asyncio, sys
from pathlib import Path
from services.stores.sqlite import SqliteStore
from tests.worlds import NOON, a_job

async def main():
    store = await SqliteStore.open(Path(sys.argv[1]))
    for number in range(10_000):
        await store.insert(a_job(id=f"image_{number:05}"), owner="child", lease_until=NOON)
        print(number, flush=True)

asyncio.run(main())
"""


async def test_what_was_acknowledged_survives_a_process_that_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, str(path), stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[3]
    )
    assert child.stdout is not None
    last = -1
    while last < 20:
        last = int(await child.stdout.readline())
    child.kill()
    await child.wait()
    store = await SqliteStore.open(path)
    for number in range(last + 1):
        assert await store.get(f"image_{number:05}") is not None
    await store.close()


async def test_ten_thousand_jobs_in_flight_are_claimed_quickly(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "jobs.db")
    jobs: list[Job] = [a_queued_job(id=f"image_{number:05}", poll_at=NOON + number) for number in range(10_000)]
    await file_of(store).writer.execute("BEGIN")
    await asyncio.gather(*(store.insert(job, owner="one", lease_until=NOON) for job in jobs))
    await file_of(store).writer.commit()
    began = time.process_time()
    claimed = await store.claim(owner="one", now=NOON + 255, lease_until=LEASE, limit=256)
    assert [job.id for job in claimed] == [job.id for job in jobs[:256]]
    assert await store.next_due() == NOON + 256
    assert time.process_time() - began < 0.5
    assert all(job.state is JobState.QUEUED for job in claimed)
    await store.close()

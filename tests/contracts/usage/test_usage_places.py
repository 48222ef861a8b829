"""Where records are kept: what a DSN means, and what is said of a place that cannot be used."""

from pathlib import Path

import pytest

from services.domain.errors import StoreUnavailable
from services.stores.dsn import BadDsn, open_store, open_usage_store
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
    jobs = await open_store("", tmp_path)
    taken = await refusal(str(tmp_path / "jobs.db"), tmp_path)
    await jobs.close()
    other = await refusal(str(tmp_path / "jobs.db"), tmp_path)

    assert "is in use by another process" in taken
    assert "it is the database of another program" in other
    for message in (taken, other):
        assert message.startswith("the usage store ")
        assert message.endswith("set CLI2API_USAGE_DSN or CLI2API_STATE_DIR to another place")
    await (await open_store("", tmp_path)).close()


async def test_a_folder_is_refused_with_what_to_write(tmp_path: Path) -> None:
    assert await refusal(str(tmp_path), tmp_path) == (
        f"the usage store {tmp_path} is a folder; name a file in it, such as {tmp_path / 'usage.db'}"
    )


@pytest.mark.parametrize("dsn", ["postgresql://u:hidden@db/usage", "libsql://db?authToken=hidden", "mysql://u:hidden@db/usage"])
async def test_what_cannot_keep_records_is_refused_with_what_can(dsn: str, tmp_path: Path) -> None:
    with pytest.raises(BadDsn, match=r"the usage store .* leave it empty .*, or file:/path/to/usage\.db") as caught:
        await open_usage_store(dsn, tmp_path)
    assert "hidden" not in str(caught.value)


async def test_memory_keeps_the_newest_only() -> None:
    store = UsageMemory(most=3)
    await store.add([a_record(id=str(number), model=str(number)) for number in range(5)])
    assert {row.bucket for row in await store.sums(ALL)} == {"2", "3", "4"}


def test_migrations_are_numbered_from_one_without_gaps() -> None:
    steps = migrations("usage")
    assert [step.number for step in steps] == list(range(1, len(steps) + 1))

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.stores.dsn import BadDsn, Kind, open_store, parse, redact
from services.stores.memory import MemoryStore
from services.stores.sqlite import SqliteStore

STATE = Path("/state")


@pytest.mark.parametrize(
    ("dsn", "path"),
    [
        ("", STATE / "jobs.db"),
        ("   ", STATE / "jobs.db"),
        ("file:/data/jobs.db", Path("/data/jobs.db")),
        ("file:///data/jobs.db", Path("/data/jobs.db")),
        ("file://localhost/data/jobs.db", Path("/data/jobs.db")),
        ("FILE:/data/my%20jobs.db", Path("/data/my jobs.db")),
        ("/data/jobs.db", Path("/data/jobs.db")),
        ("jobs.db", Path("jobs.db").absolute()),
        ("./a:b.db", Path("a:b.db").absolute()),
        ("file:jobs.db", Path("jobs.db").absolute()),
        ("~/jobs.db", Path("~/jobs.db").expanduser()),
    ],
)
def test_empty_a_path_and_file_mean_sqlite(dsn: str, path: Path) -> None:
    place = parse(dsn, STATE)
    assert (place.kind, place.path) == (Kind.SQLITE, path)


def test_memory_means_memory() -> None:
    place = parse("memory:", STATE)
    assert (place.kind, place.path) == (Kind.MEMORY, None)


@pytest.mark.parametrize(
    "dsn", ["postgresql://u:hidden@db/jobs", "postgres://db/jobs", "PostgreSQL://a,b:5433/jobs", "postgresql:///jobs?host=/run"]
)
def test_postgresql_means_that_server_and_its_password_is_not_shown(dsn: str) -> None:
    place = parse(f" {dsn} ", STATE)
    assert (place.kind, place.path, place.url) == (Kind.POSTGRES, None, dsn)
    assert "hidden" not in repr(place)


@pytest.mark.parametrize("dsn", ["postgresql:", "postgresql://u:hidden@db", "postgres:jobs", "postgresql://u:hid den@db/jobs"])
def test_a_postgresql_that_names_no_database_is_refused_with_the_form_that_is_taken(dsn: str) -> None:
    with pytest.raises(BadDsn, match="has to be postgresql://user:password@host:port/database") as caught:
        parse(dsn, STATE)
    assert "hid" not in str(caught.value)


@pytest.mark.parametrize("dsn", ["libsql://db?authToken=hidden"])
def test_a_store_that_is_not_served_yet_is_refused_and_says_so(dsn: str) -> None:
    with pytest.raises(BadDsn, match="does not serve yet; leave it empty for SQLite") as caught:
        parse(dsn, STATE)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("dsn", ["mysql://u:hidden@db/jobs", "sqlite:/data/jobs.db", ":memory:", "jobs:1"])
def test_an_unknown_kind_is_refused_with_what_is_taken(dsn: str) -> None:
    with pytest.raises(
        BadDsn, match=r"of no kind that is known; leave it empty .* memory:, a path, file:.* or postgresql:"
    ) as caught:
        parse(dsn, STATE)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("dsn", ["file:", "file:/data/", "file://host/jobs.db", "file:/jobs.db?mode=ro", "file:/jobs.db#x"])
def test_a_file_that_is_no_plain_path_is_refused(dsn: str) -> None:
    with pytest.raises(BadDsn, match="without host or parameters"):
        parse(dsn, STATE)


@pytest.mark.parametrize(
    ("dsn", "shown"),
    [
        ("", ""),
        ("/data/jobs.db", "/data/jobs.db"),
        ("postgresql://db/jobs", "postgresql://db/jobs"),
        ("postgresql://me:hidden@db:5432/jobs?sslmode=require", "postgresql://***@db:5432/jobs?sslmode=require"),
        ("postgresql://me:hid@den@db/jobs", "postgresql://***@db/jobs"),
        ("postgresql://me:hid/den?@db/jobs", "postgresql://***@db/jobs"),
        ("postgresql://db/jobs?user=me&password=hidden&a=b", "postgresql://db/jobs?user=me&password=***&a=b"),
        ("libsql://db?authToken=hidden", "libsql://db?authToken=***"),
        ("libsql://db?AUTHTOKEN=hidden&x=y", "libsql://db?AUTHTOKEN=***&x=y"),
        ("libsql://db?auth%54oken=hidden", "libsql://db?auth%54oken=***"),
        ("host=db password=hidden dbname=jobs", "host=db password=*** dbname=jobs"),
    ],
)
def test_a_dsn_is_shown_without_its_secrets(dsn: str, shown: str) -> None:
    assert redact(dsn) == shown


WORDS = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=12)


@given(user=WORDS, secret=st.text(st.sampled_from("abc:@/?#&=%"), min_size=1, max_size=8), host=WORDS)
def test_whatever_stands_before_the_host_is_not_shown(user: str, secret: str, host: str) -> None:
    assert redact(f"postgresql://{user}:{secret}@{host}.test/jobs") == f"postgresql://***@{host}.test/jobs"


async def test_a_dsn_opens_its_store(tmp_path: Path) -> None:
    for dsn, kind in (("memory:", MemoryStore), ("", SqliteStore), (f"file:{tmp_path / 'other.db'}", SqliteStore)):
        store = await open_store(dsn, tmp_path)
        assert isinstance(store, kind)
        await store.close()
    assert {name for name in os.listdir(tmp_path) if name.endswith(".db")} == {"jobs.db", "other.db"}

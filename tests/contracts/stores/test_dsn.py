import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.stores.dsn import BadDsn, Kind, open_store, parse, redact
from services.stores.libsql_server import place
from services.stores.memory import MemoryStore
from services.stores.purpose import JOBS, USAGE
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
    found = parse(dsn, STATE)
    assert (found.kind, found.path) == (Kind.SQLITE, path)


def test_memory_means_memory() -> None:
    found = parse("memory:", STATE)
    assert (found.kind, found.path) == (Kind.MEMORY, None)


@pytest.mark.parametrize(
    "dsn", ["postgresql://u:hidden@db/jobs", "postgres://db/jobs", "PostgreSQL://a,b:5433/jobs", "postgresql:///jobs?host=/run"]
)
def test_postgresql_means_that_server_and_its_password_is_not_shown(dsn: str) -> None:
    found = parse(f" {dsn} ", STATE)
    assert (found.kind, found.path, found.url) == (Kind.POSTGRES, None, dsn)
    assert "hidden" not in repr(found)


@pytest.mark.parametrize("dsn", ["postgresql:", "postgresql://u:hidden@db", "postgres:jobs", "postgresql://u:hid den@db/jobs"])
def test_a_postgresql_that_names_no_database_is_refused_with_the_form_that_is_taken(dsn: str) -> None:
    with pytest.raises(BadDsn, match="has to be postgresql://user:password@host:port/database") as caught:
        parse(dsn, STATE)
    assert "hid" not in str(caught.value)


@pytest.mark.parametrize(
    ("dsn", "url", "token"),
    [
        ("libsql://db.test?authToken=hidden", "https://db.test/v2/pipeline", "hidden"),
        ("LIBSQL://db.test:8443/?AUTHTOKEN=hid%2Bden", "https://db.test:8443/v2/pipeline", "hid+den"),
        ("libsql://127.0.0.1:8080?tls=0", "http://127.0.0.1:8080/v2/pipeline", ""),
        ("libsql://[::1]:8080/one/?tls=0&authToken=", "http://[::1]:8080/one/v2/pipeline", ""),
        ("libsql://db.test?tls=1&authToken=hidden", "https://db.test/v2/pipeline", "hidden"),
    ],
)
def test_libsql_means_that_database_over_https_and_its_token_is_not_shown(dsn: str, url: str, token: str) -> None:
    found = parse(f" {dsn} ", STATE)
    assert (found.kind, found.path, found.url) == (Kind.LIBSQL, None, dsn)
    assert (place(dsn).url, place(dsn).token) == (url, token)
    assert "hid" not in repr(found) + repr(place(dsn))


@pytest.mark.parametrize(
    ("dsn", "why"),
    [
        ("libsql:", "has to be libsql://host?authToken=..."),
        ("libsql:///jobs?authToken=hidden", "has to be libsql://host?authToken=..."),
        ("libsql://hidden@db.test", "has to be libsql://host?authToken=..."),
        ("libsql://db.test?authToken=hid%0Aden", "has to be libsql://host?authToken=..."),
        ("libsql://db.test?authToken=hidden&tls=maybe", "takes tls=1, or tls=0 for http"),
        ("libsql://db.test?jwt_token=hidden", "takes authToken and tls, and no jwt_token"),
        ("libsql://db.test:door?authToken=hidden", "Port could not be cast"),
    ],
)
def test_a_libsql_dsn_that_cannot_be_followed_is_refused_without_its_token(dsn: str, why: str) -> None:
    for purpose in (JOBS, USAGE):
        with pytest.raises(BadDsn, match=re.escape(why)) as caught:
            parse(dsn, STATE, purpose)
        assert str(caught.value).startswith(f"the {purpose.store} libsql:")
        assert "hid" not in str(caught.value)


@pytest.mark.parametrize("dsn", ["mysql://u:hidden@db/jobs", "sqlite:/data/jobs.db", ":memory:", "jobs:1"])
def test_an_unknown_kind_is_refused_with_what_is_taken(dsn: str) -> None:
    with pytest.raises(
        BadDsn, match=r"of no kind that is known; leave it empty .* memory:, a path, file:.* postgresql:.* or libsql:"
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

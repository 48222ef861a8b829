"""`cli2api doctor` looks at stores, places and settings, and uses the words of `serve` for what that refuses."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from cli.doctor import starting
from services.doctor import places
from services.doctor.finding import Finding
from services.settings import Settings
from services.stores.dsn import open_store
from services.stores.queries import migrations
from simulator.server import Simulator
from tests import hrana
from tests.authority import Authority
from tests.wire import served
from tests.wire.examined import doctor, findings, of
from tests.wire.house import environ

pytestmark = pytest.mark.wire


async def test_a_store_that_cannot_be_used_is_a_problem_and_says_why(short_path: Path) -> None:
    broken, foreign, newer = (short_path / name for name in ("broken.db", "foreign.db", "newer.db"))
    broken.write_text("this is no database at all, and longer than a header")
    for path, application, version in ((foreign, 1, 1), (newer, 0x43324150, 999)):
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(f"CREATE TABLE t (a); PRAGMA application_id={application}; PRAGMA user_version={version};")
    async with Simulator() as simulator:
        for dsn, says in (
            (str(broken), "is not an SQLite database"),
            (str(foreign), "is the database of another program"),
            (str(newer), "a newer cli2api wrote"),
            (str(short_path), "is a folder"),
            ("mysql://user:hidden@host/jobs", "is of no kind that is known"),
            ("postgresql://user:hidden@127.0.0.1:1/jobs", "cannot be used"),
        ):
            code, found = await findings(environ(short_path / "state", simulator, CLI2API_JOBSTORE_DSN=dsn))
            assert (code, of("job store", found)["verdict"]) == (1, "problem"), dsn
            assert says in of("job store", found)["says"]
            assert "hidden" not in str(found)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"CLI2API_CORES": "2"}, "CLI2API_CORES is 2, and several cores need a job store that they can share"),
        ({"CLI2API_CORES": "2", "CLI2API_JOBSTORE_DSN": "memory:"}, "CLI2API_CORES is 2, and several cores need a job store"),
        ({"CLI2API_MODEL_ALIASES": "gpt-5-mini=gpt-5"}, "CLI2API_MODEL_ALIASES: alias 'gpt-5-mini' would hide the model"),
        ({"CLI2API_MODEL_ALIASES": "a=b,b=gpt-5"}, "CLI2API_MODEL_ALIASES: alias 'a' leads to the alias 'b'"),
        (
            {"CLI2API_TLS_CERT": "/no/c.pem", "CLI2API_TLS_KEY": "/no/k.pem"},
            'CLI2API_TLS_CERT is "/no/c.pem", which cannot be read',
        ),
        ({"CLI2API_TLS_KEY": "/no/k.pem"}, "CLI2API_TLS_CERT is empty"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "foo"}, 'OTEL_EXPORTER_OTLP_ENDPOINT is "foo": takes http://host:4317'),
    ],
)
async def test_settings_that_serve_refuses_are_a_problem_in_the_same_words(
    short_path: Path, given: dict[str, str], says: str
) -> None:
    settings = served.environment(short_path / "state", **given)
    code, out = await doctor(settings, "--json")
    told = json.loads(out)[-1]
    assert (code, told["check"], told["verdict"]) == (1, "settings", "problem")
    assert told["says"].startswith(says)
    assert await served.refusal(settings) == (1, f"cli2api: {told['says']}\n")


async def test_a_key_of_another_certificate_is_a_problem_and_one_that_others_can_read_a_warning(short_path: Path) -> None:
    authority = Authority(short_path / "authority")
    await authority.begin()
    (certificate, key), (_, other) = await authority.issue("one"), await authority.issue("other")

    def look(key: Path) -> list[tuple[str, str]]:
        given = served.environment(short_path / "state", CLI2API_TLS_CERT=str(certificate), CLI2API_TLS_KEY=str(key))
        return [(each.verdict, each.says) for each in starting.look(Settings.read(given), given)]

    assert look(key) == []
    [(verdict, says)] = look(other)
    assert (verdict, says.partition(": takes")[0]) == ("problem", f'CLI2API_TLS_KEY is "{other}"')
    key.chmod(0o644)
    assert look(key) == [("warning", f"CLI2API_TLS_KEY is {key}, which others than its owner can read")]


@pytest.mark.parametrize("place", ["foo", "ftp://files.test", "s3://user:hidden@bucket"])
async def test_a_place_of_files_that_serve_refuses_is_a_problem_in_the_same_words(short_path: Path, place: str) -> None:
    given = served.environment(short_path / "state", CLI2API_ASSET_STORE=place)
    *_, found = [each async for each in places.look(Settings.read(given))]
    assert (found.check, found.verdict) == ("asset store", "problem")
    assert "hidden" not in found.says
    code, stderr = await served.refusal(given)
    assert code == 1
    assert f"{found.says}; {found.fix}" in stderr


async def test_a_libsql_store_is_asked_and_nothing_is_made_in_it(short_path: Path) -> None:
    async def look(dsn: str) -> Finding:
        given = served.environment(short_path / "state", CLI2API_JOBSTORE_DSN=dsn)
        jobs, *_ = [each async for each in places.look(Settings.read(given))]
        return jobs

    with hrana.serving() as server:
        dsn = server.fresh()
        found = await look(dsn)
        assert (found.verdict, "it answers; schema 0, to be brought to" in found.says) == ("ok", True)
        assert server.tell(dsn, "SELECT count(*) FROM sqlite_schema") == [(0,)]
        await (await open_store(dsn, short_path)).close()
        assert (await look(dsn)).says.endswith(f"it answers; schema {len(migrations())}")
        server.tell(dsn, "INSERT INTO cli2api_steps VALUES ('jobs', 999)")
        found = await look(dsn)
        assert (found.verdict, "a newer cli2api wrote it" in found.says) == ("problem", True)
        found = await look(server.fresh(token="hidden-other"))
        assert (found.verdict, "it refuses the authToken" in found.says) == ("problem", True)
        assert "hidden" not in found.says
    found = await look("libsql://127.0.0.1:1/jobs?tls=0")
    assert (found.verdict, "nobody listens there" in found.says, bool(found.fix)) == ("problem", True, True)


async def test_what_forgets_or_keeps_nothing_is_a_warning(short_path: Path) -> None:
    async with Simulator() as simulator:
        settings = {"CLI2API_JOBSTORE_DSN": "memory:", "CLI2API_ASSET_STORE": "off"}
        code, found = await findings(environ(short_path, simulator, **settings))
    assert code == 0
    assert (of("job store", found)["verdict"], of("asset store", found)["verdict"]) == ("warning", "warning")


async def test_a_state_directory_that_others_can_read_or_nobody_can_write_is_told(short_path: Path) -> None:
    folder, file = short_path / "state", short_path / "file"
    folder.mkdir(mode=0o755)
    file.write_text("")
    async with Simulator() as simulator:
        code, found = await findings(environ(folder, simulator))
        assert (code, of("state directory", found)["verdict"]) == (0, "warning")
        assert of("state directory", found)["fix"] == f"chmod 700 {folder}"
        code, found = await findings(environ(file, simulator))
    assert (code, of("state directory", found)["verdict"]) == (1, "problem")
    assert "CLI2API_STATE_DIR" in of("state directory", found)["fix"]


async def test_for_people_the_fix_stands_below_what_is_wrong(short_path: Path) -> None:
    async with Simulator() as simulator:
        code, out = await doctor(environ(short_path, simulator, MULERUN_TOKEN="", CLI2API_PROT="1"))
    lines = out.splitlines()
    place = next(place for place, line in enumerate(lines) if line.startswith("problem  credential"))
    assert lines[place + 1].strip().startswith("> no mulerun credentials found")
    assert "CLI2API_PROT is no setting of this gateway; did you mean CLI2API_PORT?" in out
    assert (code, lines[-1]) == (1, "1 problem, 1 warning")

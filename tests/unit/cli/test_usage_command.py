"""`cli2api usage`: a table for people, and a refusal that names the fix."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from cli.__main__ import main
from cli.usage import table
from tests.hosts import Says, ScriptedHost, closed_port

COUNTS = {"prompt_tokens": 0, "completion_tokens": 0, "cached_tokens": 0, "reasoning_tokens": 0, "bytes_out": 0}
SUMS: dict[str, Any] = {
    "object": "usage",
    "group_by": "model",
    "rows": [
        {"bucket": "gpt-5", **COUNTS, "calls": 1200, "errors": 1, "bytes_out": 1234567},
        {"bucket": "", **COUNTS, "calls": 1, "errors": 1},
        {"bucket": "\x1b[2Jevil", **COUNTS, "calls": 1, "errors": 0},
    ],
    "totals": {**COUNTS, "calls": 1202, "errors": 2, "bytes_out": 1234567},
    "dropped": 0,
}


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CLI2API_API_KEYS", "CLI2API_PORT", "CLI2API_HOST"):
        monkeypatch.delenv(name, raising=False)


@asynccontextmanager
async def gateway(*answers: Says) -> AsyncGenerator[ScriptedHost]:
    async with ScriptedHost() as host:
        host.say(*answers)
        yield host


async def usage(*words: str) -> int:
    return await asyncio.to_thread(main, ["usage", *words])


def test_a_table_has_a_row_a_bucket_and_the_totals() -> None:
    assert table(SUMS).splitlines() == [
        "MODEL     CALLS  ERRORS  PROMPT  COMPLETION  CACHED  REASONING  BYTES OUT",
        "gpt-5     1,200       1       0           0       0          0  1,234,567",
        "-             1       1       0           0       0          0          0",
        " [2Jevil      1       0       0           0       0          0          0",
        "total     1,202       2       0           0       0          0  1,234,567",
    ]


def test_what_was_dropped_is_said_beneath_the_table() -> None:
    said = table(SUMS | {"dropped": 1500}).splitlines()[-1]
    assert said == "not counted: 1,500 calls since the gateway's start; raise CLI2API_USAGE_BUFFER"


async def test_it_asks_what_it_was_told_with_the_key_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLI2API_API_KEYS", "one,two")
    async with gateway(Says(json=SUMS)) as host:
        monkeypatch.setenv("CLI2API_PORT", host.url.rpartition(":")[2])
        assert await usage("--from", "2027-01-15T09:00:00+01:00", "--group-by", "hour", "--model", "a b", "--json") == 0
    (seen,) = host.seen
    assert seen.path == "/v1/usage?from=2027-01-15T09%3A00%3A00%2B01%3A00&group_by=hour&model=a+b"
    assert seen.headers["authorization"] == "Bearer one"


async def test_another_gateway_and_another_key_may_be_named() -> None:
    async with gateway(Says(json=SUMS)) as host:
        assert await usage("--url", f"{host.url}/", "--key", "other") == 0
    assert (host.seen[0].path, host.seen[0].headers["authorization"]) == ("/v1/usage?group_by=model", "Bearer other")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (
            Says(status=401, json={"error": {"message": "no"}}),
            "does not know the key: set CLI2API_API_KEYS as it has them, or --key",
        ),
        (Says(status=400, json={"error": {"message": "from: takes\nunix seconds"}}), "answered 400: from: takes unix seconds"),
        (Says(status=404, body=b"<html>not here</html>"), "does not sum up usage (HTTP 404): name it with --url"),
        (Says(json=["something", "else"]), "does not sum up usage (HTTP 200)"),
    ],
)
async def test_a_refusal_is_one_line_that_names_the_fix(answer: Says, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    async with gateway(answer) as host:
        assert await usage("--url", host.url) == 1
    told = capsys.readouterr()
    assert says in told.err
    assert told.err.count("\n") == 1
    assert told.out == ""


async def test_nobody_there_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("CLI2API_PORT", str(closed_port()))
    assert await usage() == 1
    assert "start it with `cli2api serve`, or name another one with --url" in capsys.readouterr().err


async def test_a_gateway_with_certificates_is_asked_inside_and_named_by_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for setting in ("CLI2API_TLS_CERT", "CLI2API_TLS_KEY"):
        (tmp_path / setting).touch()
        monkeypatch.setenv(setting, str(tmp_path / setting))
    monkeypatch.setenv("CLI2API_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("CLI2API_EDGE_LISTEN", f"127.0.0.1:{closed_port()}")
    assert await usage() == 1
    assert capsys.readouterr().err.startswith(f"cli2api: the gateway of {tmp_path} does not answer: start it")


@pytest.mark.parametrize(("name", "value", "says"), [("CLI2API_PORT", "0", "--url"), ("CLI2API_PORT", "many", "CLI2API_PORT is")])
async def test_settings_that_name_no_gateway_are_refused(
    name: str, value: str, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, value)
    assert await usage() == 1
    assert says in capsys.readouterr().err

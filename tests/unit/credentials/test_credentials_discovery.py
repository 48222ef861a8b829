import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from services.credentials.discovery import CACHE_FILE, NO_CREDENTIALS, Found, find

NOON = 1_800_000_000.0
LOGIN = {"access_token": "eyJlogin", "refresh_token": "ory_rt_x", "expires_at": NOON + 3600}

Write = Callable[[str, object], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def _write(name: str, content: object) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return _write


def found(environ: Mapping[str, str], home: Path) -> Found | None:
    return find(environ, home, now=lambda: NOON)


def test_the_environment_comes_first(write: Write, tmp_path: Path) -> None:
    write(CACHE_FILE, LOGIN)
    assert found({"MULERUN_TOKEN": " muk-abc\n"}, tmp_path) == Found(source="env:MULERUN_TOKEN", token="muk-abc")


def test_a_studio_token_of_its_own_is_for_media(tmp_path: Path) -> None:
    both = found({"MULERUN_TOKEN": "llm", "MULERUN_STUDIO_TOKEN": "muk-abc"}, tmp_path)
    assert both == Found(source="env:MULERUN_TOKEN, media env:MULERUN_STUDIO_TOKEN", token="llm", studio_token="muk-abc")
    assert found({"MULERUN_TOKEN": "muk-a", "MULERUN_STUDIO_TOKEN": "muk-a"}, tmp_path) == Found(
        source="env:MULERUN_TOKEN", token="muk-a"
    )


def test_a_studio_token_alone_serves_both(tmp_path: Path) -> None:
    assert found({"MULERUN_STUDIO_TOKEN": "muk-a"}, tmp_path) == Found(source="env:MULERUN_STUDIO_TOKEN", token="muk-a")


def test_a_studio_token_joins_the_login(write: Write, tmp_path: Path) -> None:
    path = write(CACHE_FILE, LOGIN)
    assert found({"MULERUN_STUDIO_TOKEN": "muk-a"}, tmp_path) == Found(
        source=f"file:{path}, media env:MULERUN_STUDIO_TOKEN", cache=path, studio_token="muk-a"
    )


def test_the_logins_cache_is_found_at_home_or_where_the_variable_says(write: Write, tmp_path: Path) -> None:
    home, other = write(CACHE_FILE, LOGIN), write("other.json", LOGIN)
    assert found({}, tmp_path) == Found(source=f"file:{home}", cache=home)
    assert found({"CLI2API_TOKEN_CACHE": str(other)}, tmp_path) == Found(source=f"file:{other}", cache=other)


@pytest.mark.parametrize(
    ("content", "usable"),
    [
        ({"access_token": "eyJa"}, True),
        ({"access_token": "eyJa", "expires_at": 0}, True),
        ({"access_token": "eyJa", "expires_at": NOON - 1}, False),
        ({"access_token": "eyJa", "expires_at": NOON - 1, "refresh_token": "r"}, True),
        ({"access_token": "eyJa", "expires_at": NOON - 1, "cli2api_muk_key": "muk-a"}, True),
        ({"cli2api_muk_key": "muk-a"}, True),
        ({"refresh_token": "r"}, False),
        ({}, False),
    ],
)
def test_a_cache_without_a_usable_login_is_passed_over(
    write: Write, tmp_path: Path, content: dict[str, object], usable: bool
) -> None:
    write(CACHE_FILE, content)
    legacy = write(".mulerun/token.json", {"token": "mr_old"})
    source = tmp_path / CACHE_FILE if usable else legacy
    assert (found({}, tmp_path) or Found(source="")).source == f"file:{source}"


def test_legacy_files_come_last_and_in_order(write: Write, tmp_path: Path) -> None:
    write(".mulerun/token.json", {"accessToken": "third"})
    assert (found({}, tmp_path) or Found(source="")).token == "third"
    write(".mulerun/credentials.json", {"token": "", "access_token": "second"})
    assert (found({}, tmp_path) or Found(source="")).token == "second"
    auth = write(".mulerun/auth.json", {"token": "first", "expires_at": NOON + 1})
    assert found({}, tmp_path) == Found(source=f"file:{auth}", token="first")
    write(".mulerun/auth.json", {"token": "first", "expires_at": NOON})
    assert (found({}, tmp_path) or Found(source="")).token == "second"


def test_files_that_cannot_be_read_are_passed_over_with_a_warning(
    write: Write, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(CACHE_FILE, "{ not json muk-secret")
    write(".mulerun/auth.json", "[]")
    (tmp_path / ".mulerun/credentials.json").mkdir()
    write(".mulerun/token.json", {"token": "mr_good"})
    with caplog.at_level(logging.WARNING):
        assert (found({}, tmp_path) or Found(source="")).token == "mr_good"
    named = [getattr(record, "path", "") for record in caplog.records]
    assert named == [str(tmp_path / name) for name in (CACHE_FILE, ".mulerun/auth.json", ".mulerun/credentials.json")]
    assert "muk-secret" not in caplog.text


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "naïve"])
def test_what_no_header_can_carry_is_passed_over_by_name(tmp_path: Path, caplog: pytest.LogCaptureFixture, token: str) -> None:
    assert found({"MULERUN_TOKEN": token}, tmp_path) is None
    assert "MULERUN_TOKEN" in caplog.text
    assert token not in caplog.text


def test_nothing_found_is_none_and_the_advice_names_both_ways(tmp_path: Path) -> None:
    assert found({"MULERUN_TOKEN": ""}, tmp_path) is None
    assert NO_CREDENTIALS.startswith("no mulerun credentials found: run `mulerun login`, or export MULERUN_TOKEN=<key>")


def test_tokens_are_kept_out_of_the_repr() -> None:
    assert "muk-" not in repr(Found(source="env:MULERUN_TOKEN", token="muk-secret", studio_token="muk-other"))

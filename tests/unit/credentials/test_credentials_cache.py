import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.credentials.cache import TokenCache, dump, parse, read, write
from services.credentials.steps import Step, next_step

NOON = 1_800_000_000.0
FULL: dict[str, object] = {
    "access_token": "eyJa",
    "refresh_token": "ory_rt_b",
    "expires_at": 1_800_003_600,
    "base_url": "https://mulerun.com",
    "future": {"z": 1, "a": [1, 2]},
    "cli2api_muk_key": "muk-c",
}


def test_the_file_is_read_and_written_back_with_keys_that_are_not_ours() -> None:
    cache = parse(json.dumps(FULL).encode())
    assert (cache.access_token, cache.refresh_token, cache.muk, cache.expires_at) == (
        "eyJa",
        "ory_rt_b",
        "muk-c",
        1_800_003_600.0,
    )
    assert json.loads(dump(cache)) == FULL


@pytest.mark.parametrize("expiry", [0, -1, None, "soon", True])
def test_no_known_expiry_is_left_out_rather_than_written_as_zero(expiry: object) -> None:
    cache = parse(json.dumps({"access_token": "eyJa", "expires_at": expiry}).encode())
    assert cache.expires_at is None
    assert json.loads(dump(cache)) == {"access_token": "eyJa"}


def test_a_refresh_drops_the_account_key_and_keeps_the_rest() -> None:
    renewed = parse(json.dumps(FULL).encode()).refreshed(access_token="eyJn", refresh_token="ory_rt_n", expires_at=None)
    assert json.loads(dump(renewed)) == {
        "access_token": "eyJn",
        "refresh_token": "ory_rt_n",
        "base_url": "https://mulerun.com",
        "future": {"z": 1, "a": [1, 2]},
    }


def test_tokens_are_kept_out_of_the_caches_repr() -> None:
    shown = repr(parse(json.dumps(FULL).encode()))
    assert not [secret for secret in ("eyJa", "ory_rt_b", "muk-c") if secret in shown]


@pytest.mark.parametrize("content", [b"", b"[]", b'"muk-a"', b"{", b"\xff"])
def test_what_is_not_an_object_is_a_value_error_that_quotes_nothing(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"^it is not a JSON object$"):
        parse(content)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.text(), st.none() | st.booleans() | st.text() | st.integers(-(2**53), 2**53)))
def test_any_object_is_read_and_survives_a_round_trip(content: dict[str, object]) -> None:
    cache = parse(json.dumps(content).encode())
    assert parse(dump(cache)) == cache


def test_writing_makes_a_private_file_in_a_private_folder_and_leaves_no_other(tmp_path: Path) -> None:
    path = tmp_path / "new" / "oauth_cache.json"
    write(path, TokenCache(access_token="eyJa"))
    write(path, TokenCache(access_token="eyJb"))
    assert read(path).access_token == "eyJb"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [found.name for found in path.parent.iterdir()] == ["oauth_cache.json"]


def test_writing_through_a_link_replaces_what_it_points_to(tmp_path: Path) -> None:
    real, link = tmp_path / "real.json", tmp_path / "link.json"
    real.write_text("{}")
    link.symlink_to(real)
    write(link, TokenCache(muk="muk-a"))
    assert link.is_symlink()
    assert read(real).muk == "muk-a"


def test_a_failed_write_leaves_the_old_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "cache.json"
    path.mkdir()
    with pytest.raises(OSError, match="directory"):
        write(path, TokenCache(muk="muk-a"))
    assert [found.name for found in tmp_path.iterdir()] == ["cache.json"]


A, R, K = "eyJa", "ory_rt_b", "muk-c"


@pytest.mark.parametrize(
    ("access", "refresh", "muk", "left", "refused", "step"),
    [
        ("", "", "", None, "", Step.GIVE_UP),
        ("", R, "", None, "", Step.GIVE_UP),
        ("", "", K, None, "", Step.USE),
        (A, R, K, 3600, "", Step.USE),
        (A, R, K, None, "", Step.USE),
        (A, R, "", 3600, "", Step.EXCHANGE),
        (A, R, K, -1, "", Step.REFRESH),
        (A, R, K, 30, "", Step.REFRESH),
        (A, "", K, 30, "", Step.USE),
        (A, "", "", 30, "", Step.EXCHANGE),
        (A, "", K, -1, "", Step.USE),
        (A, "", "", -1, "", Step.GIVE_UP),
        (A, R, K, 3600, K, Step.EXCHANGE),
        (A, R, K, 3600, "muk-other", Step.USE),
        ("", "", K, None, K, Step.GIVE_UP),
        (A, "", K, -1, K, Step.GIVE_UP),
    ],
)
def test_the_table_of_steps(access: str, refresh: str, muk: str, left: float | None, refused: str, step: Step) -> None:
    cache = TokenCache(access_token=access, refresh_token=refresh, muk=muk, expires_at=None if left is None else NOON + left)
    assert next_step(cache, NOON, refused=refused) is step

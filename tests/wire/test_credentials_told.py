"""Credentials as people meet them: where one was found is said, an ended one is passed over, and each plane has its own."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from simulator.options import Options
from tests.wire import served
from tests.wire.house import House, ask, house

pytestmark = pytest.mark.wire

KEY, LEGACY, GATEWAY_KEY = "muk-" + "k" * 64, "muk-" + "l" * 64, "llm-gateway-key"
CACHE, OLD = ".config/mulerun/oauth_cache.json", ".mulerun/auth.json"
CHAT = {"model": "gpt-5", "messages": [{"role": "user", "content": "hello"}]}
PICTURE = {"model": "wan2.6-t2i", "prompt": "a fox"}


def keep(home: Path, name: str, **content: object) -> str:
    """Writes the file, and says how the gateway calls it."""
    path = home / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return f"file:{path}"


def ended() -> int:
    return int(time.time()) - 60


def in_the_environment(home: Path) -> tuple[str, str]:
    keep(home, CACHE, access_token="eyJa", cli2api_muk_key=LEGACY)
    return "env:MULERUN_TOKEN", "mr_xxx"


def in_the_logins_cache(home: Path) -> tuple[str, str]:
    keep(home, OLD, token=LEGACY)
    return keep(home, CACHE, access_token="eyJa", cli2api_muk_key=KEY, expires_at=int(time.time()) + 3600), KEY


def behind_a_login_that_has_ended(home: Path) -> tuple[str, str]:
    keep(home, CACHE, access_token="eyJa", expires_at=ended())
    return keep(home, OLD, token=LEGACY), LEGACY


def behind_an_old_file_that_has_ended(home: Path) -> tuple[str, str]:
    keep(home, OLD, token=KEY, expires_at=ended())
    return keep(home, ".mulerun/credentials.json", access_token=LEGACY), LEGACY


PLACES = (in_the_environment, in_the_logins_cache, behind_a_login_that_has_ended, behind_an_old_file_that_has_ended)


@pytest.mark.parametrize("place", PLACES)
async def test_the_startup_line_says_where_the_token_is_from_and_that_one_is_sent(
    short_path: Path, place: Callable[[Path], tuple[str, str]]
) -> None:
    source, token = place(short_path)
    given = token if source.startswith("env:") else ""
    options = Options(text_keys=frozenset({token}))
    async with house(short_path, options=options, MULERUN_TOKEN=given, CLI2API_TEXT_PATH="relay") as home:
        lines = await home.log.until(lambda lines: any(line["message"] == "startup" for line in lines))
        assert [line["token_source"] for line in lines if line["message"] == "startup"] == [source]
        await home.sdk.chat.completions.create(model="gpt-5", messages=[{"role": "user", "content": "hello"}])
        assert home.simulator.requests[-1].headers["authorization"] == f"Bearer {token}"


async def test_a_login_that_has_ended_is_as_good_as_none(short_path: Path) -> None:
    source = keep(short_path, CACHE, access_token="eyJa", expires_at=ended())
    environ = served.environment(short_path / "state")
    del environ["MULERUN_TOKEN"]

    code, stderr = await served.refusal(environ)

    assert code == 1
    assert "no mulerun credentials found: run `mulerun login`, or export MULERUN_TOKEN=<key>" in stderr
    assert "a token cache holds no login that can still be used" in stderr
    assert source.removeprefix("file:") in stderr


async def makes_pictures(home: House) -> bool:
    async with home.http.post("/v1/images/generations", json=PICTURE) as answer:
        return answer.status == 200


@pytest.mark.parametrize("path", ["direct", "relay"])
async def test_a_key_of_the_studio_alone_fails_text_with_the_way_out_and_makes_pictures(short_path: Path, path: str) -> None:
    options = Options(text_keys=frozenset({GATEWAY_KEY}), studio_keys=frozenset({KEY}))
    async with house(
        short_path, options=options, MULERUN_TOKEN="muk-of-nobody", MULERUN_STUDIO_TOKEN=KEY, CLI2API_TEXT_PATH=path
    ) as home:
        status, error = await ask(home.http, "POST", "/v1/chat/completions", CHAT)
        assert (status, error["type"]) == (502, "upstream_error")
        assert error["message"].startswith("upstream HTTP 401")
        assert "MULERUN_TOKEN" in error["message"]
        assert "LLM gateway key" in error["message"]
        assert await makes_pictures(home)


async def test_with_the_gateways_key_beside_it_both_are_served(short_path: Path) -> None:
    options = Options(text_keys=frozenset({GATEWAY_KEY}), studio_keys=frozenset({KEY}))
    async with house(short_path, options=options, MULERUN_TOKEN=GATEWAY_KEY, MULERUN_STUDIO_TOKEN=KEY) as home:
        assert await home.is_well()
        assert await makes_pictures(home)
        sent = {
            (each.path.split("/")[1], each.headers["authorization"]) for each in home.simulator.requests if each.method == "POST"
        }
        assert sent == {("v1", f"Bearer {GATEWAY_KEY}"), ("vendors", f"Bearer {KEY}")}

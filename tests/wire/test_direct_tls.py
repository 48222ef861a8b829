"""MuleRun by https, on both ways: its certificate is judged, its name asked for, its connections are used again."""

import asyncio
import json
import shutil
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from cli.errors import StartFailed
from tests.authority import HERE, Authority
from tests.hosts import Says, ScriptedHost
from tests.wire.terminator import terminating
from tests.wire.ways import CHAT, DIRECT, MESSAGES, RELAY, Answer, Ways, way, went_directly

pytestmark = [
    pytest.mark.wire,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl on this machine"),
]

PREFIX = "/some/prefix"
ASKED = {
    CHAT: b'{"model":"gpt-5","messages":[{"role":"user","content":"hello"}]}',
    MESSAGES: b'{"model":"claude-haiku-4-5","max_tokens":9,"messages":[{"role":"user","content":"hello"}]}',
}
CALLS = 20


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="authority")
async def _authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    authority = Authority(tmp_path_factory.mktemp("authority"))
    await authority.begin()
    return authority


@asynccontextmanager
async def encrypted(
    folder: Path,
    authority: Authority,
    *,
    trusted: Path,
    host: str = "localhost",
    names: str = HERE,
    speaks: Sequence[str] = ("h2", "http/1.1"),
) -> AsyncGenerator[Ways]:
    """Both gateways before one MuleRun at https://`host`, whose certificate is for `names`; they trust the file `trusted`."""
    certificate, key = await authority.issue("mulerun", names=names)
    async with AsyncExitStack() as stack, ScriptedHost() as scripted:
        scripted.say(Says({"id": "x", "usage": {"prompt_tokens": 1}}))
        port = await stack.enter_async_context(terminating(folder, scripted.url, certificate, key, speaks=speaks))
        settings = {"MULERUN_API_BASE_URL": f"https://{host}:{port}{PREFIX}", "SSL_CERT_FILE": str(trusted)}
        for name in (DIRECT, RELAY):
            (folder / name).mkdir(mode=0o700)
        direct, relay = (way(folder / name, scripted, name, **settings) for name in (DIRECT, RELAY))
        entered = await asyncio.gather(stack.enter_async_context(direct), stack.enter_async_context(relay))
        yield Ways(scripted, *entered)


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="both")
async def _both(module_path: Path, authority: Authority) -> AsyncGenerator[Ways]:
    async with encrypted(module_path, authority, trusted=authority.ca) as found:
        yield found


@pytest.mark.parametrize("path", ASKED)
async def test_a_trusted_mulerun_is_asked_by_its_name_port_and_prefix(both: Ways, path: str) -> None:
    both.host.seen.clear()

    direct, relayed = await both.both(path, ASKED[path])

    assert (direct.status, direct.body) == (relayed.status, relayed.body)
    assert direct.status == 200
    ours, theirs = both.seen()
    assert (went_directly(ours), went_directly(theirs)) == (True, False)
    assert ours.path == theirs.path
    assert ours.path.startswith(f"{PREFIX}/")
    assert ours.headers["host"] == theirs.headers["host"]
    assert ours.headers["host"].startswith("localhost:")
    assert [each.headers["x-came-to"] for each in (ours, theirs)] == ["localhost", "localhost"]


async def test_twenty_calls_at_once_share_a_connection_each_where_mulerun_speaks_http_2(both: Ways) -> None:
    await both.direct.post(CHAT, ASKED[CHAT])
    both.host.seen.clear()

    answers = await asyncio.gather(*(both.direct.post(CHAT, ASKED[CHAT]) for _ in range(CALLS)))

    assert {answer.status for answer in answers} == {200}
    assert {each.headers["x-came-by"] for each in both.host.seen} == {"HTTP/2"}
    assert len({each.headers["x-came-in"] for each in both.host.seen}) <= 2  # one for each of Envoy's threads


async def test_calls_one_after_the_other_share_few_connections_where_it_speaks_http_1(
    short_path: Path, authority: Authority
) -> None:
    async with encrypted(short_path, authority, trusted=authority.ca, speaks=["http/1.1"]) as both:
        for way in (both.direct, both.relay):
            both.host.seen.clear()
            for _ in range(CALLS):
                assert (await way.post(CHAT, ASKED[CHAT])).status == 200
            assert {each.headers["x-came-by"] for each in both.host.seen} == {"HTTP/1.1"}
            assert len({each.headers["x-came-in"] for each in both.host.seen}) <= 2


async def test_an_address_in_the_place_of_a_name_is_judged_by_the_address(short_path: Path, authority: Authority) -> None:
    async with encrypted(short_path, authority, trusted=authority.ca, host="127.0.0.1", names="IP:127.0.0.1") as both:
        direct, relayed = await both.both(CHAT, ASKED[CHAT])
        assert (direct.status, relayed.status) == (200, 200)
        assert went_directly(both.seen()[0])


def words(answer: Answer) -> str:
    said: str = json.loads(answer.body)["error"]["message"]
    return said


async def test_nothing_is_sent_to_a_host_whose_certificate_is_for_another_name(short_path: Path, authority: Authority) -> None:
    async with encrypted(short_path, authority, trusted=authority.ca, names="DNS:elsewhere.test") as both:
        await assert_refused(both)


async def test_nothing_is_sent_to_a_host_whose_authority_is_not_trusted(
    short_path: Path, authority: Authority, tmp_path: Path
) -> None:
    strangers = Authority(tmp_path / "strangers")
    await strangers.begin()
    async with encrypted(short_path, authority, trusted=strangers.ca) as both:
        await assert_refused(both)


async def assert_refused(both: Ways) -> None:
    for path, body in ASKED.items():
        direct, relayed = await both.both(path, body)
        assert (direct.status, relayed.status) == (502, 502)
        assert words(direct) == words(relayed)
        assert words(direct) == (
            "MuleRun cannot be reached: no trusted TLS connection to localhost; check MULERUN_API_BASE_URL and the clock"
        )
        ours, theirs = (
            {name: value for name, value in each.headers.items() if name.startswith("x-should")} for each in (direct, relayed)
        )
        assert ours == theirs
    assert both.host.seen == []
    # It is Envoy itself who says so on the direct way.
    await both.direct.log.until(lambda lines: sum(line["logger"] == "envoy.access" for line in lines) == len(ASKED))


async def test_an_authority_that_is_not_there_is_said_before_anything_starts(short_path: Path) -> None:
    async with ScriptedHost() as host:
        missing = {"MULERUN_API_BASE_URL": "https://localhost:9", "SSL_CERT_FILE": str(short_path / "missing.pem")}
        with pytest.raises(StartFailed, match="name a file in SSL_CERT_FILE"):
            async with way(short_path, host, DIRECT, **missing):
                raise AssertionError("it started")

"""Requests that two parsers could read differently: what hides behind one that has a key is asked for its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.attacks.wires import answered, said
from tests.wire import front

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]

HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"
WITH_KEY = b"POST /asked HTTP/1.1\r\nHost: x\r\nX-Api-Key: k\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"

REFUSED = {
    "two lengths": b"Content-Length: 0\r\nContent-Length: 34\r\n\r\n",
    "one length twice": b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n",
    "a list of lengths": b"Content-Length: 0, 34\r\n\r\n",
    "a length with a sign": b"Content-Length: +5\r\n\r\nhello",
    "less than nothing": b"Content-Length: -1\r\n\r\n",
    "a hexadecimal length": b"Content-Length: 0x5\r\n\r\nhello",
    "a space before the colon": b"Content-Length : 5\r\n\r\nhello",
    "a length, and chunks": b"Content-Length: 5\r\n" + CHUNKED + b"\r\n0\r\n\r\n",
    "chunks, and a length": CHUNKED + b"Content-Length: 5\r\n\r\n0\r\n\r\n",
    "chunks of nothing known": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunks twice": CHUNKED * 2 + b"\r\n0\r\n\r\n",
    "chunks, then something else": b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "chunks behind a control sign": b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "a zero byte": b"X-A: b\0c\r\nContent-Length: 0\r\n\r\n",
    "a chunk too long to count": CHUNKED + b"\r\n10000000000000005\r\nhello\r\n0\r\n\r\n",
    "a chunk's length that is none": CHUNKED + b"\r\n0x5\r\nhello\r\n0\r\n\r\n",
    "a chunk's line ended early": CHUNKED + b"\r\n5\nhello\n0\n\n",
    "an extension with a line end": CHUNKED + b"\r\n5;\nxx\r\nhello\r\n0\r\n\r\n",
}
TAKEN = {
    "a folded header": b"X-A: b\r\n Content-Length: 5\r\n\r\n",
    "chunks in a folded header": b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "a bare line feed between headers": b"X-A: b\nX-Cli2api-Caller: boss\r\nContent-Length: 0\r\n\r\n",
    "a bare carriage return": b"X-A: b\rX-Cli2api-Caller: boss\r\nContent-Length: 0\r\n\r\n",
    "an extension of a chunk": CHUNKED + b"\r\n5;a=b\r\nhello\r\n0\r\n\r\n",
    "a header behind the body": CHUNKED + b"\r\n0\r\nX-Cli2api-Caller: boss\r\n\r\n",
    "an upgrade to HTTP/2": b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
    b"Content-Length: 0\r\n\r\n",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def edge(module_path: Path) -> AsyncIterator[front.ScriptedEdge]:
    async with front.edge(module_path) as scripted:
        yield scripted


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gate(module_path: Path, edge: front.ScriptedEdge) -> AsyncIterator[front.Front]:
    async with front.envoy(module_path, keys=["k"]) as running:
        yield running
        assert not [seen for seen in edge.seen if seen.path == "/hidden"]


@pytest.mark.parametrize("rest", REFUSED)
async def test_what_can_be_read_in_two_ways_is_read_in_none(gate: front.Front, rest: str) -> None:
    assert await answered(gate.port, WITH_KEY + REFUSED[rest] + HIDDEN) == 400


@pytest.mark.parametrize("rest", TAKEN)
async def test_what_is_merely_odd_hides_nothing(gate: front.Front, edge: front.ScriptedEdge, rest: str) -> None:
    edge.seen.clear()
    answers = await said(gate.port, WITH_KEY + TAKEN[rest] + HIDDEN.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    assert answers.split(b"HTTP/1.1 ")[1][:3] == b"200"
    assert answers.split(b"HTTP/1.1 ")[2][:3] in {b"401", b"400"}
    (seen,) = edge.seen
    assert (seen.method, seen.path) == ("POST", "/asked")
    assert not {name.lower() for name in seen.headers} & {"x-cli2api-caller", "upgrade", "http2-settings"}


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"CONNECT evil:443 HTTP/1.1\r\nHost: evil:443\r\n", 401),
        (b"TRACE /asked HTTP/1.1\r\nHost: x\r\n", 401),
        (b"GET http://evil/asked HTTP/1.1\r\nHost: x\r\n", 401),
        (b"GET ftp://evil/asked HTTP/1.1\r\nHost: x\r\nX-Api-Key: k\r\n", 400),
        (b"GET asked HTTP/1.1\r\nHost: x\r\nX-Api-Key: k\r\n", 400),
        (b"OPTIONS * HTTP/1.1\r\nHost: x\r\nX-Api-Key: k\r\n", 404),
        (b"GET /asked HTTP/1.1\r\nX-Api-Key: k\r\n", 400),
        (b"GET /asked HTTP/1.0\r\nHost: x\r\nX-Api-Key: k\r\n", 426),
        (b"GET /asked\r\n", 426),
        (b"GET /asked HTTP/1.1\r\n X-Api-Key: k\r\nHost: x\r\n", 400),
        (b"CONNECT evil:443 HTTP/1.1\r\nHost: evil:443\r\nX-Api-Key: k\r\n", 404),
    ],
)
async def test_a_request_for_somewhere_else_goes_nowhere(
    gate: front.Front, edge: front.ScriptedEdge, line: bytes, status: int
) -> None:
    edge.seen.clear()
    assert await answered(gate.port, line + b"\r\n") == status
    assert edge.seen == []


async def test_a_proxys_form_of_a_request_is_served_here_and_not_there(gate: front.Front, edge: front.ScriptedEdge) -> None:
    edge.seen.clear()
    assert await answered(gate.port, b"GET http://evil/asked HTTP/1.1\r\nHost: x\r\nX-Api-Key: k\r\n\r\n") == 200
    assert [seen.raw_path for seen in edge.seen] == ["/asked"]


OPEN = {"/healthz", "/readyz", "/docs", "/openapi.json", "/v1/webhooks/mulerun"}


@pytest.mark.parametrize(
    "path",
    [
        *(b"/healthz/../v1/models", b"/healthz/%2e%2e/v1/models", b"/healthz/..%2fv1/models", b"/healthz%2f..%2fv1/models"),
        *(b"/healthz/..\\v1\\models", b"/healthz\\..\\v1", b"/healthz;/../v1/models", b"/docs/..;/v1/models", b"/docs/v1"),
        *(b"/healthz#/../v1/models", b"/healthz#", b"/healthz%23/../v1", b"/healthz%3f/v1/models", b"/healthz%00", b"/healthz\0"),
        *(b"/healthz?/../v1/models", b"/healthz\t/v1", b"/healthz/%252e%252e/v1", b"/%c0%ae%c0%ae/v1", b"/\xe2\x80\xa5/v1"),
        *(b"//healthz", b"/%68ealthz", b"/./healthz", b"/v1/..//readyz", b"/..", b"/../../../etc/passwd", b"http://x/docs/../v1"),
        *(
            b"/v1/webhooks/mulerun/../../models",
            b"/v1/webhooks/mulerun/",
            b"/metrics",
            b"/%6detrics",
            b"/metrics%2f",
            b"//metrics",
        ),
    ],
)
async def test_no_spelling_of_a_path_leads_past_the_keys(gate: front.Front, edge: front.ScriptedEdge, path: bytes) -> None:
    edge.seen.clear()
    status = await answered(gate.port, b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % path)
    assert status in {200, 400, 401}
    assert {seen.path for seen in edge.seen} <= OPEN
    assert (status == 200) is bool(edge.seen)

import asyncio
from collections.abc import AsyncGenerator

import pytest
from aiohttp import web

from services.domain.errors import AssetGone, UpstreamUnavailable
from services.upstream.allow import Allow
from services.upstream.assets import Assets, open_links
from tests.hosts import Says, ScriptedHost, closed_port

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 10


@pytest.fixture
async def assets() -> AsyncGenerator[Assets]:
    """Fetches from anywhere, since the scripted host is on loopback; test_upstream_allow tells where others must not."""
    allow = Allow(private=True)
    async with open_links(allow) as session:
        yield Assets(session, allow)


async def fetched(assets: Assets, url: str, *, offset: int = 0, limit: int = 0) -> tuple[str, int | None, bytes]:
    async with assets.open(url, offset=offset, limit=limit) as stream:
        return stream.mime_type, stream.size_bytes, b"".join([chunk async for chunk in stream.chunks()])


async def ranged(request: web.Request) -> web.StreamResponse:
    part = request.http_range
    if (part.start or 0) >= len(PNG):
        return web.Response(status=416, headers={"content-range": f"bytes */{len(PNG)}"})
    body = PNG[part]
    start = part.start or 0
    headers = {"content-range": f"bytes {start}-{start + len(body) - 1}/{len(PNG)}", "content-type": "image/png"}
    return web.Response(status=206, body=body, headers=headers)


async def test_a_file_is_fetched_without_credentials(assets: Assets, host: ScriptedHost) -> None:
    host.say(Says(body=PNG, headers={"content-type": "application/octet-stream"}))
    assert await fetched(assets, f"{host.url}/a%20b.png?sig=1%2F2") == ("image/png", len(PNG), PNG)
    assert host.seen[0].path == "/a%20b.png?sig=1%2F2"
    assert not {"authorization", "x-api-key", "cookie", "range"} & {name.lower() for name in host.seen[0].headers}


@pytest.mark.parametrize("ignores_range", [False, True])
@pytest.mark.parametrize(("offset", "limit"), [(0, 5), (5, 0), (5, 7), (100, 1000), (0, 9999), (2500, 500), (9999, 0), (9999, 5)])
async def test_a_part_is_the_same_whether_the_host_knows_ranges_or_not(
    assets: Assets, host: ScriptedHost, ignores_range: bool, offset: int, limit: int
) -> None:
    host.say(Says(body=PNG, headers={"content-type": "image/png"}) if ignores_range else ranged)
    _, size, content = await fetched(assets, host.url, offset=offset, limit=limit)
    assert (size, content) == (len(PNG), PNG[offset : offset + limit if limit else None])


@pytest.mark.parametrize("status", [403, 404, 410])
async def test_a_dead_link_is_gone(assets: Assets, host: ScriptedHost, status: int) -> None:
    host.say(Says({}, status=status))
    with pytest.raises(AssetGone, match=f"HTTP {status}"):
        await fetched(assets, host.url)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://cdn.test/a", "not a url", "", "http://", "https://[broken"])
async def test_only_web_links_are_followed(assets: Assets, url: str) -> None:
    with pytest.raises(AssetGone, match="not an http"):
        await fetched(assets, url)


async def test_three_redirects_are_followed_and_not_four(assets: Assets, host: ScriptedHost) -> None:
    away = Says({}, status=302, headers={"location": "/next"})
    host.say(away, away, away, Says(body=PNG))
    assert (await fetched(assets, host.url))[2] == PNG
    host.answers.clear()
    host.say(away)
    with pytest.raises(UpstreamUnavailable, match="redirects more than 3 times"):
        await fetched(assets, host.url)


async def test_a_redirect_out_of_the_web_is_not_followed(assets: Assets, host: ScriptedHost) -> None:
    host.say(Says({}, status=302, headers={"location": "file:///etc/passwd"}))
    with pytest.raises(AssetGone):
        await fetched(assets, host.url)


async def test_a_host_that_is_away_or_ill_is_unavailable(assets: Assets, host: ScriptedHost) -> None:
    with pytest.raises(UpstreamUnavailable, match="cannot be reached"):
        await fetched(assets, f"http://127.0.0.1:{closed_port()}/a")
    host.say(Says({}, status=503))
    with pytest.raises(UpstreamUnavailable, match="HTTP 503"):
        await fetched(assets, host.url)


async def test_a_link_that_breaks_in_the_midst_is_named(assets: Assets, host: ScriptedHost) -> None:
    host.say(host.stream(PNG, broken=True))
    with pytest.raises(UpstreamUnavailable):
        await fetched(assets, host.url)


async def test_leaving_stops_the_download(assets: Assets, host: ScriptedHost) -> None:
    host.say(host.stream_then_hang(PNG, content_type="image/png"))
    async with assets.open(host.url) as stream:
        assert (await anext(aiter(stream.chunks()))).startswith(b"\x89PNG")
    await asyncio.wait_for(host.hung_up.wait(), 5)


async def test_an_empty_file_is_empty(assets: Assets, host: ScriptedHost) -> None:
    host.say(Says(body=b"", headers={"content-type": "audio/mpeg; x=y"}))
    assert await fetched(assets, host.url) == ("audio/mpeg", 0, b"")

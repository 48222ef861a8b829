"""Which links are followed. A link comes from outside, so it may say anything."""

import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from services.domain.errors import AssetGone
from services.upstream.allow import Allow, CheckedResolver, is_public
from services.upstream.assets import Assets, open_links
from services.upstream.session import open_session
from tests.hosts import Says, ScriptedHost, closed_port

HOME = Allow(home=URL("https://api.mulerun.com"))


class Names(AbstractResolver):
    """A DNS that knows these names and counts its questions."""

    def __init__(self, **names: list[str]) -> None:
        self._names = {name.replace("_", "."): addresses for name, addresses in names.items()}
        self.asked: list[str] = []

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
        self.asked.append(host)
        return [
            ResolveResult(hostname=host, host=each, port=port, family=socket.AF_INET, proto=0, flags=socket.AI_NUMERICHOST)
            for each in self._names[host]
        ]

    async def close(self) -> None:
        """Nothing is open."""


@asynccontextmanager
async def fetching(allow: Allow, names: Names | None = None) -> AsyncGenerator[Assets]:
    session = open_links(allow) if names is None else open_session(resolver=CheckedResolver(allow, names))
    async with session:
        yield Assets(session, allow)


async def content(assets: Assets, url: str) -> bytes:
    async with assets.open(url) as asset:
        return b"".join([chunk async for chunk in asset.chunks()])


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%1",
        "fc00::1",
        "fd12:3456::1",
        "ff02::1",
        "2001:db8::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "2002:a00:1::1",
        "2130706433",
        "127.1",
        "0x7f.1",
        "017700000001",
        "localhost",
        "",
    ],
)
def test_an_inner_address_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"])
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    ("link", "why"),
    [
        ("http://cdn.test/a.png", "not https"),
        ("http://169.254.169.254/latest/meta-data", "not https"),
        ("https://127.0.0.1/a", "leads to 127.0.0.1, which is no public address"),
        ("https://10.1.2.3/a", "no public address"),
        ("https://169.254.169.254/a", "no public address"),
        ("https://[::1]/a", "no public address"),
        ("https://[::ffff:127.0.0.1]/a", "no public address"),
        ("https://2130706433/a", "no public address"),
        ("https://127.1/a", "no public address"),
        ("https://user:secret@10.1.2.3/a", "no public address"),
        ("file:///etc/passwd", "not an http"),
        ("gopher://1.1.1.1/", "not an http"),
    ],
)
async def test_a_link_that_leads_inside_is_refused_before_anything_is_sent(link: str, why: str) -> None:
    names = Names()
    async with fetching(HOME, names) as assets:
        with pytest.raises(AssetGone, match=why) as refused:
            await content(assets, link)
    assert "secret" not in refused.value.message
    assert names.asked == []


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1"], ["10.0.0.7"], ["169.254.169.254"], ["::ffff:10.0.0.7"], ["1.1.1.1", "192.168.0.1"]]
)
async def test_a_name_that_resolves_to_an_inner_address_is_refused(addresses: list[str]) -> None:
    async with fetching(HOME, Names(cdn_test=addresses)) as assets:
        with pytest.raises(AssetGone, match=r"leads to cdn\.test .* CLI2API_ASSET_ALLOW_PRIVATE=1"):
            await content(assets, "https://cdn.test/a.png")


@pytest.mark.parametrize("host", ["0x7f000001", "localhost"])
async def test_a_host_that_the_system_takes_for_this_machine_is_refused(host: str) -> None:
    async with fetching(HOME) as assets:
        with pytest.raises(AssetGone, match="no public address"):
            await content(assets, f"https://{host}:{closed_port()}/a")


async def test_links_to_the_configured_mulerun_are_followed_wherever_it_is(host: ScriptedHost) -> None:
    host.say(Says(body=b"picture"))
    async with fetching(Allow(home=URL(host.url))) as assets:
        assert await content(assets, f"{host.url}/assets/a.png") == b"picture"


async def test_the_name_of_the_configured_mulerun_may_be_an_inner_one(host: ScriptedHost) -> None:
    host.say(Says(body=b"picture"))
    home = URL(host.url).with_host("mulerun.test")
    async with fetching(Allow(home=home), Names(mulerun_test=["127.0.0.1"])) as assets:
        assert await content(assets, f"{home}/a.png") == b"picture"
        with pytest.raises(AssetGone, match="not https"):
            await content(assets, f"{home.with_port(closed_port())}/a.png")


async def test_a_redirect_is_checked_like_a_link(host: ScriptedHost) -> None:
    async with ScriptedHost() as inner:
        inner.say(Says(body=b"inner secret"))
        host.say(Says({}, status=302, headers={"location": f"{inner.url}/admin"}))
        async with fetching(Allow(home=URL(host.url))) as assets:
            with pytest.raises(AssetGone, match="not https"):
                await content(assets, f"{host.url}/a")
        assert inner.seen == []


async def test_a_redirect_to_an_inner_name_over_https_is_refused(host: ScriptedHost) -> None:
    host.say(Says({}, status=307, headers={"location": "https://metadata.test/latest"}))
    home = URL(host.url).with_host("mulerun.test")
    names = Names(mulerun_test=["127.0.0.1"], metadata_test=["169.254.169.254"])
    async with fetching(Allow(home=home), names) as assets:
        with pytest.raises(AssetGone, match=r"metadata\.test \(169\.254\.169\.254\)"):
            await content(assets, f"{home}/a")


async def test_private_links_are_followed_where_the_operator_says_so(host: ScriptedHost) -> None:
    async with ScriptedHost() as inner:
        inner.say(Says(body=b"picture"))
        host.say(Says({}, status=302, headers={"location": f"{inner.url}/a.png"}))
        async with fetching(Allow(private=True)) as assets:
            assert await content(assets, f"{host.url}/a") == b"picture"

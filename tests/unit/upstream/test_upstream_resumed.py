"""Going on with a file that broke off: only where its host shows that it has the same one still."""

from collections.abc import AsyncGenerator

import pytest

from services.domain.errors import AssetGone
from services.domain.job import Begun
from services.upstream.allow import Allow
from services.upstream.assets import Assets, open_links
from services.upstream.ranges import validator
from tests.hosts import Says, ScriptedHost

FILE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 10
TAG = '"v1"'
BEGUN = Begun(offset=100, size_bytes=len(FILE), mime_type="image/png", validator=TAG)
MONDAY, A_SECOND_LATER = "Mon, 02 Nov 2026 08:00:00 GMT", "Mon, 02 Nov 2026 08:00:01 GMT"


@pytest.fixture
async def assets() -> AsyncGenerator[Assets]:
    allow = Allow(private=True)
    async with open_links(allow) as session:
        yield Assets(session, allow)


def rest(begins: int = 100, *, size: str = str(len(FILE)), **headers: str) -> Says:
    """A 206 from there on."""
    said = {"content-range": f"bytes {begins}-{len(FILE) - 1}/{size}", "etag": TAG, **headers}
    return Says(status=206, body=FILE[begins:], headers=said)


async def resumed(assets: Assets, host: ScriptedHost, begun: Begun = BEGUN) -> tuple[int, bytes]:
    async with assets.resume(host.url, begun) as stream:
        assert (stream.mime_type, stream.size_bytes) == ("image/png", len(FILE))
        return stream.offset, b"".join([chunk async for chunk in stream.chunks()])


async def test_the_rest_is_asked_for_if_the_file_is_the_same(assets: Assets, host: ScriptedHost) -> None:
    host.say(rest())
    assert await resumed(assets, host) == (100, FILE[100:])
    (seen,) = host.seen
    assert (seen.headers["range"], seen.headers["if-range"]) == ("bytes=100-", TAG)
    assert not {"authorization", "x-api-key", "cookie"} & {name.lower() for name in seen.headers}


async def test_a_size_that_is_not_told_again_is_taken_from_before(assets: Assets, host: ScriptedHost) -> None:
    host.say(rest(size="*"))
    assert await resumed(assets, host) == (100, FILE[100:])


async def test_the_whole_file_comes_where_it_changed_or_ranges_are_unknown(assets: Assets, host: ScriptedHost) -> None:
    host.say(Says(body=FILE, headers={"content-type": "image/png", "etag": '"v2"'}))
    assert await resumed(assets, host) == (0, FILE)
    assert len(host.seen) == 1


@pytest.mark.parametrize(
    "strange",
    [
        rest(etag='"v2"'),
        rest(50),
        rest(size="9999"),
        Says(status=206, body=FILE[100:]),
        Says(status=416, headers={"content-range": "bytes */50"}),
        Says(status=416),
    ],
    ids=["another tag", "another place", "another size", "no place", "a shorter file", "no size"],
)
async def test_what_may_belong_to_another_file_is_not_joined(assets: Assets, host: ScriptedHost, strange: Says) -> None:
    host.say(strange, Says(body=FILE, headers={"content-type": "image/png"}))
    assert await resumed(assets, host) == (0, FILE)
    assert "range" not in host.seen[1].headers


async def test_nothing_follows_what_was_all(assets: Assets, host: ScriptedHost) -> None:
    host.say(Says(status=416, headers={"content-range": f"bytes */{len(FILE)}"}))
    begun = Begun(offset=len(FILE), size_bytes=len(FILE), mime_type="image/png", validator=TAG)
    assert await resumed(assets, host, begun) == (len(FILE), b"")


async def test_a_link_that_died_meanwhile_is_gone(assets: Assets, host: ScriptedHost) -> None:
    host.say(Says(status=403))
    with pytest.raises(AssetGone, match="HTTP 403"):
        await resumed(assets, host)


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ({"etag": TAG, "last-modified": MONDAY, "date": A_SECOND_LATER}, TAG),
        ({"etag": 'W/"v1"', "last-modified": MONDAY, "date": A_SECOND_LATER}, MONDAY),
        ({"last-modified": MONDAY, "date": A_SECOND_LATER}, MONDAY),
        ({"last-modified": MONDAY, "date": MONDAY}, ""),
        ({"last-modified": MONDAY}, ""),
        ({"last-modified": "yesterday", "date": MONDAY}, ""),
        ({"etag": "unquoted"}, ""),
        ({}, ""),
    ],
)
def test_only_a_strong_name_may_join_bytes(headers: dict[str, str], name: str) -> None:
    assert validator(headers) == name

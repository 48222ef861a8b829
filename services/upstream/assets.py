"""Fetches produced files from the upstream's links, as far as they may be followed. No credential of ours is ever sent there."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import Final

import aiohttp
from yarl import URL

from services.domain.errors import AssetGone, UpstreamUnavailable
from services.domain.job import Begun
from services.domain.ports import AssetStream
from services.domain.sniff import ENOUGH, sniffed
from services.upstream.allow import Allow, CheckedResolver, NotAllowed
from services.upstream.line import Chunks
from services.upstream.ranges import continues, extent, validator
from services.upstream.session import open_session

SILENCE_SECONDS: Final = 60.0
MOST_REDIRECTS: Final = 3

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_TELLS_NOTHING: Final = frozenset({"", "application/octet-stream", "binary/octet-stream"})


class FetchedAsset:
    """The bytes of one asset, from `offset` on. `size_bytes` is that of the whole asset."""

    def __init__(
        self, pieces: AsyncGenerator[bytes], *, mime_type: str, size_bytes: int | None, offset: int, validator: str
    ) -> None:
        self.mime_type = mime_type
        self.size_bytes = size_bytes
        self.offset = offset
        self.sha256 = ""
        self.validator = validator
        self._pieces = pieces

    def chunks(self) -> AsyncIterator[bytes]:
        """The bytes in order; may be read once. Raises UpstreamUnavailable where the link breaks off."""
        return self._pieces


def open_links(allow: Allow) -> aiohttp.ClientSession:
    """A session that connects only where `allow` lets it; close it when done. Needs a running event loop."""
    return open_session(resolver=CheckedResolver(allow, aiohttp.ThreadedResolver()))


class Assets:
    """AssetSource over a session of `open_links`, which stays its maker's to close; both get the same `allow`."""

    def __init__(self, session: aiohttp.ClientSession, allow: Allow) -> None:
        self._session = session
        self._allow = allow

    @asynccontextmanager
    async def open(self, url: str, *, offset: int = 0, limit: int = 0) -> AsyncGenerator[AssetStream]:
        """The asset's bytes from `offset`, at most `limit` of them where that is not 0; none beyond its end.

        Raises AssetGone where the link is dead or must not be followed, UpstreamUnavailable where it cannot be reached.
        """
        asked = {"range": f"bytes={offset}-{offset + limit - 1 if limit else ''}"} if offset or limit else {}
        async with self._got(url, asked) as response, _streamed(response, offset, limit) as asset:
            yield asset

    @asynccontextmanager
    async def resume(self, url: str, begun: Begun) -> AsyncGenerator[AssetStream]:
        """As AssetSource promises."""
        async with AsyncExitStack() as stack:
            asked = {"range": f"bytes={begun.offset}-", "if-range": begun.validator}
            response = await stack.enter_async_context(self._got(url, asked))
            offset = begun.offset if continues(response.status, response.headers, begun) else 0
            if offset or response.status == 200:
                asset: AssetStream = await stack.enter_async_context(_streamed(response, offset, 0))
            else:
                # A range of another file, whatever If-Range is there for: of no use, and so is the rest of it.
                response.close()
                asset = await stack.enter_async_context(self.open(url))
            if offset:
                asset.mime_type = begun.mime_type
                asset.size_bytes = asset.size_bytes or begun.size_bytes
            yield asset

    @asynccontextmanager
    async def _got(self, url: str, asked: Mapping[str, str]) -> AsyncGenerator[aiohttp.ClientResponse]:
        response = await self._get(url, asked)
        try:
            yield response
        finally:
            response.close()

    async def _get(self, url: str, asked: Mapping[str, str]) -> aiohttp.ClientResponse:
        response = await self._follow(url, {"accept-encoding": "identity", **asked})
        if response.status in (200, 206) or (response.status == 416 and asked):
            return response
        response.close()
        if response.status in (403, 404, 410):
            raise AssetGone(f"the asset's link is dead (HTTP {response.status}); upstream links may live for an hour only")
        raise UpstreamUnavailable(f"the asset's host answered HTTP {response.status}")

    async def _follow(self, link: str, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        """The answer at the end of the redirects, each of which is checked like the link itself."""
        url = _parsed(link)
        for _ in range(MOST_REDIRECTS + 1):
            response = await self._send(url, headers)
            location = response.headers.get("location", "")
            if response.status not in _REDIRECTS or not location:
                return response
            response.close()
            url = url.join(_parsed(location))
        raise UpstreamUnavailable(f"the asset's link redirects more than {MOST_REDIRECTS} times")

    async def _send(self, url: URL, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        if why := self._allow.refusal(url):
            raise AssetGone(why)
        try:
            return await self._session.get(
                url,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(sock_connect=self._session.timeout.sock_connect, sock_read=SILENCE_SECONDS),
            )
        except aiohttp.ClientConnectorDNSError as error:
            if isinstance(error.os_error, NotAllowed):
                raise AssetGone(str(error.os_error)) from error
            raise UpstreamUnavailable(f"the asset's host {url.raw_host} does not resolve") from error
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError, ValueError) as error:
            raise AssetGone("the asset's link is not an http(s) URL") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise UpstreamUnavailable(f"the asset's host {url.raw_host} cannot be reached") from error


def _parsed(link: str) -> URL:
    """Raises AssetGone. A signed link is signed as it is written; only what cannot be sent at all is escaped."""
    try:
        return URL(link, encoded=link.isascii() and " " not in link)
    except ValueError as error:
        raise AssetGone("the asset's link is not an http(s) URL") from error


@asynccontextmanager
async def _streamed(response: aiohttp.ClientResponse, offset: int, limit: int) -> AsyncGenerator[FetchedAsset]:
    """What of the answer was wanted."""
    begins, size = extent(response.status, response.headers, offset)
    pieces = _window(_body(response), skip=offset - begins, limit=limit)
    async with aclosing(pieces):
        head, whole = await _peek(pieces)
        async with aclosing(whole):
            told = response.content_type if "content-type" in response.headers else ""
            mime_type = (sniffed(head) if offset == 0 else "") or ("" if told in _TELLS_NOTHING else told)
            yield FetchedAsset(
                whole,
                mime_type=mime_type or "application/octet-stream",
                size_bytes=size,
                offset=offset,
                validator=validator(response.headers),
            )


async def _body(response: aiohttp.ClientResponse) -> AsyncGenerator[bytes]:
    if response.status == 416:
        return
    async for piece in Chunks(response):
        yield piece


async def _window(pieces: AsyncGenerator[bytes], *, skip: int, limit: int) -> AsyncGenerator[bytes]:
    """Without the first `skip` bytes, and at most `limit` where that is not 0."""
    left = limit
    async with aclosing(pieces):
        async for piece in pieces:
            if skip >= len(piece):
                skip -= len(piece)
                continue
            kept = piece[skip:] if not limit else piece[skip : skip + left]
            skip = 0
            left -= len(kept)
            yield kept
            if limit and left <= 0:
                return


async def _peek(pieces: AsyncGenerator[bytes]) -> tuple[bytes, AsyncGenerator[bytes]]:
    """The first bytes, enough to sniff where there are as many, and all the bytes, those included."""
    head = bytearray()
    async for piece in pieces:
        head += piece
        if len(head) >= ENOUGH:
            break
    return bytes(head[:ENOUGH]), _rejoined(bytes(head), pieces)


async def _rejoined(head: bytes, rest: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    if head:
        yield head
    async for piece in rest:
        yield piece

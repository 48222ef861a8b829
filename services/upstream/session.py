"""Opens HTTP sessions: one that all upstream calls share, one for links; nothing here knows whom it will call.

The session keeps no cookies, reads no proxy or netrc settings, unpacks no body unless a call asks for it, and sets no total
timeout: each call brings its own.
"""

from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver
from aiohttp.connector import Connection
from aiohttp.http import StreamWriter

CONNECT_SECONDS: Final = 10.0
SILENCE_SECONDS: Final = 600.0
"""A model may think this long without a byte. It ends connections whose other end is dead and never said so."""
KEEPALIVE_SECONDS: Final = 15.0
"""Shorter than any server's own idle limit, so that a paid POST is not written into a connection that is just being closed."""
LARGEST_HEADER: Final = 64 * 2**10
"""Bytes of one header of an answer; rate limits and policies make some of them long."""


class _InOneGo(aiohttp.ClientRequest):
    """A request whose body, where it is bytes, is written together with its head.

    aiohttp starts a task for every body and writes both in there; that takes several times what the writing takes. What is inside
    of its requests is no promise of aiohttp's, so pyproject.toml holds it to the release that this was written for.
    """

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        """As ClientRequest promises; whatever is more than a head and some bytes goes its way."""
        body, protocol = self._body, conn.protocol
        if type(body) is not aiohttp.BytesPayload or protocol is None or protocol.writing_paused:
            return await super().send(conn)
        if self.chunked or self.compress or self.proxy or self._traces or self._continue is not None:
            return await super().send(conn)
        writer = StreamWriter(protocol, self.loop)
        await writer.write_headers(f"{self.method} {self.url.raw_path_qs} HTTP/1.1", self.headers)
        await writer.write(await body.as_bytes(), drain=False)
        await writer.write_eof()
        protocol.start_timeout()
        return self.response_class(
            self.method,
            self.original_url,
            writer=None,
            continue100=None,
            timer=self._timer,
            request_info=self.request_info,
            traces=self._traces,
            loop=self.loop,
            session=self.session,
            stream_writer=writer,
        )


def open_session(*, connections: int = 4096, resolver: AbstractResolver | None = None) -> aiohttp.ClientSession:
    """A session with at most `connections` open connections; close it when done. Needs a running event loop.

    Names are resolved by `resolver` where one is given.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=connections, limit_per_host=0, keepalive_timeout=KEEPALIVE_SECONDS, resolver=resolver
        ),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=SILENCE_SECONDS),
        request_class=_InOneGo,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"user-agent": "cli2api"},
        auto_decompress=False,
        max_field_size=LARGEST_HEADER,
        trust_env=False,
    )

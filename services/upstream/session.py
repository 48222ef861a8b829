"""Opens HTTP sessions: one that all upstream calls share, one for links; nothing here knows whom it will call.

The session keeps no cookies, reads no proxy or netrc settings, unpacks no body unless a call asks for it, and sets no total
timeout: each call brings its own.
"""

from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver

CONNECT_SECONDS: Final = 10.0
SILENCE_SECONDS: Final = 600.0
"""A model may think this long without a byte. It ends connections whose other end is dead and never said so."""
KEEPALIVE_SECONDS: Final = 15.0
"""Shorter than any server's own idle limit, so that a paid POST is not written into a connection that is just being closed."""
LARGEST_HEADER: Final = 64 * 2**10
"""Bytes of one header of an answer; rate limits and policies make some of them long."""


def open_session(*, connections: int = 4096, resolver: AbstractResolver | None = None) -> aiohttp.ClientSession:
    """A session with at most `connections` open connections; close it when done. Needs a running event loop.

    Names are resolved by `resolver` where one is given.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=connections, limit_per_host=0, keepalive_timeout=KEEPALIVE_SECONDS, resolver=resolver
        ),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=SILENCE_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"user-agent": "cli2api"},
        auto_decompress=False,
        max_field_size=LARGEST_HEADER,
        trust_env=False,
    )

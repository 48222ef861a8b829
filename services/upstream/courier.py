"""Carries messages to the one receiver that the operator has named.

Law: a receiver on the inside is reached only where the operator says so. What is checked is the address that is connected to, and
no redirect is followed, so that a name that changes its mind gains nothing.
"""

import socket
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from services.upstream.allow import is_public

SECONDS: Final = 15.0
"""How long the receiver may take."""
_ADVICE: Final = "is no public address; set CLI2API_NOTIFY_ALLOW_PRIVATE=1 if it is meant"


class _Inside(OSError):
    """A name that leads to an address that is not public."""


class _PublicOnly(AbstractResolver):
    """Resolves names, and refuses those of which any address is not public."""

    def __init__(self) -> None:
        self._resolver = aiohttp.ThreadedResolver()

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        """Every address of the host. Raises OSError."""
        found = await self._resolver.resolve(host, port, family)
        for each in found:
            if not is_public(each["host"]):
                raise _Inside(f"{host} leads to {each['host']}, which {_ADVICE}")
        return found

    async def close(self) -> None:
        """Lets go of the resolver behind it."""
        await self._resolver.close()


class HttpCourier:
    """A Courier over HTTP. Made by `open_courier`."""

    def __init__(self, session: aiohttp.ClientSession, url: URL, *, private: bool) -> None:
        self._session = session
        self._url = url
        self._private = private

    async def deliver(self, headers: Mapping[str, str], body: bytes) -> str:
        """As Courier promises."""
        host = self._url.raw_host or ""
        # An address is no name, so no resolver is asked for it.
        if not self._private and _is_address(host) and not is_public(host):
            return f"{host} {_ADVICE}"
        try:
            async with self._session.post(self._url, data=body, headers=headers, allow_redirects=False) as answer:
                return "" if 200 <= answer.status < 300 else f"the receiver answered HTTP {answer.status}"
        except aiohttp.ClientConnectorDNSError as error:
            inside = error.os_error
            return str(inside) if isinstance(inside, _Inside) else f"{host} cannot be found"
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return f"the receiver at {host} cannot be reached ({type(error).__name__})"


@asynccontextmanager
async def open_courier(url: str, *, private: bool) -> AsyncGenerator[HttpCourier]:
    """A courier to `url`; on the inside only where `private`."""
    connector = aiohttp.TCPConnector(resolver=None if private else _PublicOnly(), use_dns_cache=False)
    session = aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=SECONDS),
        headers={"user-agent": f"cli2api/{version('mulerun-cli2api')}"},
        cookie_jar=aiohttp.DummyCookieJar(),
    )
    async with session:
        yield HttpCourier(session, URL(url), private=private)


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()

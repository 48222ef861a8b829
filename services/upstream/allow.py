"""Decides which hosts assets may be fetched from. A link is a stranger's word: it must not make the gateway knock at inner doors.

Law: https and public addresses only, and what is checked is the address that is connected to, so that a name that resolves to
one thing for the check and to another for the connection gains nothing. The one exception is MuleRun's own address, which the
operator has configured: whoever points the gateway at a MuleRun on this machine means its links too.
"""

import ipaddress
import socket
from dataclasses import dataclass
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

_ADVICE: Final = "set CLI2API_ASSET_ALLOW_PRIVATE=1 if such links are meant to be followed"
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
"""IPv6 addresses that a network translates into the IPv4 address in their last 32 bits."""


class NotAllowed(OSError):
    """A host resolves to an address that assets may not be fetched from; the text says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allow:
    """Which hosts assets may be fetched from."""

    home: URL = URL()  # noqa: RUF009 - a URL is a value
    """MuleRun's API; links to this scheme, host and port are followed wherever it lies."""
    private: bool = False
    """Follow http too, and links to private addresses."""

    def refusal(self, url: URL) -> str:
        """Why the link must not be followed; empty where it may, as far as can be told before its host is resolved."""
        if url.scheme not in ("http", "https") or not url.raw_host:
            return "the asset's link is not an http(s) URL"
        if self.private or (url.scheme, url.raw_host, url.port) == (self.home.scheme, self.home.raw_host, self.home.port):
            return ""
        if url.scheme != "https":
            return f"the asset's link to {url.raw_host} is not https, and others are not followed; {_ADVICE}"
        return self.refused_address(url.raw_host, url.raw_host) if _is_literal(url.raw_host) else ""

    def refused_address(self, host: str, address: str, port: int | None = None) -> str:
        """Why `host` must not be fetched from at `address`; empty where it may."""
        if self.private or (host, port) == (self.home.raw_host, self.home.port) or is_public(address):
            return ""
        shown = host if host == address else f"{host} ({address})"
        return f"the asset's link leads to {shown}, which is no public address; {_ADVICE}"


class CheckedResolver(AbstractResolver):
    """Resolves names, and refuses those of which any address is not allowed."""

    def __init__(self, allow: Allow, resolver: AbstractResolver) -> None:
        self._allow = allow
        self._resolver = resolver

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
        """Every address of the host. Raises NotAllowed, or another OSError where the name does not resolve."""
        found = await self._resolver.resolve(host, port, family)
        for each in found:
            if why := self._allow.refused_address(host, each["host"], port):
                raise NotAllowed(why)
        return found

    async def close(self) -> None:
        """Lets go of the resolver behind it."""
        await self._resolver.close()


def is_public(address: str) -> bool:
    """Whether the address is one that the whole internet reaches; False for what is no address in its usual form."""
    try:
        return _is_public(ipaddress.ip_address(address))
    except ValueError:
        return False


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and (inner := _inner(address)) is not None:
        return _is_public(inner)
    return address.is_global and not address.is_multicast


def _inner(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 address stands for, if it does."""
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def _is_literal(host: str) -> bool:
    """No name is asked of the resolver: an address, or a number that some systems take for one."""
    return ":" in host or host.replace(".", "").isdigit()

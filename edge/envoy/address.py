"""Where a part listens or is reached, in our words and in Envoy's. Pure."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

LONGEST_SOCKET_PATH: Final = 103
"""Bytes of a unix socket's path that every system takes."""
OWNER_ONLY: Final = 0o600


@dataclass(frozen=True, slots=True)
class Tcp:
    """A host, by number or name, and a port."""

    host: str
    port: int

    @property
    def is_number(self) -> bool:
        """The host is an IP address, so there is no name to look up."""
        try:
            ipaddress.ip_address(self.host)
        except ValueError:
            return False
        return True

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Unix:
    """A unix socket."""

    path: Path

    @property
    def is_number(self) -> bool:
        """There is no name to look up."""
        return True

    def __str__(self) -> str:
        return f"unix:{self.path}"


Address: TypeAlias = Tcp | Unix


def parse(text: str) -> Address:
    """From "unix:/abs/path.sock", "host:port" or "[::1]:port". Raises ValueError that says what it takes."""
    if text.startswith("unix:/"):
        return Unix(Path(text.removeprefix("unix:")))
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f'"{text}" is no address: takes host:port or unix:/absolute/path.sock')
    return Tcp(host, int(port))


def to_envoy(address: Address) -> dict[str, object]:
    """Envoy's `Address`."""
    if isinstance(address, Unix):
        return {"pipe": {"path": str(address.path)}}
    return {"socket_address": {"address": address.host, "port_value": address.port}}


def to_envoy_listener(address: Address) -> dict[str, object]:
    """Envoy's `Address` of something that it listens on itself; a socket is for its owner only."""
    if isinstance(address, Unix):
        return {"pipe": {"path": str(address.path), "mode": OWNER_ONLY}}
    return to_envoy(address)

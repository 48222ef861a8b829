"""Ports, looked at before anything starts, so that one in use is a sentence and not a stack of failures."""

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from cli.errors import StartFailed
from edge.envoy.address import Tcp


@contextmanager
def held(host: str, port: int, *, setting: str) -> Iterator[Tcp]:
    """Keeps the port from others while the context lasts; 0 takes a free one. Yields the address with numbers in it.

    Raises StartFailed, naming `setting`, where the port cannot be had.
    """
    family, number = _resolve(host)
    with socket.socket(family) as probe:
        # With SO_REUSEADDR a port whose last owner has just gone can be had; one that is listened on cannot, also where
        # its owner would share it.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((number, port))
        except OSError as error:
            raise StartFailed(_complaint(error, host, port, setting)) from error
        yield Tcp(number, probe.getsockname()[1])


def reachable(address: Tcp) -> Tcp:
    """The address under which this machine reaches what listens there."""
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - read, not bound
    return Tcp(everywhere.get(address.host, address.host), address.port)


def _resolve(host: str) -> tuple[socket.AddressFamily, str]:
    """A host's family and number; IPv4 where it has both."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise StartFailed(
            f'CLI2API_HOST is "{host}", which is no address of this machine: set it to 127.0.0.1 or 0.0.0.0'
        ) from error
    family, *_, address = min(found, key=lambda each: each[0] != socket.AF_INET)
    return family, str(address[0])


def _complaint(error: OSError, host: str, port: int, setting: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use: stop what listens there, or set {setting} to another port"
    if error.errno == errno.EACCES:
        return f"port {port} on {host} is not for this user: set {setting} to one above 1023"
    if error.errno == errno.EADDRNOTAVAIL:
        return f'CLI2API_HOST is "{host}", which is no address of this machine: set it to 127.0.0.1 or 0.0.0.0'
    return f"port {port} on {host} cannot be listened on ({error.strerror}): set {setting} or CLI2API_HOST"

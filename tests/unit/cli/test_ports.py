"""Ports are looked at before anything starts."""

import socket

import pytest

from cli import ports
from cli.errors import StartFailed
from edge.envoy.address import Tcp


def test_nought_takes_a_free_port_and_two_at_once_differ() -> None:
    with ports.held("127.0.0.1", 0, setting="A") as one, ports.held("127.0.0.1", 0, setting="B") as other:
        assert one.host == "127.0.0.1"
        assert one.port > 0
        assert one.port != other.port


@pytest.mark.parametrize("shares", [False, True])
def test_a_port_that_is_listened_on_is_refused_also_where_its_owner_would_share(shares: bool) -> None:
    with socket.create_server(("127.0.0.1", 0), reuse_port=shares) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartFailed, match=f"port {port} on 127.0.0.1 is in use: .* set CLI2API_PORT to another port"):
            ports.held("127.0.0.1", port, setting="CLI2API_PORT").__enter__()


def test_a_name_becomes_a_number() -> None:
    with ports.held("localhost", 0, setting="A") as address:
        assert address.is_number


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.250", "a" * 300])
def test_a_host_that_is_not_this_machine_is_named(host: str) -> None:
    with pytest.raises(StartFailed, match="CLI2API_HOST is "):
        ports.held(host, 0, setting="A").__enter__()


def test_what_listens_everywhere_is_reached_over_loopback() -> None:
    assert ports.reachable(Tcp("0.0.0.0", 8080)) == Tcp("127.0.0.1", 8080)
    assert str(ports.reachable(Tcp("::", 8080))) == "[::1]:8080"
    assert ports.reachable(Tcp("192.0.2.1", 8080)) == Tcp("192.0.2.1", 8080)

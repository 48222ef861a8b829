"""The edge's settings and its door."""

import stat
from pathlib import Path

import pytest

from edge.server import listening
from edge.settings import BadSetting, Settings


def test_nothing_set_means_sockets_in_the_state_directory() -> None:
    settings = Settings.read({"HOME": "/home/m"})
    assert settings.listen == "unix:/home/m/.local/state/cli2api/run/edge.sock"
    assert settings.core_target == "unix:/home/m/.local/state/cli2api/run/core.sock"
    assert (settings.max_body, settings.image_timeout, settings.heartbeat) == (64 << 20, 300.0, 15.0)


def test_values_are_read_in_their_units() -> None:
    settings = Settings.read(
        {
            "CLI2API_STATE_DIR": "/var/lib/c",
            "CLI2API_MAX_BODY": "2MB",
            "CLI2API_IMAGE_TIMEOUT": "90",
            "CLI2API_HEARTBEAT": "500ms",
            "CLI2API_EDGE_LISTEN": "[::1]:8081",
            "CLI2API_LOG_LEVEL": "DEBUG",
        }
    )
    assert (settings.max_body, settings.image_timeout, settings.heartbeat) == (2 << 20, 90.0, 0.5)
    assert (settings.listen, settings.core_target, settings.log_level) == ("[::1]:8081", "unix:/var/lib/c/run/core.sock", "debug")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CLI2API_MAX_BODY", "huge"),
        ("CLI2API_MAX_BODY", "1"),
        ("CLI2API_IMAGE_TIMEOUT", "soon"),
        ("CLI2API_HEARTBEAT", "0"),
        ("CLI2API_EDGE_LISTEN", "8080"),
        ("CLI2API_EDGE_LISTEN", "localhost:99999"),
        ("CLI2API_LOG_LEVEL", "loud"),
    ],
)
def test_a_bad_value_names_its_variable(name: str, value: str) -> None:
    with pytest.raises(BadSetting, match=f'^{name} is "{value}": '):
        Settings.read({"HOME": "/", name: value})


def test_a_unix_socket_is_for_its_owner_only_and_goes_with_the_edge(tmp_path: Path) -> None:
    path = tmp_path / "run" / "edge.sock"
    with listening(f"unix:{path}"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert not path.exists()


def test_a_socket_left_by_a_dead_edge_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "edge.sock"
    with listening(f"unix:{path}") as first, listening(f"unix:{path}") as second:
        assert first.getsockname() == second.getsockname() == str(path)


def test_an_address_that_is_taken_is_named() -> None:
    with listening("127.0.0.1:0") as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(OSError, match=address), listening(address):
            pass

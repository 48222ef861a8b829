"""`cli2api serve` that cannot start: at once, with exit code 1 and one message that names the fix."""

import socket
from pathlib import Path

import pytest

from tests.wire import served

pytestmark = pytest.mark.wire


@pytest.mark.parametrize("setting", ["CLI2API_PORT", "CLI2API_GRPC_PORT"])
async def test_a_port_in_use_is_named(short_path: Path, setting: str) -> None:
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as taken:
        port = taken.getsockname()[1]
        code, stderr = await served.refusal(served.environment(short_path / "state", **{setting: str(port)}))

    assert code == 1
    assert stderr == f"cli2api: port {port} on 127.0.0.1 is in use: stop what listens there, or set {setting} to another port\n"


async def test_a_bad_setting_is_named(short_path: Path) -> None:
    code, stderr = await served.refusal(served.environment(short_path / "state", CLI2API_PORT="eighty"))

    assert code == 1
    assert stderr == 'cli2api: CLI2API_PORT is "eighty": takes a whole number from 0 to 65535\n'


async def test_missing_credentials_say_how_to_get_them(short_path: Path) -> None:
    environ = served.environment(short_path / "state")
    del environ["MULERUN_TOKEN"]

    code, stderr = await served.refusal(environ)

    assert code == 1
    assert stderr.count("no mulerun credentials found") == 1
    assert "MULERUN_TOKEN" in stderr
    assert "Traceback" not in stderr


async def test_a_second_gateway_on_the_same_state_directory_is_refused(short_path: Path) -> None:
    state = short_path / "state"
    async with served.serve(served.environment(state)) as first:
        code, stderr = await served.refusal(served.environment(state))
        assert await first.status("/readyz") == 200

    assert code == 1
    assert stderr == f"cli2api: another gateway runs on {state}: stop it, or set CLI2API_STATE_DIR to another folder\n"


async def test_a_state_directory_that_is_too_deep_for_a_socket_is_named(short_path: Path) -> None:
    code, stderr = await served.refusal(served.environment(short_path / ("deep" * 30)))

    assert code == 1
    assert "CLI2API_STATE_DIR" in stderr
    assert stderr.count("\n") == 1


async def test_a_state_directory_that_is_a_file_is_named(short_path: Path) -> None:
    (short_path / "state").write_text("")

    code, stderr = await served.refusal(served.environment(short_path / "state"))

    assert code == 1
    assert stderr.startswith(f"cli2api: CLI2API_STATE_DIR is {short_path}/state, which cannot be used")


async def test_a_host_that_is_not_this_machines_is_named(short_path: Path) -> None:
    environ = served.environment(short_path / "state", CLI2API_HOST="192.0.2.250", CLI2API_API_KEYS="k")

    code, stderr = await served.refusal(environ)

    assert code == 1
    assert stderr.startswith('cli2api: CLI2API_HOST is "192.0.2.250", which is no address of this machine')


@pytest.mark.parametrize("way", ["direct", "relay"])
@pytest.mark.parametrize(
    ("aliases", "why"),
    [
        ("gpt-5-mini=gpt-5", "alias 'gpt-5-mini' would hide the model"),
        ("fast=small,small=gpt-5-mini", "alias 'fast' leads to the alias 'small'"),
    ],
)
async def test_an_alias_that_cannot_be_is_named(short_path: Path, aliases: str, why: str, way: str) -> None:
    environ = served.environment(short_path / "state", CLI2API_MODEL_ALIASES=aliases, CLI2API_TEXT_PATH=way)

    code, stderr = await served.refusal(environ)

    assert (code, stderr.count("\n")) == (1, 1)
    assert stderr.startswith(f"cli2api: CLI2API_MODEL_ALIASES: {why}")


async def test_a_collector_that_is_no_address_is_named(short_path: Path) -> None:
    code, stderr = await served.refusal(served.environment(short_path / "state", OTEL_EXPORTER_OTLP_ENDPOINT="foo"))

    assert (code, stderr.count("\n")) == (1, 1)
    assert stderr.startswith('cli2api: OTEL_EXPORTER_OTLP_ENDPOINT is "foo": takes http://host:4317 or https://host:4317')

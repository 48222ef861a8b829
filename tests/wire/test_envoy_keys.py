"""Who is let in at the REST listener."""

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from cli.readiness import until
from edge.envoy import render
from tests.wire import front

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]

KEYS = ("sk-one", "sk.(two)|x*")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gate(module_path: Path) -> AsyncIterator[front.Front]:
    async with front.edge(module_path), front.envoy(module_path, keys=KEYS) as running:
        yield running


async def status(gate: front.Front, headers: dict[str, str], path: str = "/v1/models") -> int:
    async with aiohttp.ClientSession() as session, session.get(gate.url + path, headers=headers) as answer:
        return answer.status


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer sk-one"},
        {"Authorization": "bearer sk-one"},
        {"Authorization": "BEARER   sk-one"},
        {"Authorization": "Bearer sk.(two)|x*"},
        {"x-api-key": "sk-one"},
        {"x-api-key": "sk.(two)|x*"},
        {"Authorization": "Bearer wrong", "x-api-key": "sk-one"},
        {"Authorization": "Bearer sk-one", "x-api-key": "wrong"},
    ],
)
async def test_a_known_key_in_either_header_comes_in(gate: front.Front, headers: dict[str, str]) -> None:
    assert await status(gate, headers) == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "sk-one"},
        {"Authorization": "Basic sk-one"},
        {"Authorization": "Bearersk-one"},
        {"Authorization": "Bearer SK-ONE"},
        {"Authorization": "Bearer sk-one2"},
        {"Authorization": "Bearer 1sk-one"},
        {"Authorization": "Bearer sk-one,sk-one"},
        {"Authorization": "Bearer sk-one Bearer sk-one"},
        {"Authorization": "Bearer sk.(two)"},
        {"Authorization": "Bearer sk-(two)|x*"},
        {"x-api-key": "Bearer sk-one"},
        {"x-api-key": "sk-on"},
        {"x-api-key": ""},
        {"x-api-key": "sk-one" * 1000},
        {"x_api_key": "sk-one"},
    ],
)
async def test_nobody_else_comes_in(gate: front.Front, headers: dict[str, str]) -> None:
    assert await status(gate, headers) == 401


async def test_a_refusal_says_how_to_send_a_key(gate: front.Front) -> None:
    async with aiohttp.ClientSession() as session, session.get(gate.url) as answer:
        assert answer.headers["www-authenticate"] == "Bearer"
        assert await answer.json() == {
            "error": {
                "message": "no API key, or an unknown one: send `Authorization: Bearer <key>` or `x-api-key: <key>`",
                "type": "authentication_error",
                "param": None,
                "code": "invalid_api_key",
            }
        }


async def test_a_refusal_comes_before_any_look_at_the_body(gate: front.Front) -> None:
    body = io.BytesIO(bytes(4 << 20))
    async with aiohttp.ClientSession() as session, session.post(gate.url, data=body) as answer:
        assert answer.status == 401


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_probes_need_no_key(gate: front.Front, path: str) -> None:
    assert await status(gate, {}, path) == 200


@pytest.mark.parametrize("path", ["/healthz/", "/healthz/../v1/models", "/healthz%2F..%2Fv1", "/v1/healthz", "/HEALTHZ"])
async def test_what_only_looks_like_a_probe_needs_one(gate: front.Front, path: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", gate.port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()

    assert answer.startswith(b"HTTP/1.1 401 ")


async def test_a_changed_key_file_is_in_force_without_a_restart(short_path: Path) -> None:
    async with front.edge(short_path), front.envoy(short_path, keys=["sk-old"]) as gate:
        assert await status(gate, {"x-api-key": "sk-old"}) == 200

        render.write_keys(gate.folder, ["sk-new"])

        async def new_key_is_known() -> bool:
            return await status(gate, {"x-api-key": "sk-new"}) == 200

        async with asyncio.timeout(10):
            await until(new_key_is_known)
        assert await status(gate, {"x-api-key": "sk-old"}) == 401


async def test_without_keys_the_gateway_is_open(short_path: Path) -> None:
    async with front.edge(short_path), front.envoy(short_path) as gate:
        assert await status(gate, {}) == 200
        assert await status(gate, {"Authorization": "Bearer whatever"}) == 200


async def test_a_key_is_in_no_log_and_its_file_is_its_owners(gate: front.Front) -> None:
    await status(gate, {"Authorization": "Bearer sk-secret-wrong"}, "/v1/models?key=sk-secret-wrong")

    files = {path.name: path.stat().st_mode & 0o777 for path in (gate.folder / "dynamic").iterdir()}
    assert files == {"keys.yaml": 0o600, "routes.yaml": 0o600}
    assert (gate.folder / "dynamic").stat().st_mode & 0o777 == 0o700
    assert (gate.folder / "admin.sock").stat().st_mode & 0o777 == 0o600
    assert not [line for line in gate.log if b"sk-" in line]

"""`python -m edge` as a process: it says what is wrong, serves, and stops in order."""

import asyncio
import json
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx2

from tests.unit.edge.scripted import Core, chunk, head


async def _start(environ: Mapping[str, str]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "edge", env={"HOME": "/nowhere", **environ}, stderr=asyncio.subprocess.PIPE
    )


async def test_a_bad_setting_stops_the_start() -> None:
    process = await _start({"CLI2API_MAX_BODY": "huge"})
    _, told = await process.communicate()
    assert process.returncode == 1
    assert told.decode().startswith('CLI2API_MAX_BODY is "huge": takes a size')


async def test_an_address_that_is_taken_stops_the_start() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        process = await _start({"CLI2API_EDGE_LISTEN": address})
        _, told = await process.communicate()
    assert process.returncode == 1
    assert address in told.decode()


async def test_a_metrics_address_that_is_taken_is_told_by_its_own_setting_and_stops_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        path = tmp_path / "edge.sock"
        process = await _start({"CLI2API_EDGE_LISTEN": f"unix:{path}", "CLI2API_METRICS_LISTEN": address})
        assert process.stderr is not None
        try:
            async with asyncio.timeout(30):
                while not (line := json.loads(await process.stderr.readline()))["message"].startswith("metrics are not served"):
                    pass
            transport = httpx2.AsyncHTTPTransport(uds=str(path), retries=3)
            async with httpx2.AsyncClient(transport=transport, base_url="http://edge", timeout=20) as http:
                assert (await http.get("/healthz")).status_code == 200
        finally:
            process.send_signal(signal.SIGTERM)
            await process.communicate()
    assert line["why"].startswith(f"the edge cannot listen at {address} (CLI2API_METRICS_LISTEN): Address already in use")
    assert process.returncode == 0


async def test_it_serves_on_a_unix_socket_logs_json_and_stops_on_sigterm(core: Core, tmp_path: Path) -> None:
    core.answers["Relay"] = [head(), chunk(b"ok")]
    path = tmp_path / "edge.sock"
    process = await _start({"CLI2API_EDGE_LISTEN": f"unix:{path}", "CLI2API_CORE_TARGET": core.target})
    try:
        while not path.exists():
            assert process.returncode is None
            await asyncio.sleep(0)
        transport = httpx2.AsyncHTTPTransport(uds=str(path), retries=3)
        async with httpx2.AsyncClient(transport=transport, base_url="http://edge", timeout=20) as http:
            answer = await http.post(
                "/v1/chat/completions",
                json={"model": "m", "messages": [1]},
                headers={"x-request-id": "req-1", "authorization": "Bearer secret-key"},
            )
        assert answer.content == b"ok"
    finally:
        process.send_signal(signal.SIGTERM)
        _, told = await process.communicate()

    lines = [json.loads(line) for line in told.decode().splitlines()]
    access = next(line for line in lines if line["logger"] == "edge.access")
    assert process.returncode == 0
    assert not path.exists()
    assert access["message"] == "POST /v1/chat/completions 200"
    assert (access["level"], access["request_id"], access["status"]) == ("info", "req-1", 200)
    assert access["ms"] >= 0
    assert "secret-key" not in told.decode()

"""`cli2api serve` from its start to its end, whatever happens in between."""

import asyncio
import json
import os
import pty
import signal
import sys
import time
from pathlib import Path

import aiohttp
import psutil
import pytest

from cli.readiness import is_ok, until
from cli.serve import Gateway
from tests.wire import served

pytestmark = pytest.mark.wire


async def test_it_starts_within_five_seconds_and_says_what_it_serves(short_path: Path) -> None:
    async with served.serve(served.environment(short_path / "state")) as gateway:
        # Of processor time, which a machine that is busy with other things does not stretch.
        times = [psutil.Process(pid).cpu_times() for pid in (gateway.process.pid, *(part.pid for part in gateway.parts.values()))]
        assert sum(each.user + each.system for each in times) < 5
        assert await gateway.status("/healthz") == 200
        startup = gateway.startup

    assert startup["level"] == "info"
    assert startup["version"] == "0.1.0"
    assert startup["token_source"] == "env:MULERUN_TOKEN"
    assert startup["job_store"] == f"file:{short_path}/state/jobs.db"
    assert startup["models"] > 70
    assert {startup["port"], startup["grpc_port"]} & {0} == set()
    assert startup["rest"] == gateway.url
    assert startup["grpc"] == f"127.0.0.1:{startup['grpc_port']}"
    assert not [line for line in gateway.log if served.TOKEN in str(line)]
    assert [line["message"] for line in gateway.log if line["level"] not in {"debug", "info"}] == []


async def test_who_sits_in_front_of_it_is_told_where_it_is(short_path: Path) -> None:
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "cli", "serve"),
        env=served.environment(short_path / "state"),
        cwd=short_path,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    terminal = os.fdopen(ours, encoding="utf-8")
    try:
        async with asyncio.timeout(served.PATIENCE):
            while not (line := await asyncio.to_thread(terminal.readline)).startswith("cli2api: "):
                startup = json.loads(line)
        process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(process.wait(), served.PATIENCE) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        terminal.close()

    assert startup["message"] == "startup"
    rest = startup["rest"]
    assert line == f"cli2api: REST {rest}, gRPC {startup['grpc']}, docs {rest}/docs; Ctrl-C stops\n"


async def test_it_writes_nothing_outside_of_its_state_directory(short_path: Path) -> None:
    cwd, home, temporary = (short_path / name for name in ("cwd", "home", "tmp"))
    for folder in (cwd, home, temporary):
        folder.mkdir()
    environ = served.environment(short_path / "state", HOME=str(home), TMPDIR=str(temporary))
    async with served.serve(environ, cwd=cwd) as gateway:
        gateway.process.send_signal(signal.SIGTERM)
        assert await gateway.exit_code() == 0

    assert [path for folder in (cwd, home, temporary) for path in folder.rglob("*")] == []
    assert (short_path / "state" / "run").stat().st_mode & 0o777 == 0o700


async def test_the_core_alone_has_the_secrets_and_no_key_is_left_on_the_disk(short_path: Path) -> None:
    environ = served.environment(short_path / "state", CLI2API_API_KEYS="sk-caller")
    async with served.serve(environ) as gateway:
        given = {name: set(part.environ().values()) for name, part in gateway.parts.items()}
        gateway.process.send_signal(signal.SIGTERM)
        assert await gateway.exit_code() == 0

    assert {name for name, values in given.items() if values & {served.TOKEN, "sk-caller"}} == {"services"}
    files = [path for path in (short_path / "state").rglob("*") if path.is_file()]
    assert [path for path in files if b"sk-caller" in path.read_bytes()] == []


async def test_a_folder_named_services_where_the_operator_stands_is_not_run(short_path: Path) -> None:
    (short_path / "services").mkdir()
    (short_path / "services" / "__main__.py").write_text("raise SystemExit('this is not the gateway')")
    async with served.serve(served.environment(short_path / "state"), cwd=short_path) as gateway:
        assert await gateway.status("/readyz") == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_stop_lets_an_open_stream_end_and_takes_no_new_work(short_path: Path, number: signal.Signals) -> None:
    async with (
        served.upstream() as upstream,
        served.serve(served.environment(short_path / "state", MULERUN_API_BASE_URL=upstream.url)) as gateway,
        aiohttp.ClientSession() as session,
        session.post(f"{gateway.url}/v1/chat/completions", json=served.CHAT) as answer,
    ):
        assert await answer.content.readuntil(b"\n\n") == b'data: {"choices":[]}\n\n'

        os.killpg(gateway.process.pid, number)  # as Ctrl-C does: the whole process group hears it
        await gateway.until_logged("draining")
        await gateway.until_logged("draining")  # the core's own

        with pytest.raises(aiohttp.ClientConnectorError):
            await gateway.status("/healthz")
        upstream.go_on.set()
        assert await answer.content.read() == b"data: [DONE]\n\n"
        assert await gateway.exit_code() == 0
        assert await gateway.parts_are_gone()


async def test_a_second_signal_stops_at_once(short_path: Path) -> None:
    async with (
        served.upstream() as upstream,
        served.serve(served.environment(short_path / "state", MULERUN_API_BASE_URL=upstream.url)) as gateway,
        aiohttp.ClientSession() as session,
        session.post(f"{gateway.url}/v1/chat/completions", json=served.CHAT) as answer,
    ):
        await answer.content.readuntil(b"\n\n")
        gateway.process.send_signal(signal.SIGTERM)
        await gateway.until_logged("draining")
        began = time.monotonic()

        gateway.process.send_signal(signal.SIGTERM)

        assert await gateway.exit_code() == 0
        assert time.monotonic() - began < 3
        assert await gateway.parts_are_gone()
        with pytest.raises(aiohttp.ClientError):
            await answer.content.read()


async def test_a_stream_that_does_not_end_is_cut_off_after_the_drain_timeout(short_path: Path) -> None:
    environ = served.environment(short_path / "state", CLI2API_DRAIN_TIMEOUT="500ms")
    async with (
        served.upstream() as upstream,
        served.serve(environ | {"MULERUN_API_BASE_URL": upstream.url}) as gateway,
        aiohttp.ClientSession() as session,
        session.post(f"{gateway.url}/v1/chat/completions", json=served.CHAT) as answer,
    ):
        await answer.content.readuntil(b"\n\n")
        gateway.process.send_signal(signal.SIGTERM)

        assert await gateway.exit_code() == 0
        assert await gateway.parts_are_gone()
        async with asyncio.timeout(5):
            await upstream.left.wait()


@pytest.mark.parametrize("part", ["services", "edge", "envoy"])
async def test_a_part_that_is_killed_comes_back_and_serves(short_path: Path, part: str) -> None:
    async with served.serve(served.environment(short_path / "state")) as gateway:
        name = "core" if part == "services" else part

        gateway.parts[part].kill()
        line = await gateway.until_logged(f"{name} died and is started again")

        assert (line["level"], line["how"], line["after"]) == ("error", "SIGKILL", 0.1)
        async with asyncio.timeout(20):
            await until(lambda: is_ok(f"{gateway.url}/readyz"))


async def test_nothing_outlives_a_supervisor_that_is_killed(short_path: Path) -> None:
    async with served.serve(served.environment(short_path / "state")) as gateway:
        assert set(gateway.parts) == {"services", "edge", "envoy"}

        gateway.process.kill()
        await gateway.process.wait()

        async with asyncio.timeout(5):
            await until(gateway.parts_are_gone)
    async with served.serve(served.environment(short_path / "state")) as again:
        assert await again.status("/readyz") == 200


async def test_a_stop_during_the_start_is_heard_and_leaves_nothing(short_path: Path) -> None:
    gateway = Gateway(served.environment(short_path / "state"), write=lambda _: None)
    gateway.stop()

    async with asyncio.timeout(10), gateway:
        await gateway.until_asked_to_stop()

    assert gateway.pids == {}


async def test_a_gateway_serves_inside_its_block_and_is_gone_after_it(short_path: Path) -> None:
    log: list[bytes] = []
    async with Gateway(served.environment(short_path / "state", CLI2API_LOG_LEVEL="error"), write=log.append) as gateway:
        assert set(gateway.pids) == {"core", "edge", "envoy"}
        assert await is_ok(f"{gateway.rest_url}/readyz")

    assert gateway.pids == {}
    assert log == []

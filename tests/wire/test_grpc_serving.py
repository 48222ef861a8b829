"""The core as a whole: who may call, when it is ready, how it starts, drains and refuses to start."""

import asyncio
import json
import os
import signal
import socket
import stat
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from cli2api.v1 import catalog_pb2, job_pb2, media_pb2, media_pb2_grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.domain.errors import StoreUnavailable
from services.parts import CannotStart
from simulator.options import ByHand, Options
from simulator.server import Simulator
from tests.core import QUICK, fails, world

SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
FOX = media_pb2.GenerateImagesRequest(model="gpt-image-2", prompt="a fox")
MODELS = catalog_pb2.ListModelsRequest()


async def health(channel: grpc.aio.Channel, service: str = "") -> Any:
    reply = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=service))
    return reply.status


async def test_keys_are_asked_for_and_health_is_not(tmp_path: Path) -> None:
    async with world(tmp_path, CLI2API_API_KEYS="one,two") as gateway:
        told = await fails(gateway.catalog.ListModels(MODELS))
        assert (told.code, told.info.reason) == (grpc.StatusCode.UNAUTHENTICATED, "INVALID_API_KEY")
        assert len((await gateway.catalog.ListModels(MODELS, metadata=(("x-api-key", "two"),))).models) == 76
        assert await health(gateway.channel) == SERVING


async def test_two_callers_may_use_the_same_request_id(tmp_path: Path) -> None:
    request = media_pb2.CreateVideoRequest(model="sora-2", prompt="a fox", request_id="mine")
    async with world(tmp_path, CLI2API_API_KEYS="one,two") as gateway:
        ids = {(await gateway.media.CreateVideo(request, metadata=(("x-api-key", key),))).job.id for key in ("one", "two", "one")}
    assert len(ids) == 2


async def test_every_service_is_ready_and_a_store_that_is_away_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path) as gateway:
        assert await health(gateway.channel) == SERVING
        assert await health(gateway.channel, "cli2api.v1.MediaService") == SERVING

        async def away() -> None:
            raise StoreUnavailable("the disk is full")

        monkeypatch.setattr(gateway.core.parts.store, "ping", away)
        await gateway.core.readiness.look()
        assert await health(gateway.channel) == NOT_SERVING
        assert await health(gateway.channel, "cli2api.v1.JobService") == NOT_SERVING
        assert await health(gateway.channel, "cli2api.v1.TextService") == SERVING
        monkeypatch.undo()
        await gateway.core.readiness.look()
        assert await health(gateway.channel) == SERVING


async def test_two_thousand_that_begin_at_once_are_all_served(tmp_path: Path) -> None:
    # Left to itself gRPC's client asks again in silence where it was turned away.
    once = [("grpc.enable_retries", 0)]
    async with world(tmp_path) as gateway, grpc.aio.insecure_channel(gateway.core.target, options=once) as channel:
        await channel.channel_ready()
        assert set(await asyncio.gather(*(health(channel) for _ in range(2000)))) == {SERVING}


async def test_a_drain_takes_no_new_work_and_lets_running_calls_end(tmp_path: Path) -> None:
    async with world(tmp_path, Options(pace=ByHand())) as gateway:
        call = gateway.waited("/cli2api.v1.MediaService/GenerateImages", FOX, media_pb2.GenerateImagesResponse)
        await gateway.job_id(call)
        gateway.core.parts.engine.drain()
        told = await fails(gateway.media.CreateVideo(media_pb2.CreateVideoRequest(model="sora-2", prompt="a fox")))
        assert (told.code, told.info.reason) == (grpc.StatusCode.UNAVAILABLE, "DRAINING")
        draining = asyncio.create_task(gateway.core.drain(grace=5))
        gateway.upstream.complete()
        (answer,) = [each async for each in call]
        await draining
    assert answer.job.state == job_pb2.JOB_STATE_SUCCEEDED


async def test_a_job_outlives_the_core_that_began_it(tmp_path: Path) -> None:
    async with Simulator(Options(pace=ByHand())) as upstream:
        store = {**upstream.environ, "CLI2API_JOBSTORE_DSN": ""}
        async with world(tmp_path, None, **store) as first:
            job = (await first.media.CreateVideo(media_pb2.CreateVideoRequest(model="sora-2", prompt="a fox"))).job
        async with world(tmp_path, None, **store) as second:
            upstream.complete()
            done = (await second.jobs.WaitJob(job_pb2.WaitJobRequest(id=job.id))).job
        assert done.state == job_pb2.JOB_STATE_SUCCEEDED
        assert len(upstream.submissions()) == 1


async def test_the_socket_is_private_and_a_stale_one_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "run" / "core.sock"
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    async with world(tmp_path, CLI2API_CORE_LISTEN=f"unix:{path}") as gateway:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert len((await gateway.catalog.ListModels(MODELS)).models) == 76


async def test_a_socket_that_answers_belongs_to_another_core(tmp_path: Path) -> None:
    address = f"unix:{tmp_path / 'core.sock'}"
    async with world(tmp_path, CLI2API_CORE_LISTEN=address):
        with pytest.raises(CannotStart, match="another core listens at"):
            async with world(tmp_path, CLI2API_CORE_LISTEN=address):
                pass


async def test_a_file_in_the_socket_s_place_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "core.sock"
    path.write_text("precious", encoding="utf-8")
    with pytest.raises(CannotStart, match="is there and is no socket"):
        async with world(tmp_path, CLI2API_CORE_LISTEN=f"unix:{path}"):
            pass
    assert path.read_text(encoding="utf-8") == "precious"


async def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CannotStart, match=f"cannot listen at 127.0.0.1:{port}"):
            async with world(tmp_path, CLI2API_CORE_LISTEN=f"127.0.0.1:{port}"):
                pass


@pytest.mark.parametrize(
    ("environ", "line"),
    [
        ({"MULERUN_TOKEN": ""}, "no mulerun credentials found"),
        ({"CLI2API_JOBSTORE_DSN": "oracle://x"}, "CLI2API_JOBSTORE_DSN: "),
        ({"CLI2API_MODEL_ALIASES": "midjourney=gpt-5"}, "CLI2API_MODEL_ALIASES: alias 'midjourney' would hide"),
    ],
)
async def test_what_stops_the_start_is_one_line(tmp_path: Path, environ: dict[str, str], line: str) -> None:
    with pytest.raises(CannotStart) as refused:
        async with world(tmp_path, None, **environ):
            pass
    assert str(refused.value).startswith(line)
    assert "\n" not in str(refused.value)


@asynccontextmanager
async def process(state_dir: Path, **environ: str) -> AsyncGenerator[asyncio.subprocess.Process, None]:
    """`python -m services` with nothing but these settings."""
    known = {"PATH": os.environ["PATH"], "HOME": str(state_dir), "CLI2API_STATE_DIR": str(state_dir), **QUICK, **environ}
    core = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services"),
        env=known,
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield core
    finally:
        if core.returncode is None:
            core.kill()
        await core.communicate()


async def line(core: asyncio.subprocess.Process, message: str) -> dict[str, Any]:
    """The next line of the log with this message."""
    assert core.stderr
    async for written in core.stderr:
        said: dict[str, Any] = json.loads(written)
        if said["message"] == message:
            return said
    raise AssertionError(f"the core ended without saying {message}")


async def test_the_process_says_that_it_is_ready_and_drains_on_sigterm(tmp_path: Path) -> None:
    async with Simulator(Options(pace=ByHand())) as upstream, process(tmp_path, **upstream.environ) as core:
        ready = await line(core, "ready")
        assert ready["listen"] == f"unix:{tmp_path}/run/core.sock"
        assert ready["token_source"] == "env:MULERUN_TOKEN"
        assert ready["job_store"] == f"file:{tmp_path}/jobs.db"
        assert ready["models"] == 76
        assert upstream.environ["MULERUN_TOKEN"] not in json.dumps(ready)
        async with grpc.aio.insecure_channel(ready["listen"]) as channel:
            answer: Any = channel.unary_stream(
                "/cli2api.v1.MediaService/GenerateImages",
                media_pb2.GenerateImagesRequest.SerializeToString,
                media_pb2.GenerateImagesResponse.FromString,
            )(FOX)
            await answer.initial_metadata()
            core.send_signal(signal.SIGTERM)
            await line(core, "draining")
            upstream.complete()
            assert [each.job.progress async for each in answer] == [100]
        await line(core, "stopped")
        assert await core.wait() == 0
        assert core.stdout
        assert await core.stdout.read() == b""


async def test_a_second_signal_stops_at_once(tmp_path: Path) -> None:
    environ = {"CLI2API_DRAIN_TIMEOUT": "60s"}
    async with Simulator(Options(pace=ByHand())) as upstream, process(tmp_path, **upstream.environ, **environ) as core:
        ready = await line(core, "ready")
        async with grpc.aio.insecure_channel(ready["listen"]) as channel:
            stub: media_pb2_grpc.MediaServiceAsyncStub = media_pb2_grpc.MediaServiceStub(channel)
            waiting = asyncio.ensure_future(fails_somehow(stub.GenerateImages(FOX)))
            await upstream.wait_for(lambda: len(upstream.submissions()) == 1)
            core.send_signal(signal.SIGTERM)
            await line(core, "draining")
            core.send_signal(signal.SIGTERM)
            async with asyncio.timeout(10):
                assert await core.wait() == 0
            await waiting


async def fails_somehow(call: Any) -> None:
    with pytest.raises((grpc.aio.AioRpcError, asyncio.CancelledError)):
        await call


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({}, "no mulerun credentials found: run `mulerun login`, or export MULERUN_TOKEN=<key>"),
        ({"CLI2API_PORT": "http"}, 'CLI2API_PORT is "http": takes a whole number from 0 to 65535'),
    ],
)
async def test_a_process_that_cannot_start_says_one_line_and_ends_with_1(
    tmp_path: Path, environ: dict[str, str], message: str
) -> None:
    async with process(tmp_path, **environ) as core:
        _, said = await core.communicate()
        assert core.returncode == 1
        (only,) = said.splitlines()
        assert json.loads(only)["message"].startswith(message)
        assert json.loads(only)["level"] == "error"


async def test_reflection_tells_other_tools_what_there_is(tmp_path: Path) -> None:
    async with world(tmp_path, CLI2API_API_KEYS="key") as gateway:
        buf = await asyncio.create_subprocess_exec(
            *(str(Path(sys.executable).parent / "buf"), "curl", "--http2-prior-knowledge", "--protocol", "grpc"),
            *("--list-services", f"http://{gateway.core.target}"),
            env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, said = await buf.communicate()
    assert said == b""
    assert out.decode().split() == [
        *(f"cli2api.v1.{name}Service" for name in ("Catalog", "Gateway", "Job", "Media", "Text", "Tunnel", "Usage")),
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    ]

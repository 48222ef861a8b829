"""What every gRPC call has through Envoy: its request id at both ends, and a line that a long silence does not cut."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
import pytest_asyncio
import yaml
from aiohttp import ClientSession, UnixConnector
from cli2api.v1 import catalog_pb2, gateway_pb2, job_pb2, media_pb2, text_pb2, usage_pb2
from google.protobuf.descriptor import MethodDescriptor

from cli.readiness import until
from simulator.faults import Fault
from simulator.options import ByHand, Options
from tests.core import World, world
from tests.wire import front
from tests.wire.front import Front

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]

FILES = (text_pb2, media_pb2, job_pb2, catalog_pb2, usage_pb2, gateway_pb2)
METHODS = tuple(method for file in FILES for service in file.DESCRIPTOR.services_by_name.values() for method in service.methods)
ID = "order-4711"
KNOWN = (("x-request-id", ID),)
SAID = [text_pb2.Message(role=text_pb2.ROLE_USER, parts=[text_pb2.Part(text="one two three four five")])]
CLIP = media_pb2.CreateVideoRequest(model="sora-2", prompt="a fox")
PING = 17
"""Bytes of a ping, and of its answer."""
PINGS = 20


def ping_often(config: Any) -> None:
    """Every fifth of a second instead of every half minute, on both sides of Envoy, and nothing else on the way to the core."""
    _, grpc_listener = config["static_resources"]["listeners"]
    served = grpc_listener["filter_chains"][0]["filters"][0]["typed_config"]["http2_protocol_options"]
    core = next(each for each in config["static_resources"]["clusters"] if each["name"] == "core")
    del core["health_checks"]
    (protocol,) = core["typed_extension_protocol_options"].values()
    sent = protocol["explicit_http_config"]["http2_protocol_options"]
    for each in (served, sent):
        assert each["connection_keepalive"] == {"interval": "30s", "timeout": "10s"}
        each["connection_keepalive"] = {"interval": "0.2s", "timeout": "5s"}


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="gate")
async def _gate(module_path: Path) -> AsyncGenerator[Front]:
    async with front.envoy(module_path, change=ping_often) as gate:
        yield gate


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="core")
async def _core(gate: Front) -> AsyncGenerator[World]:
    listen = f"unix:{gate.folder}/core.sock"
    async with (
        world(gate.folder, Options(pace=ByHand()), CLI2API_CORE_LISTEN=listen) as core,
        grpc.aio.insecure_channel(gate.grpc_target) as channel,
    ):
        yield replace(core, channel=channel)


async def heard(call: Any) -> tuple[Any, Any]:
    """The request ids at the beginning and at the end of a call, however it ends."""
    try:
        async for _ in call:
            pass
    except grpc.aio.AioRpcError:
        pass
    beginning, end = dict(await call.initial_metadata() or ()), dict(await call.trailing_metadata() or ())
    return beginning.get("x-request-id"), end.get("x-request-id")


@pytest.mark.parametrize("method", METHODS, ids=lambda each: f"{each.containing_service.name}.{each.name}")
async def test_every_method_gives_the_request_id_back(core: World, method: MethodDescriptor) -> None:
    """An empty request is refused by most; a call that is refused before it began has an end only."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    open_call: Any = core.channel.unary_stream(path)
    beginning, end = await heard(open_call(b"", metadata=KNOWN))
    assert end == ID
    assert beginning in {ID, None}


async def test_an_answer_has_it_at_its_beginning_too(core: World) -> None:
    jobs, job = core.jobs, (await core.media.CreateVideo(CLIP)).job.id
    core.upstream.complete()
    unary: Any = jobs.WaitJob(job_pb2.WaitJobRequest(id=job), metadata=KNOWN)
    await unary
    assert (dict(await unary.initial_metadata())["x-request-id"], dict(await unary.trailing_metadata())["x-request-id"]) == (
        ID,
        ID,
    )
    stream = text_pb2.StreamGenerateRequest(model="gpt-5", messages=SAID)
    for call in (
        jobs.WatchJob(job_pb2.WatchJobRequest(id=job), metadata=KNOWN),
        jobs.DownloadAsset(job_pb2.DownloadAssetRequest(id=job), metadata=KNOWN),
        core.text.StreamGenerate(stream, metadata=KNOWN),
    ):
        assert await heard(call) == (ID, ID)


async def test_a_stream_that_fails_in_its_middle_has_it_at_both_ends(core: World) -> None:
    core.upstream.fault(Fault(abort_after=3), body_contains="one two three")
    request = text_pb2.StreamGenerateRequest(model="gpt-5", messages=SAID)
    assert await heard(core.text.StreamGenerate(request, metadata=KNOWN)) == (ID, ID)


async def test_a_call_that_waits_tells_it_with_the_job(core: World) -> None:
    request = media_pb2.GenerateImagesRequest(model="gpt-image-2", prompt="a fox")
    open_call: Any = core.channel.unary_stream("/cli2api.v1.MediaService/GenerateImages", type(request).SerializeToString)
    call = open_call(request, metadata=KNOWN)
    told = dict(await call.initial_metadata())
    assert told["x-request-id"] == ID
    assert told["x-cli2api-job-id"].startswith("image_")
    core.upstream.complete()
    assert await heard(call) == (ID, ID)


async def test_a_silent_watch_lives_through_pings_of_caller_and_envoy(gate: Front, core: World) -> None:
    often = (("grpc.keepalive_time_ms", 200), ("grpc.keepalive_timeout_ms", 5000), ("grpc.http2.max_pings_without_data", 0))
    async with grpc.aio.insecure_channel(gate.grpc_target, options=often) as channel:
        through = replace(core, channel=channel)
        job = (await through.media.CreateVideo(CLIP)).job.id
        changes = aiter(through.jobs.WatchJob(job_pb2.WatchJobRequest(id=job)))
        assert (await anext(changes)).job.id == job
        begun = await traffic(gate)

        async def has_been_pinged() -> bool:
            now = await traffic(gate)
            return all(now[name] - begun[name] >= PINGS * PING for name in BYTES)

        async with asyncio.timeout(20):
            await until(has_been_pinged)
        core.upstream.complete()
        *_, last = [each async for each in changes]
        ended = await traffic(gate)
    assert last.job.state == job_pb2.JOB_STATE_SUCCEEDED
    assert {name: ended[name] - begun[name] for name in CUTS} == dict.fromkeys(CUTS, 0)


BYTES = ("http.grpc.downstream_cx_rx_bytes_total", "cluster.core.upstream_cx_tx_bytes_total")
CUTS = (
    "http.grpc.downstream_cx_destroy",
    "http.grpc.downstream_rq_idle_timeout",
    "cluster.core.upstream_cx_close_notify",
    "cluster.core.upstream_cx_destroy",
    "cluster.core.upstream_rq_timeout",
)


async def traffic(gate: Front) -> dict[str, int]:
    """Envoy's counters of bytes, and of lines that were cut."""
    connector = UnixConnector(str(gate.admin.socket))
    async with ClientSession(connector=connector) as session, session.get("http://admin/stats") as answer:
        told = dict(line.rsplit(": ", 1) for line in (await answer.text()).splitlines())
    return {name: int(told[name]) for name in (*BYTES, *CUTS)}


async def test_no_time_of_envoys_cuts_a_silent_call(gate: Front) -> None:
    config = yaml.safe_load((gate.folder / "envoy.yaml").read_text("utf-8"))
    rest, calls = (each["filter_chains"][0]["filters"][0]["typed_config"] for each in config["static_resources"]["listeners"])
    routes = [each["route"] for host in calls["route_config"]["virtual_hosts"] for each in host["routes"] if "route" in each]
    assert calls["stream_idle_timeout"] == "0s"
    assert {each["timeout"] for each in routes} == {"0s"}
    assert not [each for each in routes if {"idle_timeout", "max_stream_duration", "max_grpc_timeout"} & set(each)]
    assert "max_stream_duration" not in calls["common_http_protocol_options"]
    # A watch over REST is never silent: a comment goes out after CLI2API_HEARTBEAT, 15 s unless set otherwise.
    assert rest["stream_idle_timeout"] == "900s"

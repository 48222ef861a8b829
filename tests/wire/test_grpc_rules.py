"""Field rules: what a field alone can tell is told before a servicer is asked, all of it at once, and by path."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import grpc
import pytest
import pytest_asyncio
from cli2api.v1 import catalog_pb2, gateway_pb2, gateway_pb2_grpc, job_pb2, media_pb2, text_pb2, usage_pb2
from google.protobuf.descriptor_pool import Default
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import error_details_pb2
from grpc_channelz.v1 import channelz_pb2, channelz_pb2_grpc

from services.interceptors.rules import RULES, has_rules, violations
from tests.core import World, fails, world
from tests.wire.house import METADATA, house

LONG = "x" * 300


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="core")
async def _core(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[World]:
    async with world(tmp_path_factory.mktemp("core")) as core:
        yield core


def found(message: Any) -> list[tuple[str, str]]:
    return [(each.field, each.description) for each in violations(message)]


@pytest.mark.parametrize("name", RULES)
def test_every_rule_is_of_a_field_that_there_is(name: str) -> None:
    message, _, field = name.partition(".")
    assert field in Default().FindMessageTypeByName(f"cli2api.v1.{message}").fields_by_name


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (job_pb2.GetJobRequest(), [("id", "is required")]),
        (job_pb2.GetJobRequest(id=LONG), [("id", "takes at most 128 characters; got 300")]),
        (
            job_pb2.DownloadAssetRequest(index=-1, offset=-2, limit=-3),
            [
                ("id", "is required"),
                ("index", "must not be negative; got -1"),
                ("offset", "must not be negative; got -2"),
                ("limit", "must not be negative; got -3"),
            ],
        ),
        (job_pb2.ListJobsRequest(page_size=101), [("page_size", "must be from 1 to 100; got 101")]),
        (job_pb2.ListJobsRequest(states=[job_pb2.JOB_STATE_QUEUED] * 33), [("states", "takes at most 32 entries; got 33")]),
        (
            job_pb2.WaitJobRequest(id="a", timeout=Duration(seconds=1 << 62)),
            [("timeout", "is no length of time: takes at most 10000 years")],
        ),
        (job_pb2.WaitJobRequest(id="a", timeout=Duration(seconds=-1)), [("timeout", "must not be negative; got -1.0")]),
        (
            usage_pb2.QueryUsageRequest(from_time=Timestamp(seconds=-(1 << 60)), to_time=Timestamp(nanos=-1), endpoint=LONG),
            [
                ("from_time", "is no moment: takes one of the years 1 to 9999"),
                ("to_time", "is no moment: takes one of the years 1 to 9999"),
                ("endpoint", "takes at most 256 characters; got 300"),
            ],
        ),
        (job_pb2.ListJobsRequest(page_size=100, kinds=[job_pb2.JOB_KIND_IMAGE]), []),
        (job_pb2.WaitJobRequest(id="a", timeout=Duration(seconds=5)), []),
    ],
)
def test_every_broken_rule_is_named(message: Any, told: list[tuple[str, str]]) -> None:
    assert found(message) == told


def test_the_relay_has_no_rules_and_pays_for_none() -> None:
    assert not has_rules(text_pb2.RelayRequest.DESCRIPTOR)


def test_the_rules_of_a_call_cost_less_than_what_it_takes_to_read_it_from_the_line() -> None:
    request = text_pb2.GenerateRequest(
        model="gpt-5", messages=[text_pb2.Message(role=text_pb2.ROLE_USER, parts=[text_pb2.Part(text="hello")])]
    )
    assert not list(violations(request))
    best = min(_seconds(request) for _ in range(20))
    assert best < 50e-6


def _seconds(message: Any) -> float:
    began = time.perf_counter()
    for _ in range(50):
        list(violations(message))
    return (time.perf_counter() - began) / 50


@pytest.mark.asyncio(loop_scope="module")
async def test_a_caller_is_told_all_of_it_as_field_violations(core: World) -> None:
    told = await fails(core.jobs.DownloadAsset(job_pb2.DownloadAssetRequest(index=-1, offset=-2)))
    bad = told.detail(error_details_pb2.BadRequest)
    assert (told.code, told.info.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert [each.field for each in bad.field_violations] == ["id", "index", "offset"]
    assert told.message == "id: is required (and 2 more)"
    assert told.trailing["x-request-id"]


@pytest.mark.asyncio(loop_scope="module")
async def test_nothing_is_paid_for_a_request_that_breaks_a_rule(core: World) -> None:
    await fails(core.media.CreateVideo(media_pb2.CreateVideoRequest(model=LONG, prompt="a fox")))
    assert core.upstream.submissions() == ()


@pytest.mark.asyncio(loop_scope="module")
async def test_the_server_describes_itself_over_grpc(core: World) -> None:
    stub: gateway_pb2_grpc.GatewayServiceAsyncStub = gateway_pb2_grpc.GatewayServiceStub(core.channel)
    told = await stub.GetGateway(gateway_pb2.GetGatewayRequest())
    assert (told.model_count, told.version) == (76, "0.1.0")
    assert abs(told.start_time.seconds - time.time()) < 300


@pytest.mark.wire
async def test_channelz_is_told_at_the_core_and_never_through_envoy(short_path: Path) -> None:
    async with house(short_path) as home:
        outside: channelz_pb2_grpc.ChannelzStub = channelz_pb2_grpc.ChannelzStub(home.channel)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await outside.GetServers(channelz_pb2.GetServersRequest(), metadata=METADATA)
        assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
        assert refused.value.details() == "channelz is asked at the core's own address, CLI2API_CORE_LISTEN"
        async with grpc.aio.insecure_channel(f"unix:{short_path}/run/core.sock") as channel:
            inside: channelz_pb2_grpc.ChannelzStub = channelz_pb2_grpc.ChannelzStub(channel)
            servers = (await inside.GetServers(channelz_pb2.GetServersRequest(), metadata=METADATA)).server
    assert servers[0].data.calls_started >= 1


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("protocol", ["grpc-v1", "grpc-v1alpha"])
async def test_reflection_is_spoken_in_both_versions(core: World, protocol: str, tmp_path: Path) -> None:
    buf = await asyncio.create_subprocess_exec(
        *(str(Path(sys.executable).parent / "buf"), "curl", "--http2-prior-knowledge", "--protocol", "grpc"),
        *("--reflect", "--reflect-protocol", protocol, "-d", '{"page_size": 1}'),
        f"http://{core.core.target}/cli2api.v1.CatalogService/ListModels",
        env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, said = await buf.communicate()
    assert said == b""
    assert b"gpt-image-2" in out


def test_the_catalogs_own_names_fit_their_rules() -> None:
    assert found(catalog_pb2.GetModelRequest(id="x" * 256)) == []

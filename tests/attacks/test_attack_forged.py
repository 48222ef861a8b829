"""Whatever a caller puts into its headers: MuleRun sees none of it that speaks of keys, of people or of our parts, on any way."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import grpc
import pytest
import pytest_asyncio
from cli2api.v1 import job_pb2, job_pb2_grpc, media_pb2, media_pb2_grpc, text_pb2, text_pb2_grpc

from services.domain.usage import caller_of
from tests.attacks.wires import said
from tests.wire.house import KEY, METADATA, House, house
from tests.wire.ways import OPENED

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]

FORGED = {
    "cookie": "session=1",
    "x-api-key": KEY,
    "api-key": KEY,
    "proxy-authorization": f"Bearer {KEY}",
    "forwarded": "for=10.0.0.1",
    "x-forwarded-for": "10.0.0.1",
    "x-forwarded-host": "evil",
    "x-cli2api-word": "guess",
    "x-cli2api-way": "json",
    "x-cli2api-endpoint": "/v1/forged",
    "x-cli2api-caller": "forged",
    "x-cli2api-job-id": "forged",
    "x-envoy-original-path": "/forged",
    "x-envoy-upstream-rq-timeout-ms": "1",
    "x-envoy-retry-on": "5xx",
}
OF_NOBODY = ("cookie", "api-key", "proxy-", "forwarded", "x-forwarded", "x-cli2api", "x-envoy")
METADATA_FORGED = (*METADATA, *((name, value) for name, value in FORGED.items() if name != "x-api-key"), ("x-api-key", KEY))
HELLO = {"messages": [{"role": "user", "content": "hello"}]}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def home(module_path: Path) -> AsyncIterator[House]:
    async with house(module_path, CLI2API_MODEL_ALIASES="fast=gpt-5-mini") as found:
        await found.log.until(lambda lines: any(line["message"] == OPENED for line in lines))
        yield found


def over_rest(path: str, **body: object) -> Callable[[House], Awaitable[object]]:
    async def ask(home: House) -> object:
        async with home.http.post(path, json=body, headers=FORGED | {"host": "evil"}) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.read()

    return ask


async def generate(home: House) -> object:
    request = text_pb2.GenerateRequest(model="gpt-5-mini")
    request.messages.add(role=text_pb2.ROLE_USER).parts.add(text="hello")
    return await text_pb2_grpc.TextServiceStub(home.channel).Generate(request, metadata=METADATA_FORGED)


async def make_a_picture(home: House) -> object:
    request = media_pb2.GenerateImagesRequest(model="wan2.6-t2i", prompt="a fox")
    return await media_pb2_grpc.MediaServiceStub(home.channel).GenerateImages(request, metadata=METADATA_FORGED)


WAYS: dict[str, tuple[str, Callable[[House], Awaitable[object]]]] = {
    "direct": ("/v1/chat/completions", over_rest("/v1/chat/completions", model="gpt-5", **HELLO)),
    "direct to Claude": ("/v1/messages", over_rest("/v1/messages", model="claude-haiku-4-5", max_tokens=9, **HELLO)),
    "relay": ("/v1/chat/completions", over_rest("/v1/chat/completions", model="fast", **HELLO)),
    "translated": ("/v1/messages", over_rest("/v1/messages", model="gpt-5", max_tokens=9, **HELLO)),
    "media": ("/v1/images/generations", over_rest("/v1/images/generations", model="wan2.6-t2i", prompt="a fox")),
    "gRPC text": ("/cli2api.v1.TextService/Generate", generate),
    "gRPC media": ("/cli2api.v1.MediaService/GenerateImages", make_a_picture),
}


@pytest.mark.parametrize("way", WAYS)
async def test_nothing_forged_reaches_mulerun_or_our_own_books(home: House, way: str) -> None:
    endpoint, ask = WAYS[way]
    before = len(home.simulator.requests)

    await ask(home)

    seen = home.simulator.requests[before:]
    assert seen
    for each in seen:
        assert KEY not in str(each.headers) + str(each.body)
        assert each.headers["host"] == home.simulator.url.removeprefix("http://")
        assert {"authorization", "x-api-key"} & set(each.headers) == (
            {"x-api-key"} if each.path.endswith("/messages") else {"authorization"}
        )
        assert not [name for name in each.headers if name.startswith(OF_NOBODY)]
    rows = await booked(home)
    assert endpoint in rows
    assert not [row for row in rows if "forged" in row]


async def booked(home: House) -> list[str]:
    """The endpoints of all calls that were recorded by now."""
    async with home.http.get("/v1/usage", params={"group_by": "endpoint"}) as answer:
        return [row["bucket"] for row in (await answer.json())["rows"]]


async def test_a_forged_caller_is_the_one_whose_key_it_is(home: House) -> None:
    await generate(home)
    lines = await home.log.until(lambda lines: any(line.get("method") == "/cli2api.v1.TextService/Generate" for line in lines))
    callers = {line["caller"] for line in lines if line.get("method") == "/cli2api.v1.TextService/Generate"}
    assert callers == {caller_of(KEY)}


async def test_a_grpc_failure_is_told_as_ever_to_who_forges_the_word_of_envoys_transcoder(home: House) -> None:
    stub = job_pb2_grpc.JobServiceStub(home.channel)
    told = []
    for metadata in (METADATA, METADATA_FORGED):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.GetJob(job_pb2.GetJobRequest(id="video_unknown"), metadata=metadata)
        told.append(
            (refused.value.code(), refused.value.details(), sorted(name for name, _ in refused.value.trailing_metadata()))
        )
    assert told[0] == told[1]
    assert told[0][0] is grpc.StatusCode.NOT_FOUND


INNER = (
    "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    "//opentelemetry.proto.collector.logs.v1.LogsService/Export",
    "/./opentelemetry.proto.collector.logs.v1.LogsService/Export",
    "/%6fpentelemetry.proto.collector.logs.v1.LogsService/Export",
    "/x/../opentelemetry.proto.collector.logs.v1.LogsService/Export",
    "/cli2api.v1.TunnelService/Carry",
    "//cli2api.v1.TunnelService/Carry",
    "/cli2api.v1./TunnelService/Carry",
    "/%63li2api.v1.TunnelService/Carry",
    "/x/..//cli2api.v1.TunnelService/Carry",
    "/grpc.channelz.v1.Channelz/GetServers",
    "//grpc.channelz.v1.Channelz/GetServers",
    "/%67rpc.channelz.v1.Channelz/GetServers",
    "/x/..//grpc.channelz.v1.Channelz/GetServers",
)


@pytest.mark.parametrize("method", INNER)
async def test_what_the_parts_say_to_each_other_is_not_to_be_had_at_the_public_port(home: House, method: str) -> None:
    call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = home.channel.unary_unary(method)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call(b"", metadata=METADATA_FORGED)
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("path", ["/cli2api.v1.JobService/ListJobs", *INNER, "/config_dump", "/stats", "/metrics", "/%6detrics"])
async def test_the_rest_port_serves_what_it_says_and_no_more(home: House, path: str) -> None:
    asked = f"POST {path} HTTP/1.1\r\nHost: x\r\nX-Api-Key: {KEY}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    answer = await said(int(home.gateway.rest_url.rpartition(":")[2]), asked.encode())
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b'"code":"not_found"' in answer

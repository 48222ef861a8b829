"""One call is one trace: Envoy's span above the edge's, above the core's, above MuleRun's, under the caller's own trace."""

import json
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
import pytest_asyncio
from cli2api.v1.text_pb2 import ROLE_USER, GenerateRequest, Message, Part
from cli2api.v1.text_pb2_grpc import TextServiceStub

from tests.collector import Collector, Span, collecting
from tests.wire.house import KEY, METADATA, House, environ, house

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]

PROMPT = "a mule that no span may speak of"
SAID: Any = [{"role": "user", "content": PROMPT}]
SERVER, CLIENT = 2, 3


@dataclass(frozen=True)
class Traced:
    """A gateway whose spans arrive at `collector`."""

    home: House
    collector: Collector

    async def chain(self, trace: str, *services: str) -> Sequence[Span]:
        """The spans of that trace from the caller's downwards, as soon as each service has told of its own."""

        def found(spans: list[Span]) -> list[Span]:
            below, last = [], self.caller
            while following := next((each for each in spans if each.trace == trace and each.parent == last), None):
                below.append(following)
                last = following.id
            return below

        spans = await self.collector.until(lambda told: [each.service for each in found(told)] == list(services))
        return found(spans)

    @property
    def caller(self) -> str:
        """The caller's own span."""
        return "00f067aa0ba902b7"

    def parent(self, trace: str) -> dict[str, str]:
        """The header by which a caller says that its call is part of `trace`."""
        return {"traceparent": f"00-{trace}-{self.caller}-01"}


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="traced")
async def _traced(module_path: Path) -> AsyncGenerator[Traced]:
    async with collecting() as collector:
        settings = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
            "OTEL_EXPORTER_OTLP_HEADERS": "x-collector-key=c0ffee",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "CLI2API_TEXT_PATH": "relay",
        }
        async with house(module_path, options=None, **settings) as home:
            yield Traced(home, collector)


async def test_a_json_call_is_one_trace_through_all_parts(traced: Traced) -> None:
    trace = token_hex(16)
    raw = await traced.home.sdk.chat.completions.with_raw_response.create(
        model="gpt-5", messages=SAID, extra_headers=traced.parent(trace)
    )
    usage = raw.parse().usage
    assert usage is not None

    envoy, edge, core, upstream = await traced.chain(trace, "cli2api-envoy", "cli2api-edge", "cli2api-core", "cli2api-core")

    assert (edge.name, edge.kind) == ("POST /v1/chat/completions", SERVER)
    assert edge.attributes["http.response.status_code"] == 200
    assert (core.kind, core.attributes["rpc.system"], core.attributes["rpc.grpc.status_code"]) == (SERVER, "grpc", 0)
    assert core.name.startswith("cli2api.v1.TextService/Relay")
    assert (upstream.name, upstream.kind) == ("chat gpt-5", CLIENT)
    assert {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "mulerun",
        "gen_ai.request.model": "gpt-5",
        "gen_ai.usage.input_tokens": usage.prompt_tokens,
        "gen_ai.usage.output_tokens": usage.completion_tokens,
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "server.address": "127.0.0.1",
    }.items() <= upstream.attributes.items()
    request_id = raw.headers["x-request-id"]
    assert {each.attributes["cli2api.request_id"] for each in (envoy, edge, core)} == {request_id}


async def test_a_stream_is_one_trace_with_its_tokens(traced: Traced) -> None:
    trace = token_hex(16)
    async with await traced.home.sdk.chat.completions.create(
        model="gpt-5", messages=SAID, stream=True, stream_options={"include_usage": True}, extra_headers=traced.parent(trace)
    ) as chunks:
        usage = [chunk.usage async for chunk in chunks if chunk.usage][-1]

    *_, upstream = await traced.chain(trace, "cli2api-envoy", "cli2api-edge", "cli2api-core", "cli2api-core")

    assert upstream.attributes["gen_ai.usage.output_tokens"] == usage.completion_tokens


async def test_a_grpc_call_is_one_trace(traced: Traced) -> None:
    trace = token_hex(16)
    request = GenerateRequest(model="gpt-5", messages=[Message(role=ROLE_USER, parts=[Part(text=PROMPT)])])
    metadata = (*METADATA, *traced.parent(trace).items())
    await TextServiceStub(traced.home.channel).Generate(request, metadata=metadata)

    _, core, upstream = await traced.chain(trace, "cli2api-envoy", "cli2api-core", "cli2api-core")

    assert core.name == "cli2api.v1.TextService/Generate"
    assert upstream.name == "chat gpt-5"


async def test_a_jobs_life_is_linked_to_its_submission(traced: Traced) -> None:
    trace = token_hex(16)
    await traced.home.sdk.images.generate(model="wan2.6-t2i", prompt=PROMPT, extra_headers=traced.parent(trace))

    *_, submission = await traced.chain(trace, "cli2api-envoy", "cli2api-edge", "cli2api-core", "cli2api-core")
    linked = await traced.collector.until(lambda spans: any(each.name == "job image" for each in spans))
    life = next(each for each in linked if each.name == "job image")
    poll = next(each for each in linked if each.attributes.get("cli2api.upstream.operation") == "poll")

    assert submission.name == "generate_content wan2.6-t2i"
    assert life.links == poll.links == (submission.id,)
    assert life.attributes["cli2api.job.state"] == "succeeded"
    assert life.trace != trace


async def test_a_refused_call_is_marked(traced: Traced) -> None:
    trace = token_hex(16)
    async with traced.home.http.get("/v1/jobs/video_none", headers=traced.parent(trace)) as answer:
        assert answer.status == 404
    *_, core = await traced.chain(trace, "cli2api-envoy", "cli2api-edge", "cli2api-core")
    assert core.attributes["rpc.grpc.status_code"] == 5
    assert not core.failed  # it is the caller's mistake


async def test_every_line_of_a_traced_call_has_its_trace(traced: Traced) -> None:
    trace = token_hex(16)
    await traced.home.sdk.models.list(extra_headers=traced.parent(trace))

    lines = await traced.home.log.until(lambda told: len([each for each in told if each.get("trace_id") == trace]) >= 2)

    assert {each["logger"] for each in lines if each.get("trace_id") == trace} == {"edge.access", "services.interceptors.access"}


async def test_no_span_has_a_prompt_or_a_key_and_mulerun_hears_of_no_trace(traced: Traced) -> None:
    token = environ(Path("/"), traced.home.simulator)["MULERUN_TOKEN"]
    assert traced.collector.spans
    for secret in (PROMPT, KEY, token):
        assert secret.encode() not in traced.collector.raw
    assert all("traceparent" not in {name.lower() for name in call.headers} for call in traced.home.simulator.requests)
    assert {each.get("x-collector-key") for each in traced.collector.metadata} == {"c0ffee"}


async def test_a_collector_that_is_away_costs_no_call_and_each_part_one_line(short_path: Path) -> None:
    # As a relay, since text that goes straight to MuleRun leaves core and edge nothing to trace.
    settings = {
        "CLI2API_TEXT_PATH": "relay",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1",
        "OTEL_BSP_SCHEDULE_DELAY": "50",
    }
    async with house(short_path, options=None, OTEL_EXPORTER_OTLP_TIMEOUT="1", **settings) as home:
        assert await home.is_well()
        await home.log.until(lambda told: len(complaints(told)) == 2)
        for _ in range(3):
            assert await home.is_well()
    lines = [json.loads(line) for line in home.log.lines]
    assert sorted(complaints(lines)) == ["edge.tracing.provider", "services.tracing.provider"]
    assert not [each for each in lines if each["logger"].startswith("opentelemetry")]


def complaints(told: list[dict[str, Any]]) -> list[str]:
    """Who has said that spans cannot be delivered."""
    return [each["logger"] for each in told if "spans cannot be delivered" in each["message"]]

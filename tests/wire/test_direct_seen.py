"""Calls on the direct way are seen as all others are: a line in the log, a span, a record, and a count of what was lost."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
import pytest_asyncio

from cli.admin import Admin
from cli.metrics.envoy import STATS, chosen
from cli.readiness import until
from services.domain.usage import caller_of
from tests.collector import Collector, collecting
from tests.scrape import Scraped
from tests.wire.house import KEY, House, house
from tests.wire.ways import OPENED

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]

SAID: Any = [{"role": "user", "content": "hello"}]
CALLER_SPAN = "00f067aa0ba902b7"


@dataclass(frozen=True)
class Traced:
    """A gateway with its direct way open, whose spans arrive at `collector`."""

    home: House
    collector: Collector


async def opened(home: House) -> None:
    await home.log.until(lambda lines: any(line["message"] == OPENED for line in lines))


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="traced")
async def _traced(module_path: Path) -> AsyncGenerator[Traced]:
    async with collecting() as collector:
        settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint, "OTEL_BSP_SCHEDULE_DELAY": "100"}
        async with house(module_path, options=None, **settings) as home:
            await opened(home)
            yield Traced(home, collector)


async def test_a_call_is_one_line_of_the_log_with_its_ids(traced: Traced) -> None:
    trace = token_hex(16)
    raw = await traced.home.sdk.chat.completions.with_raw_response.create(
        model="gpt-5", messages=SAID, extra_headers={"traceparent": f"00-{trace}-{CALLER_SPAN}-01"}
    )
    request_id = raw.headers["x-request-id"]

    lines = await traced.home.log.until(lambda told: any(line.get("request_id") == request_id for line in told))

    (line,) = (line for line in lines if line.get("request_id") == request_id)
    assert line.pop("ms") > 0
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "info",
        "logger": "services.api.logs",
        "message": "call",
        "path": "/v1/chat/completions",
        "status": 200,
        "caller": caller_of(KEY),
        "request_id": request_id,
        "trace_id": trace,
    }


async def test_envoys_span_says_what_was_asked_of_whom_and_mulerun_hears_of_no_trace(traced: Traced) -> None:
    trace = token_hex(16)
    theirs = {"traceparent": f"00-{trace}-{CALLER_SPAN}-01", "tracestate": "its=own", "baggage": "who=me"}
    raw = await traced.home.sdk.chat.completions.with_raw_response.create(model="gpt-5", messages=SAID, extra_headers=theirs)

    spans = await traced.collector.until(lambda told: any(span.trace == trace for span in told))

    (span,) = (span for span in spans if span.trace == trace)
    assert (span.service, span.parent) == ("cli2api-envoy", CALLER_SPAN)
    assert {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "mulerun",
        "gen_ai.request.model": "gpt-5",
        "cli2api.request_id": raw.headers["x-request-id"],
    }.items() <= span.attributes.items()
    seen = traced.home.simulator.requests[-1].headers
    assert seen["x-request-id"] == raw.headers["x-request-id"]
    assert not {"traceparent", "tracestate", "baggage"} & seen.keys()


async def calls(home: House) -> int:
    """How many there are in the records."""
    async with home.http.get("/v1/usage") as answer:
        return int((await answer.json())["totals"]["calls"]) if answer.status == 200 else 0


async def test_a_call_that_ends_while_the_core_is_started_again_is_recorded_when_it_is_back(short_path: Path) -> None:
    async with house(short_path) as home:
        await opened(home)
        os.kill(home.gateway.pids["core"], signal.SIGKILL)
        for _ in range(3):
            assert await home.is_well()

        async def are_there() -> bool:
            return await calls(home) == 3

        async with asyncio.timeout(30):
            await until(are_there)


async def test_a_call_that_a_dead_core_never_hears_of_is_counted_as_lost(short_path: Path) -> None:
    async with house(short_path) as home:
        await opened(home)
        core = home.gateway.pids["core"]
        os.kill(core, signal.SIGSTOP)
        try:
            for _ in range(2):
                assert await home.is_well()

            async def are_lost() -> bool:
                told = Scraped(chosen(await Admin(short_path / "run" / "admin.sock").prometheus(STATS)))
                return told.value("envoy_access_logs_open_telemetry_access_log_logs_dropped_total") == 2

            async with asyncio.timeout(40):
                await until(are_lost)
        finally:
            os.kill(core, signal.SIGCONT)

"""Cores restart one after another behind Envoy, under load, and no unary call fails."""

import asyncio
import signal
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

import grpc.aio
import pytest
from cli2api.v1 import catalog_pb2, catalog_pb2_grpc, text_pb2, text_pb2_grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from cli.readiness import until
from simulator.faults import Fault
from simulator.server import Simulator
from tests.faults.cores import PATIENCE, Core, running_core
from tests.wire import front

CALLERS = 8
WAIT = {"CLI2API_DRAIN_DELAY": "3s", "CLI2API_DRAIN_TIMEOUT": "5s", "CLI2API_USAGE_DSN": "memory:"}
HELLO = text_pb2.GenerateRequest(
    model="gpt-5", messages=[text_pb2.Message(role=text_pb2.ROLE_USER, parts=[text_pb2.Part(text="hello")])]
)


async def call_on(target: str, ended: asyncio.Event, counted: Counter[str]) -> None:
    """Unary calls one after another, none of them tried again; a text that costs, and a lookup that does not."""
    async with grpc.aio.insecure_channel(target, options=(("grpc.enable_retries", 0),)) as channel:
        texts: text_pb2_grpc.TextServiceAsyncStub = text_pb2_grpc.TextServiceStub(channel)
        catalog: catalog_pb2_grpc.CatalogServiceAsyncStub = catalog_pb2_grpc.CatalogServiceStub(channel)
        while not ended.is_set():
            try:
                await texts.Generate(HELLO, timeout=PATIENCE)
                await catalog.GetModel(catalog_pb2.GetModelRequest(id="sora-2"), timeout=PATIENCE)
            except grpc.aio.AioRpcError as error:
                counted[f"{error.code().name}: {error.details()}"] += 1
            else:
                counted["served"] += 2


async def until_served(counted: Counter[str], more: int) -> None:
    """Returns when so many more calls have been served, or one has failed."""
    goal = counted["served"] + more

    async def is_there() -> bool:
        return counted["served"] >= goal or len(counted) > 1

    async with asyncio.timeout(PATIENCE):
        await until(is_there)


@pytest.mark.wire
async def test_no_unary_call_fails_while_every_core_is_restarted(short_path: Path) -> None:
    sockets = [short_path / name / "core.sock" for name in ("a", "b")]
    counted: Counter[str] = Counter(served=0)
    ended = asyncio.Event()
    async with Simulator() as mulerun, AsyncExitStack() as stack:
        mulerun.fault(Fault(delay_s=0.05), times=None)  # so that calls are under way whenever a core is asked to stop
        cores: list[Core] = [await stack.enter_async_context(running_core(mulerun, path.parent, **WAIT)) for path in sockets]
        async with front.envoy(short_path, cores=sockets) as gate:
            calling = [asyncio.create_task(call_on(gate.grpc_target, ended, counted)) for _ in range(CALLERS)]
            try:
                for place, path in enumerate(sockets):
                    await until_served(counted, 100)
                    await cores[place].end(signal.SIGTERM)
                    assert cores[place].process.returncode == 0
                    await until_served(counted, 50)
                    cores[place] = await stack.enter_async_context(running_core(mulerun, path.parent, **WAIT))
                    await until_served(counted, 200)
            finally:
                ended.set()
                await asyncio.gather(*calling)
    assert set(counted) == {"served"}, counted
    assert counted["served"] >= 700


async def test_a_core_that_drains_says_so_before_it_goes(short_path: Path) -> None:
    async with Simulator() as mulerun, running_core(mulerun, short_path, **WAIT) as core:
        mulerun.fault(Fault(hold="answer"))
        texts: text_pb2_grpc.TextServiceAsyncStub = text_pb2_grpc.TextServiceStub(core.channel)
        health: health_pb2_grpc.HealthAsyncStub = health_pb2_grpc.HealthStub(core.channel)
        asked = asyncio.ensure_future(texts.Generate(HELLO, timeout=PATIENCE))
        await mulerun.wait_for(lambda: mulerun.held("answer") == 1)
        watch = aiter(health.Watch(health_pb2.HealthCheckRequest(), timeout=PATIENCE))
        assert (await anext(watch)).status == health_pb2.HealthCheckResponse.SERVING
        core.process.send_signal(signal.SIGTERM)
        assert (await anext(watch)).status == health_pb2.HealthCheckResponse.NOT_SERVING
        mulerun.release("answer")
        answer = await asked
        await core.end(signal.SIGTERM)
    assert answer.candidates[0].message.parts[0].text == "You said: hello"

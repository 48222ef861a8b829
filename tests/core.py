"""A real core in the test's own loop, in front of a simulated MuleRun, and a channel to it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from cli2api.v1 import catalog_pb2_grpc, job_pb2_grpc, media_pb2_grpc, text_pb2_grpc, usage_pb2_grpc

from services.server import Core, serving
from services.settings import Settings
from simulator.options import ByPolls, Options
from simulator.server import Simulator
from tests.rpc import Told, told

QUICK = {"CLI2API_POLL_INTERVAL": "10ms", "CLI2API_POLL_MAX_INTERVAL": "20ms", "CLI2API_DRAIN_TIMEOUT": "5s"}


@dataclass(frozen=True)
class World:
    """A core, its upstream, and typed stubs."""

    core: Core
    upstream: Simulator
    channel: grpc.aio.Channel

    def paid(self, place: int = 0) -> dict[str, Any]:
        """The body of one submission that was paid for, in order."""
        body: Any = self.upstream.submissions()[place].json
        return dict(body)

    async def job_id(self, call: Any) -> str:
        """The id in a call's initial metadata."""
        return str(dict(await call.initial_metadata())["x-cli2api-job-id"])

    def waited(self, method: str, request: Any, answer: Any) -> Any:
        """A unary call that shows its initial metadata at once: grpc.aio holds it back, unless it takes the call for a stream."""
        return self.channel.unary_stream(method, type(request).SerializeToString, answer.FromString)(request)

    @property
    def text(self) -> "text_pb2_grpc.TextServiceAsyncStub":
        return text_pb2_grpc.TextServiceStub(self.channel)

    @property
    def media(self) -> "media_pb2_grpc.MediaServiceAsyncStub":
        return media_pb2_grpc.MediaServiceStub(self.channel)

    @property
    def jobs(self) -> "job_pb2_grpc.JobServiceAsyncStub":
        return job_pb2_grpc.JobServiceStub(self.channel)

    @property
    def catalog(self) -> "catalog_pb2_grpc.CatalogServiceAsyncStub":
        return catalog_pb2_grpc.CatalogServiceStub(self.channel)

    @property
    def usage(self) -> "usage_pb2_grpc.UsageServiceAsyncStub":
        return usage_pb2_grpc.UsageServiceStub(self.channel)


async def fails(call: Any) -> Told:
    """The failure of a call of any shape."""
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await (everything(call) if hasattr(call, "__aiter__") else call)
    return told(failed.value)


async def everything(call: Any) -> list[Any]:
    """All that a stream sends."""
    return [reply async for reply in call]


@asynccontextmanager
async def world(state_dir: Path, options: Options | None = None, **environ: str) -> AsyncGenerator[World, None]:
    """A core with jobs in memory in front of a MuleRun whose tasks are done at the third poll, unless said otherwise."""
    async with Simulator(options or Options(pace=ByPolls())) as upstream:
        known = {
            "HOME": str(state_dir),
            "CLI2API_STATE_DIR": str(state_dir),
            "CLI2API_JOBSTORE_DSN": "memory:",
            "CLI2API_USAGE_DSN": "memory:",
            "CLI2API_CORE_LISTEN": "127.0.0.1:0",
            "CLI2API_METRICS_LISTEN": "off",
            **QUICK,
            **upstream.environ,
            **environ,
        }
        async with (
            serving(Settings.read(known), known) as core,
            grpc.aio.insecure_channel(core.target) as channel,
        ):
            yield World(core=core, upstream=upstream, channel=channel)

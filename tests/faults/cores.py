"""Real cores, each a process of its own, on a store that outlives them and in front of one simulated MuleRun."""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import grpc.aio
from cli2api.v1 import job_pb2, media_pb2
from cli2api.v1.job_pb2_grpc import JobServiceStub
from cli2api.v1.media_pb2_grpc import MediaServiceStub

from simulator.options import ByHand, Options
from simulator.server import Simulator
from tests.postgres import Server

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 40.0
END_LEASES = "UPDATE cli2api_jobs SET lease_until = 0 WHERE lease_owner <> ''"
"""Lets the time pass that leases run."""


@dataclass(frozen=True)
class Core:
    """One core, and a channel to it."""

    process: Process
    channel: grpc.aio.Channel
    log: list[dict[str, Any]]
    reading: asyncio.Task[None]
    heard: asyncio.Event
    """Set at each line of the log."""

    async def create(self, prompt: str, request_id: str = "") -> job_pb2.Job:
        request = media_pb2.CreateVideoRequest(model="sora-2", prompt=prompt, request_id=request_id)
        return (await MediaServiceStub(self.channel).CreateVideo(request, timeout=PATIENCE)).job

    @property
    def jobs(self) -> Any:
        return JobServiceStub(self.channel)

    async def wait(self, job_id: str) -> job_pb2.Job:
        job: job_pb2.Job = (await self.jobs.WaitJob(job_pb2.WaitJobRequest(id=job_id), timeout=PATIENCE)).job
        return job

    def settled(self) -> list[str]:
        """The ids of the jobs that this core had settled when it ended."""
        return [line["job_id"] for line in self.log if line["message"] == "settled"]

    async def says(self, message: str) -> None:
        """Returns once the core has logged that. Raises TimeoutError."""
        async with asyncio.timeout(PATIENCE):
            while not any(line["message"] == message for line in self.log):
                self.heard.clear()
                await self.heard.wait()

    async def end(self, by: signal.Signals) -> None:
        """By SIGTERM as a person would, by SIGKILL as a crash would; all that it has said is in its log then."""
        if self.process.returncode is None:
            self.process.send_signal(by)
        await self.process.wait()
        await self.reading


def prompts(mulerun: Simulator, *, accepted: bool = False) -> Counter[str]:
    """How often each prompt was sent for a task, or only how often a task was made of it."""
    found: Counter[str] = Counter()
    for seen in mulerun.requests:
        body: Any = seen.json
        if seen.method == "POST" and body and (seen.task_id or not accepted):
            found[body["prompt"]] += 1
    return found


@dataclass
class Cluster:
    """Cores that share a store, and what stands behind them."""

    server: Server
    dsn: str
    mulerun: Simulator
    folder: Path
    stack: AsyncExitStack
    numbers: Iterator[int] = field(default_factory=count)

    async def start(self, **settings: str) -> Core:
        """One more core, ready to be called."""
        state = self.folder / str(next(self.numbers))
        return await self.stack.enter_async_context(running_core(self.mulerun, state, dsn=self.dsn, **settings))

    async def finish(self, core: Core, *job_ids: str) -> list[job_pb2.Job]:
        """The jobs once they are terminal, as that core tells it; no lease is waited for."""
        waiting = asyncio.gather(*(core.wait(job_id) for job_id in job_ids))
        while not waiting.done():
            await self.server.tell(END_LEASES, self.dsn)
            await asyncio.wait({waiting}, timeout=0.5)
        return await waiting


@asynccontextmanager
async def cluster(server: Server, folder: Path, options: Options | None = None) -> AsyncGenerator[Cluster]:
    """No cores yet; MuleRun's tasks are pending until the test completes them, unless the options say otherwise."""
    async with Simulator(options or Options(pace=ByHand())) as mulerun, AsyncExitStack() as stack:
        yield Cluster(server=server, dsn=await server.fresh(), mulerun=mulerun, folder=folder, stack=stack)


@asynccontextmanager
async def running_core(mulerun: Simulator, state: Path, *, dsn: str = "", **settings: str) -> AsyncGenerator[Core]:
    """A core that keeps what it writes in `state`, and its jobs there too unless `dsn` names another store."""
    target = f"unix:{state}/core.sock"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services"),
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(state),
            "CLI2API_STATE_DIR": str(state),
            "CLI2API_JOBSTORE_DSN": dsn,
            "CLI2API_CORE_LISTEN": target,
            "CLI2API_POLL_INTERVAL": "50ms",
            "CLI2API_POLL_MAX_INTERVAL": "200ms",
            **mulerun.environ,
            **settings,
        },
        cwd=ROOT,
        stdin=DEVNULL,
        stdout=DEVNULL,
        stderr=PIPE,
        limit=1 << 20,
    )
    assert process.stderr is not None
    ready, heard, log = asyncio.Event(), asyncio.Event(), list[dict[str, Any]]()
    reading = asyncio.create_task(read(process.stderr, log, ready, heard))
    core = Core(process=process, channel=grpc.aio.insecure_channel(target), log=log, reading=reading, heard=heard)
    try:
        async with asyncio.timeout(PATIENCE):
            await ready.wait()
        assert any(line["message"] == "ready" for line in log), log
        yield core
    finally:
        await core.channel.close()
        await core.end(signal.SIGKILL)


async def read(stderr: asyncio.StreamReader, log: list[dict[str, Any]], ready: asyncio.Event, heard: asyncio.Event) -> None:
    """Takes in what a core logs; `ready` is set when it is, or when it has ended."""
    async for line in stderr:
        # What is no JSON is Python's last word before it ends.
        log.append(json.loads(line) if line.startswith(b"{") else {"message": line.decode()})
        heard.set()
        if log[-1]["message"] == "ready":
            ready.set()
    ready.set()

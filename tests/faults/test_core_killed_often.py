"""kill -9 at random moments, again and again, while jobs are asked for: each is paid once, none is lost, no result is missing.

Callers do what they should do: they send a request_id and ask again with the same one when the line breaks. `CLI2API_TEST_SEED`
repeats a run, `CLI2API_TEST_JOBS=500` makes it a long one.
"""

import asyncio
import os
import random
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from cli2api.v1 import job_pb2, media_pb2
from cli2api.v1.media_pb2_grpc import MediaServiceStub

from simulator.options import ByPolls, Options
from simulator.server import Simulator
from tests.faults.cores import END_LEASES, prompts, running_core
from tests.postgres import Server

pytestmark = [pytest.mark.wire, pytest.mark.timeout(300)]

JOBS = int(os.environ.get("CLI2API_TEST_JOBS", "120"))
SEED = int(os.environ.get("CLI2API_TEST_SEED") or time.time_ns() % 1_000_000)
CALLERS = 24
LIVES = (0.05, 0.7)
"""Seconds that a core serves before it is killed, at least and at most."""
LEAST_KILLS, MOST_KILLS = 3, max(4, JOBS // 40)
QUICK_TO_RETURN = (("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 100))
BROKE = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.DEADLINE_EXCEEDED}
DONE, FAILED = job_pb2.JOB_STATE_SUCCEEDED, job_pb2.JOB_STATE_FAILED


@dataclass
class Run:
    """Callers on one side, a core that keeps dying on the other, and what became of everything."""

    mulerun: Simulator
    state: Path
    dsn: str
    between: Callable[[], Awaitable[object]]
    """Done after each kill, before the next start."""
    chance: random.Random = field(default_factory=lambda: random.Random(SEED))
    kills: int = 0
    asked_again: int = 0

    async def ask(self, channel: grpc.aio.Channel, number: int) -> None:
        """One caller's order, until there is an answer, whatever it says."""
        request = media_pb2.CreateVideoRequest(model="sora-2", prompt=f"order {number}", request_id=f"order-{number}")
        while True:
            try:
                await MediaServiceStub(channel).CreateVideo(request, timeout=10, wait_for_ready=True)
            except grpc.aio.AioRpcError as error:
                if error.code() not in BROKE:
                    return
                self.asked_again += 1
            else:
                return

    async def ask_all(self, channel: grpc.aio.Channel) -> None:
        """All orders, many at a time, spread out so that every life of the core has some."""
        numbers = iter(range(JOBS))

        async def one() -> None:
            for number in numbers:
                await self.ask(channel, number)

        await asyncio.gather(*(one() for _ in range(CALLERS)))

    async def live_and_die(self, asking: "asyncio.Task[None]") -> None:
        """One core after another, killed at a random moment, for as long as orders come in; the last one is let be till then."""
        while not asking.done() or self.kills < LEAST_KILLS:
            async with running_core(self.mulerun, self.state, dsn=self.dsn) as core:
                span = self.chance.uniform(*LIVES) if self.kills < MOST_KILLS else None
                await asyncio.wait({core.reading if asking.done() else asking}, timeout=span)
                await core.end(signal.SIGKILL)
            self.kills += 1
            await self.between()

    async def finished(self) -> list[job_pb2.Job]:
        """Every job, once all have ended in a last life of the core."""
        async with running_core(self.mulerun, self.state, dsn=self.dsn) as core:
            async with asyncio.timeout(90):
                jobs = await listed(core.jobs)
                while not all(job.state in {DONE, FAILED} for job in jobs):
                    await self.between()
                    await asyncio.wait({core.reading}, timeout=0.2)
                    jobs = await listed(core.jobs)
            await core.end(signal.SIGTERM)
        return jobs


async def listed(jobs: Any) -> list[job_pb2.Job]:
    found: list[job_pb2.Job] = []
    token = ""
    while True:
        page = await jobs.ListJobs(job_pb2.ListJobsRequest(page_size=100, page_token=token), timeout=20)
        found += page.jobs
        token = page.next_page_token
        if not token:
            return found


@pytest.fixture(params=["sqlite", "postgres"])
async def run(request: pytest.FixtureRequest, short_path: Path) -> Any:
    dsn = ""

    async def nothing() -> None:
        """SQLite's next core knows that the one before is gone."""

    between: Callable[[], Awaitable[object]] = nothing
    if request.param == "postgres":
        server: Server = request.getfixturevalue("postgres")
        dsn = await server.fresh()

        async def leases_end() -> None:
            await server.tell(END_LEASES, dsn)

        between = leases_end
    options = Options(pace=ByPolls(pending=2, processing=4), keep_requests=200_000)
    async with Simulator(options) as mulerun:
        yield Run(mulerun=mulerun, state=short_path / "core", dsn=dsn, between=between)


async def test_every_order_is_paid_once_and_every_job_ends(run: Run) -> None:
    print(f"seed {SEED}, {JOBS} jobs")
    async with grpc.aio.insecure_channel(f"unix:{run.state}/core.sock", options=QUICK_TO_RETURN) as channel:
        asking = asyncio.create_task(run.ask_all(channel))
        await run.live_and_die(asking)
        await asking
    jobs = await run.finished()
    arrived = prompts(run.mulerun, accepted=True)
    done = {job.prompt for job in jobs if job.state == DONE}
    uncertain = {job.prompt for job in jobs if job.failure.reason == "SUBMISSION_UNCERTAIN"}
    print(f"{run.kills} kills, {run.asked_again} asked again, {len(done)} succeeded, {len(uncertain)} uncertain")

    assert sorted(job.request_id for job in jobs) == sorted(f"order-{number}" for number in range(JOBS)), "none lost, none twice"
    assert set(arrived.values()) == {1}, "no order is paid twice"
    assert done <= set(arrived), "what succeeded was paid"
    assert done | uncertain == {f"order {number}" for number in range(JOBS)}, "whatever did not succeed says that it is uncertain"
    assert set(arrived) - done <= uncertain, "no task that was paid is passed over in silence"
    assert all(len(job.assets) == 1 for job in jobs if job.state == DONE), "no result is missing"

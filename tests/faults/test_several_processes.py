"""Several cores and edges behind one Envoy, some of which are killed while they work."""

import asyncio
import os
import signal
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cli2api.v1 import job_pb2
from cli2api.v1.job_pb2_grpc import JobServiceStub

from cli.readiness import until
from simulator.options import ByPolls, Options
from tests.postgres import Server
from tests.wire import served
from tests.wire.house import KEY, METADATA, House, house

pytestmark = pytest.mark.wire

SEVERAL = {"CLI2API_CORES": "2", "CLI2API_EDGES": "2", "CLI2API_JOBSTORE_POOL": "5", "CLI2API_MODEL_ALIASES": "mine=gpt-5-mini"}
WORKERS = 12
JOBS_EACH = 12
TRIES = 20
HEADERS = {"authorization": f"Bearer {KEY}"}


@dataclass
class Load:
    """Workers that submit jobs as an SDK does, trying again with the same key, and read them back."""

    home: House
    made: dict[str, str] = field(default_factory=dict)
    """Job ids by idempotency key."""
    failures: list[dict[str, Any]] = field(default_factory=list)
    unread: list[int] = field(default_factory=list)

    async def run(self) -> None:
        await asyncio.gather(*(self._work(worker) for worker in range(WORKERS)))

    async def _work(self, worker: int) -> None:
        for number in range(JOBS_EACH):
            key = f"{worker}-{number}"
            self.made[key] = await self._submit(key)
            async with self.home.http.get(f"/v1/videos/{self.made[key]}") as answer:
                await answer.read()
                if answer.status != 200:
                    self.unread.append(answer.status)

    async def _submit(self, key: str) -> str:
        body = {"model": "sora-2", "prompt": f"clip {key}", "seconds": "4"}
        for _ in range(TRIES):
            async with self.home.http.post("/v1/videos", json=body, headers={"idempotency-key": key}) as answer:
                told = await answer.json()
                if answer.status == 200:
                    return str(told["id"])
                self.failures.append(told["error"])
        raise AssertionError(f"{key} could not be submitted: {self.failures}")

    async def grown_by(self, count: int) -> None:
        """Returns when that many more jobs were submitted."""
        goal = len(self.made) + count

        async def there() -> bool:
            return len(self.made) >= goal

        await until(there)


async def finished(home: House, job_id: str) -> job_pb2.Job:
    """The job once it is terminal."""
    stub = JobServiceStub(home.channel)
    job: job_pb2.Job = (await stub.WaitJob(job_pb2.WaitJobRequest(id=job_id), timeout=60, metadata=METADATA)).job
    return job


async def kill_and_let_go(home: House, server: Server, dsn: str, name: str) -> None:
    """What a dead core held is free at once, where it would take two minutes: also for who asks again with the same key."""
    pid = home.gateway.pids[name]
    kill(home, name)
    await home.log.until(lambda lines: any(f"{name} died" in line["message"] for line in lines))
    await server.tell(f"UPDATE cli2api_jobs SET lease_until = 0 WHERE lease_owner LIKE '%-{pid}-%'", dsn)


def kill(home: House, name: str) -> None:
    os.kill(home.gateway.pids[name], signal.SIGKILL)


async def test_killing_an_edge_and_a_core_under_load_loses_no_job_and_pays_for_none_twice(
    postgres: Server, short_path: Path
) -> None:
    dsn = await postgres.fresh()
    options = Options(pace=ByPolls())
    async with house(short_path, options=options, CLI2API_JOBSTORE_DSN=dsn, **SEVERAL) as home:
        assert set(home.gateway.pids) == {"core-0", "core-1", "edge-0", "edge-1", "envoy"}
        load = Load(home)
        running = asyncio.create_task(load.run())
        await load.grown_by(20)
        kill(home, "edge-0")
        await load.grown_by(30)
        after_the_edge = len(load.failures)
        await kill_and_let_go(home, postgres, dsn, "core-0")
        await running
        done = await asyncio.gather(*(finished(home, job_id) for job_id in load.made.values()))

        assert len(set(load.made.values())) == WORKERS * JOBS_EACH
        # Only what was in the hands of who died is told to have failed, in words, and reads are not among it.
        assert after_the_edge <= WORKERS
        assert len(load.failures) - after_the_edge <= WORKERS
        assert {failure["code"] for failure in load.failures} <= {"interrupted", "core_lost"}
        assert len(load.unread) <= WORKERS
        outcomes = Counter((job.state, job.failure.reason) for job in done)
        uncertain = outcomes.pop((job_pb2.JOB_STATE_FAILED, "SUBMISSION_UNCERTAIN"), 0)
        assert outcomes == {(job_pb2.JOB_STATE_SUCCEEDED, ""): WORKERS * JOBS_EACH - uncertain}
        assert uncertain <= WORKERS
        paid = Counter(seen.task_id for seen in home.simulator.submissions())
        assert set(paid.values()) == {1}
        assert await home.is_well()


async def opened(session: aiohttp.ClientSession, count: int) -> list[aiohttp.ClientResponse]:
    """That many streams that have begun."""
    body = {**served.CHAT, "model": "mine"}
    streams = await asyncio.gather(*(session.post("/v1/chat/completions", json=body, headers=HEADERS) for _ in range(count)))
    for stream in streams:
        assert await stream.content.readuntil(b"\n\n") == b'data: {"choices":[]}\n\n'
    return list(streams)


async def rest(stream: aiohttp.ClientResponse) -> str:
    """How a stream ended: whole, with a word for it, or cut off."""
    try:
        said = await stream.content.read()
    except aiohttp.ClientPayloadError:
        return "cut off"
    finally:
        stream.close()  # one whose line broke is not given back by itself
    if said == b"data: [DONE]\n\n":
        return "whole"
    return "told" if b'"error"' in said and b"[DONE]" not in said else repr(said)


@pytest.mark.parametrize(("victim", "how"), [("core-0", "told"), ("edge-0", "cut off")])
async def test_of_the_open_streams_only_those_of_the_one_that_was_killed_end_early(
    postgres: Server, short_path: Path, victim: str, how: str
) -> None:
    dsn = await postgres.fresh()
    async with served.upstream() as upstream:
        settings = {**SEVERAL, "CLI2API_JOBSTORE_DSN": dsn, "MULERUN_API_BASE_URL": upstream.url}
        async with house(short_path, options=None, **settings) as home, aiohttp.ClientSession(home.gateway.rest_url) as session:
            streams = await opened(session, 16)
            kill(home, victim)
            await home.log.until(lambda lines: any(f"{victim} died" in line["message"] for line in lines))
            upstream.go_on.set()
            ends = Counter(await asyncio.gather(*map(rest, streams)))

    assert set(ends) == {"whole", how}
    assert 0 < ends[how] < 16

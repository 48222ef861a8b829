"""One soak from its first process to its last: everything is started, called, broken, looked at, settled and ended."""

import asyncio
import json
import signal
import sys
import time
from asyncio.subprocess import PIPE
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import aiohttp
import grpc.aio
from cli2api.v1 import job_pb2

from cli.readiness import until
from tests import postgres
from tests.scrape import scrape
from tests.soak.blows import Felt, deal
from tests.soak.calls import Call
from tests.soak.gateway import PATIENCE, Gateway, serving
from tests.soak.ledger import Ledger
from tests.soak.mix import deeds, traffic
from tests.soak.plan import KEY, Plan, Shape
from tests.soak.rest import Rest
from tests.soak.samples import Sample, keep_looking, look
from tests.soak.stubs import Stubs

_REAPED: Final = 6.0
"""Seconds after its time in which a job has to be forgotten: the reaper comes every two."""
_QUICK_TO_RETURN: Final = (("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 500))


@dataclass(slots=True, kw_only=True)
class Found:
    """All that one soak saw."""

    plan: Plan
    calls: list[Call] = field(default_factory=list)
    felt: list[Felt] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    ledger: Ledger = field(default_factory=Ledger)
    overdue: list[str] = field(default_factory=list)
    """Jobs that should have been forgotten and were still listed."""
    forgotten: int = 0
    """Jobs that were seen and are no longer listed."""
    recorded: Counter[str] = field(default_factory=Counter)
    """Records of usage by endpoint."""
    dropped: int = 0
    still_open: Mapping[str, float] = field(default_factory=dict)
    """Calls that were open after the last caller had its answer."""
    logged: Counter[str] = field(default_factory=Counter)
    paid: Counter[str] = field(default_factory=Counter)
    """Tasks that MuleRun made, by prompt."""


async def soak(plan: Plan, folder: Path) -> Found:
    """Runs it whole. Raises TimeoutError or AssertionError where something does not start, recover or end."""
    found = Found(plan=plan)
    async with _mulerun(found) as upstream, _database(plan) as (settings, died):
        async with serving(folder, {**plan.settings, **upstream, **settings}) as gateway, _callers(gateway) as (http, channel):
            began = time.time()
            stubs = Stubs(channel, found.ledger)
            looking = asyncio.create_task(keep_looking(gateway, began, plan.sample_every, found.samples))
            reading = asyncio.create_task(found.ledger.keep_reading(channel, min(3.0, plan.sample_every)))
            try:
                async with asyncio.TaskGroup() as working:
                    calling = working.create_task(traffic(plan, deeds(Rest(http, stubs.note), stubs)))
                    dealing = working.create_task(deal(plan, gateway, died))
                found.calls, found.felt = calling.result(), dealing.result()
            finally:
                for task in (looking, reading):
                    task.cancel()
                await asyncio.gather(looking, reading, return_exceptions=True)
            await _settle(found, gateway, channel)
            found.samples += await look(gateway, began)
            found.recorded, found.dropped = await _usage(http, began)
        found.logged = gateway.complaints()
    return found


async def _settle(found: Found, gateway: Gateway, channel: grpc.aio.Channel) -> None:
    """Returns when every job has ended, those whose time is over are forgotten, and no call is open; or when they should have."""
    ended = {job_pb2.JOB_STATE_SUCCEEDED, job_pb2.JOB_STATE_FAILED}

    async def is_quiet() -> bool:
        try:
            return await is_settled()
        except (grpc.aio.AioRpcError, aiohttp.ClientError, AssertionError):
            return False  # a part that has not come back; it is waited for

    async def is_settled() -> bool:
        listed = await found.ledger.read(channel)
        limit = time.time() - _REAPED
        found.overdue = [job.id for job in listed if 0 < job.expire_time.seconds < limit]
        found.forgotten = len(found.ledger.jobs) - len(listed)
        page = await scrape(gateway.metrics_url)
        found.still_open = {
            name: value
            for name, value in (
                ("calls in the edges", page.value("cli2api_http_open")),
                ("calls of MuleRun", page.value("cli2api_upstream_open")),
                ("calls in Envoy", page.value("envoy_http_downstream_rq_active", envoy_http_conn_manager_prefix="rest")),
            )
            if value
        }
        return all(job.state in ended for job in listed) and not found.overdue and not found.still_open

    try:
        async with asyncio.timeout(PATIENCE):
            await until(is_quiet)
    except TimeoutError:
        return  # what is not quiet stands in `found`


async def _usage(http: aiohttp.ClientSession, began: float) -> tuple[Counter[str], int]:
    """Records by endpoint since then, once two questions in a row get the same answer, and how many were dropped."""
    query = {"group_by": "endpoint", "from": str(int(began) - 1)}
    asked: list[tuple[Counter[str], int]] = []

    async def is_steady() -> bool:
        # Of other cores a question sees what had ended a moment before.
        await asyncio.sleep(1.0)
        async with http.get("/v1/usage", params=query) as answer:
            told = await answer.json()
            assert answer.status == 200, told
        asked.append((Counter({row["bucket"]: row["calls"] for row in told["rows"]}), int(told["dropped"])))
        return len(asked) > 1 and asked[-1] == asked[-2]

    async with asyncio.timeout(PATIENCE):
        await until(is_steady)
    return asked[-1]


@asynccontextmanager
async def _callers(gateway: Gateway) -> AsyncGenerator[tuple[aiohttp.ClientSession, grpc.aio.Channel]]:
    """One session and one channel for all."""
    async with (
        aiohttp.ClientSession(
            gateway.rest_url, headers={"authorization": f"Bearer {KEY}"}, connector=aiohttp.TCPConnector(limit=0)
        ) as http,
        grpc.aio.insecure_channel(gateway.grpc_target, options=_QUICK_TO_RETURN) as channel,
    ):
        yield http, channel


@asynccontextmanager
async def _mulerun(found: Found) -> AsyncGenerator[dict[str, str]]:
    """The simulator's settings; when it has ended, what was paid is in `found`."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.soak.mulerun"), cwd=Path(__file__).parents[2], stdout=PIPE, limit=1 << 26
    )
    assert process.stdout is not None
    try:
        yield json.loads(await process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE):
            found.paid = Counter(json.loads(await process.stdout.readline()))
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@asynccontextmanager
async def _database(plan: Plan) -> AsyncGenerator[tuple[dict[str, str], Callable[[int], Awaitable[None]]]]:
    """Where jobs are kept, and what to do for a core that was killed."""

    async def nothing(_pid: int) -> None:
        """SQLite's next core knows that the one before is gone."""

    if plan.shape is Shape.ONE:
        yield {}, nothing
        return
    async with AsyncExitStack() as stack:
        server = stack.enter_context(postgres.running())
        dsn = await server.fresh()

        async def free(pid: int) -> None:
            """What the dead core held is free at once, where it would take two minutes."""
            await server.tell(f"UPDATE cli2api_jobs SET lease_until = 0 WHERE lease_owner LIKE '%-{pid}-%'", dsn)

        yield {"CLI2API_JOBSTORE_DSN": dsn}, free

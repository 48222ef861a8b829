"""A REST watch whose core died is gone on with at another gateway on the same PostgreSQL, without loss and without repeats."""

import json
import os
import signal
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import ClientSession

from cli.gateway import Gateway
from simulator.options import ByHand, Options, State
from simulator.server import Simulator
from tests.faults.cores import END_LEASES
from tests.postgres import Server, running
from tests.wire.house import KEY, Log, environ

pytestmark = pytest.mark.wire


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    with running() as server:
        yield server


@dataclass(frozen=True)
class Change:
    """One event of a watch."""

    revision: int
    state: str


async def watched(http: ClientSession, job_id: str, after: int = 0) -> AsyncGenerator[Change]:
    """The changes as an EventSource hears them; ends with the stream, and where that says that it broke."""
    headers = {"last-event-id": str(after)} if after else {}
    async with http.get(f"/v1/jobs/{job_id}:watch", headers=headers) as answer:
        revision = 0
        async for line in answer.content:
            name, _, value = line.decode().strip().partition(": ")
            if name == "id":
                revision = int(value)
            elif name == "data" and "error" in json.loads(value):
                return
            elif name == "data":
                yield Change(revision, json.loads(value)["state"])


async def test_a_watch_goes_on_at_another_gateway_after_its_last_event(postgres: Server, short_path: Path) -> None:
    dsn = await postgres.fresh()
    headers = {"authorization": f"Bearer {KEY}"}
    folders = [short_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    async with Simulator(Options(pace=ByHand())) as mulerun:
        settings = [environ(folder, mulerun, CLI2API_JOBSTORE_DSN=dsn, CLI2API_JOBSTORE_POOL="5") for folder in folders]
        async with (
            Gateway(settings[0], write=Log().write) as one,
            Gateway(settings[1], write=Log().write) as two,
            ClientSession(one.rest_url, headers=headers) as first,
            ClientSession(two.rest_url, headers=headers) as second,
        ):
            body = {"model": "sora-2", "prompt": "a tide pool", "seconds": "4"}
            async with first.post("/v1/videos", json=body) as answer:
                job_id = (await answer.json())["id"]
            (task,) = mulerun.tasks
            async with aclosing(watched(second, job_id)) as unbroken, aclosing(watched(first, job_id)) as broken:
                whole = [await anext(unbroken)]
                seen = [await anext(broken)]
                os.kill(one.pids["core"], signal.SIGKILL)
                seen += [change async for change in broken]
                await postgres.tell(END_LEASES, dsn)
                async with aclosing(watched(second, job_id, after=seen[-1].revision)) as resumed:
                    task.forced = State.PROCESSING
                    rest = [await anext(resumed)]
                    mulerun.complete()
                    rest += [change async for change in resumed]
                whole += [change async for change in unbroken]
            again = [change async for change in watched(second, job_id, after=rest[-1].revision)]

    assert seen + rest == whole
    assert [change.state for change in rest] == ["JOB_STATE_RUNNING", "JOB_STATE_SUCCEEDED"]
    revisions = [change.revision for change in seen + rest]
    assert revisions == sorted(set(revisions))
    assert again == []

"""The machine's clock is set forward and back under a core that serves: jobs go on, and none is forgotten before its time.

The core runs in the test's process, with its own steadied clock over a `time.time` that jumps; nothing else of it is changed.
"""

import asyncio
import time
from pathlib import Path

import pytest
from cli2api.v1 import job_pb2, media_pb2

from simulator.options import ByHand, Options
from tests.core import World, world

VIDEO = media_pb2.CreateVideoRequest(model="sora-2", prompt="a tide pool", seconds="4")
DAY = 86_400.0


@pytest.mark.parametrize("jump", [DAY, -DAY], ids=["a day forward", "a day back"])
async def test_jobs_in_flight_are_polled_and_finished_across_a_jump(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    real = time.time
    async with world(tmp_path, Options(pace=ByHand())) as gateway:
        before = [(await gateway.media.CreateVideo(VIDEO)).job.id for _ in range(5)]
        await polled(gateway, more_than=0)
        monkeypatch.setattr(time, "time", lambda: real() + jump)
        after = [(await gateway.media.CreateVideo(VIDEO)).job.id for _ in range(5)]
        await polled(gateway, more_than=gateway.upstream.stats["polls"])
        gateway.upstream.complete()
        # Without gRPC's own deadlines, which its client reckons from `time.time` too.
        async with asyncio.timeout(20):
            done = [(await gateway.jobs.WaitJob(job_pb2.WaitJobRequest(id=job_id))).job for job_id in before + after]

    assert [job.state for job in done] == [job_pb2.JOB_STATE_SUCCEEDED] * 10
    assert len(gateway.upstream.submissions()) == 10
    for job in done:
        assert job.create_time.ToSeconds() <= job.update_time.ToSeconds() <= job.expire_time.ToSeconds()


async def polled(gateway: World, *, more_than: object) -> None:
    """Returns when every task that there is was polled again."""
    assert isinstance(more_than, int)
    count = len(gateway.upstream.tasks)
    await gateway.upstream.wait_for(lambda: int(str(gateway.upstream.stats["polls"])) >= more_than + count)

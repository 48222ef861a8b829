"""The disk of the asset store is full: no job fails by it, links are served meanwhile, and the copy is made when there is room.

A disk that is full for one process alone is a limit on the size of its files (RLIMIT_FSIZE), which needs no root.
"""

from pathlib import Path

import psutil
import pytest
from cli2api.v1 import job_pb2

from simulator.faults import Fault
from tests.core import everything
from tests.faults.cores import Core, cluster
from tests.postgres import Server

pytestmark = pytest.mark.wire


def limit_files(core: Core, most: int) -> None:
    """No file that the core writes gets longer than so many bytes; -1 lifts that."""
    process = psutil.Process(core.process.pid)
    process.rlimit(psutil.RLIMIT_FSIZE, (most, process.rlimit(psutil.RLIMIT_FSIZE)[1]))


async def content(core: Core, job_id: str) -> bytes:
    pieces = await everything(core.jobs.DownloadAsset(job_pb2.DownloadAssetRequest(id=job_id), timeout=20))
    return b"".join(piece.chunk for piece in pieces)


async def test_a_full_asset_store_fails_no_job_and_catches_up(postgres: Server, short_path: Path) -> None:
    async with cluster(postgres, short_path) as home:
        core = await home.start(CLI2API_USAGE_DSN="memory:")
        limit_files(core, 1000)
        job = await core.create("a tide pool")
        home.mulerun.complete()
        done = await core.wait(job.id)
        await core.says("an asset could not be copied")
        from_link = await content(core, job.id)
        limit_files(core, psutil.RLIM_INFINITY)
        await core.says("an asset was kept")
        home.mulerun.fault(Fault(status=403), path="/assets/*", times=None)

        assert done.state == job_pb2.JOB_STATE_SUCCEEDED
        assert len(from_link) > 1000
        assert await content(core, job.id) == from_link
        assert len(home.mulerun.submissions()) == 1

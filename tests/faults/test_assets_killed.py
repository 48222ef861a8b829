"""kill -9 in the middle of a copy: the next core makes it, whole, as long as the link lives, and serves it when it is dead."""

import asyncio
import os
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from services.assets.place import open_shelf
from simulator.faults import Fault
from tests.wire.house import house
from tests.wire.test_main_killed import kill_core

JOB = "video_01k9yq4m8s0123456789abcdef"
CHILD = """
import asyncio, sys
from pathlib import Path
from services.assets.place import open_shelf
from services.assets.shelf import PART

class Endless:
    mime_type, size_bytes, offset = "video/mp4", None, 0

    async def chunks(self):
        yield bytes(2 * PART)
        print("half", flush=True)
        await asyncio.Event().wait()

asyncio.run(open_shelf("", Path(sys.argv[1])).keep(sys.argv[2], 0, Endless(), largest=1 << 30, now=0.0))
"""


@pytest.mark.wire
@pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")
async def test_a_copy_that_a_kill_cut_off_is_made_after_it_and_outlives_its_link(short_path: Path) -> None:
    async with house(short_path) as home:
        home.simulator.fault(Fault(hold="the copy"), path="/assets/*", method="GET")
        video = await home.sdk.videos.create_and_poll(model="sora-2", prompt="a tide pool", poll_interval_ms=50)
        assert video.status == "completed"
        await home.simulator.wait_for(lambda: home.simulator.held("the copy") == 1)
        await kill_core(home)
        home.simulator.release("the copy")
        lines = await home.log.until(lambda lines: any(line["message"] == "an asset was kept" for line in lines))
        (kept,) = [line for line in lines if line["message"] == "an asset was kept"]

        home.simulator.fault(Fault(status=403), path="/assets/*", times=None)
        clip = await (await home.sdk.videos.download_content(video.id)).aread()
        assert (kept["job_id"], kept["mime_type"]) == (video.id, "video/mp4")
        assert (len(clip), sha256(clip).hexdigest()) == (kept["size_bytes"], kept["sha256"])
        async with home.http.get(f"/v1/videos/{video.id}/content", headers={"range": "bytes=4-7"}) as part:
            assert (part.status, await part.read(), part.headers["content-range"]) == (206, b"ftyp", f"bytes 4-7/{len(clip)}")
            assert part.headers["etag"] == f'"{kept["sha256"]}"'
        for known, status in ((f'"{kept["sha256"]}"', 206), ('"another"', 200)):
            headers = {"range": "bytes=4-7", "if-range": known}
            async with home.http.get(f"/v1/videos/{video.id}/content", headers=headers) as part:
                assert part.status == status

        await home.sdk.videos.delete(video.id)
        await home.log.until(lambda lines: any("copies of a job that has gone were removed" in line["message"] for line in lines))
        assert not (short_path / "assets" / video.id).exists()


async def test_a_half_written_copy_is_none_and_is_cleared_a_day_later(tmp_path: Path) -> None:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, str(tmp_path), JOB, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert child.stdout is not None
    assert await child.stdout.readline() == b"half\n"
    child.kill()
    await child.wait()
    shelf = open_shelf("", tmp_path)
    assert shelf is not None
    assert await shelf.find(JOB, 0) is None
    assert [each async for each in shelf.held()] == []

    (half,) = os.listdir(tmp_path / "assets" / JOB)
    os.utime(tmp_path / "assets" / JOB / half, (0, 0))
    open_shelf("", tmp_path)
    assert os.listdir(tmp_path / "assets" / JOB) == []

"""kill -9 in the middle of a copy: the next core goes on with it from its last byte, and serves it when the link is dead."""

from hashlib import sha256
from importlib.resources import files
from pathlib import Path

import pytest

from simulator.faults import Fault
from tests.unit.assets.world import until
from tests.wire.house import house
from tests.wire.test_main_killed import kill_core

THERE = 2500
"""Bytes of the clip that had come when the core was killed."""


@pytest.mark.wire
@pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")
async def test_a_copy_that_a_kill_cut_off_goes_on_from_its_last_byte_and_outlives_its_link(short_path: Path) -> None:
    async with house(short_path) as home:
        home.simulator.fault(Fault(hold="the rest", hold_after=THERE), path="/assets/*", method="GET")
        video = await home.sdk.videos.create_and_poll(model="sora-2", prompt="a tide pool", poll_interval_ms=50)
        assert video.status == "completed"
        part = short_path / "assets" / video.id / "0.part"
        await until(lambda: part.exists() and part.stat().st_size == THERE)
        await kill_core(home)
        lines = await home.log.until(lambda lines: any(line["message"] == "an asset was kept" for line in lines))
        (kept,) = [line for line in lines if line["message"] == "an asset was kept"]

        first, second = [seen.headers for seen in home.simulator.requests if seen.path.startswith("/assets/")]
        assert "range" not in first
        assert second["range"] == f"bytes={THERE}-"
        assert second["if-range"].startswith('"')
        assert sorted(path.name for path in part.parent.iterdir()) == ["0", "0.json"]

        home.simulator.fault(Fault(status=403), path="/assets/*", times=None)
        clip = await (await home.sdk.videos.download_content(video.id)).aread()
        assert (kept["job_id"], kept["mime_type"]) == (video.id, "video/mp4")
        assert (len(clip), sha256(clip).hexdigest()) == (kept["size_bytes"], kept["sha256"])
        async with home.http.get(f"/v1/videos/{video.id}/content", headers={"range": "bytes=4-7"}) as some:
            assert (some.status, await some.read(), some.headers["content-range"]) == (206, b"ftyp", f"bytes 4-7/{len(clip)}")
            assert some.headers["etag"] == f'"{kept["sha256"]}"'
        for known, status in ((f'"{kept["sha256"]}"', 206), ('"another"', 200)):
            headers = {"range": "bytes=4-7", "if-range": known}
            async with home.http.get(f"/v1/videos/{video.id}/content", headers=headers) as some:
                assert some.status == status

        await home.sdk.videos.delete(video.id)
        await home.log.until(lambda lines: any("copies of a job that has gone were removed" in line["message"] for line in lines))
        assert not (short_path / "assets" / video.id).exists()


@pytest.mark.wire
@pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")
async def test_a_link_that_breaks_midway_is_gone_on_with(short_path: Path) -> None:
    async with house(short_path) as home:
        for _ in range(2):
            home.simulator.fault(Fault(abort_after=THERE), path="/assets/*", method="GET")
        video = await home.sdk.videos.create_and_poll(model="sora-2", prompt="a tide pool", poll_interval_ms=50)
        lines = await home.log.until(lambda lines: any(line["message"] == "an asset was kept" for line in lines))
        (kept,) = [line for line in lines if line["message"] == "an asset was kept"]
        asked = [seen.headers.get("range") for seen in home.simulator.requests if seen.path.startswith("/assets/")]
        file = (short_path / "assets" / video.id / "0").read_bytes()

        assert asked == [None, f"bytes={THERE}-", f"bytes={2 * THERE}-"]
        assert (len(file), sha256(file).hexdigest()) == (kept["size_bytes"], kept["sha256"])
        async with home.http.get(f"/v1/videos/{video.id}/content") as whole:
            assert await whole.read() == file
        assert file == files("simulator").joinpath("samples", "clip.mp4").read_bytes()

"""Copies in a bucket: kept, served with ranges when the link is dead, gone with their job."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from simulator.faults import Fault
from tests.s3 import BUCKET, S3
from tests.unit.assets.world import until
from tests.wire.house import House, house

pytestmark = [pytest.mark.wire, pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")]


async def kept(home: House) -> dict[str, Any]:
    lines = await home.log.until(lambda lines: any(line["message"] == "an asset was kept" for line in lines))
    return next(line for line in lines if line["message"] == "an asset was kept")


async def test_a_copy_lives_in_the_bucket_as_long_as_its_job(short_path: Path) -> None:
    async with S3() as s3, house(short_path, options=None, CLI2API_ASSET_STORE=f"s3://{BUCKET}/gateway", **s3.environ) as home:
        video = await home.sdk.videos.create_and_poll(model="sora-2", prompt="a tide pool", poll_interval_ms=50)
        copy = await kept(home)
        home.simulator.fault(Fault(status=403), path="/assets/*", times=None)
        clip = await (await home.sdk.videos.download_content(video.id)).aread()
        async with home.http.get(f"/v1/videos/{video.id}/content", headers={"range": "bytes=4-7"}) as some:
            assert (some.status, await some.read(), some.headers["content-range"]) == (206, b"ftyp", f"bytes 4-7/{len(clip)}")
            assert some.headers["etag"] == f'"{copy["sha256"]}"'
        name = f"gateway/{video.id}/0"
        assert sorted(s3.objects) == [name, f"{name}.json"]
        assert sha256(clip).hexdigest() == copy["sha256"] == json.loads(s3.objects[f"{name}.json"].body)["sha256"]
        assert s3.objects[name].body == clip
        assert not (short_path / "assets").exists()

        await home.sdk.videos.delete(video.id)
        await until(lambda: s3.objects == {})


async def test_a_bucket_that_is_away_fails_no_job_and_gets_its_copy_later(short_path: Path) -> None:
    async with S3() as s3, house(short_path, options=None, CLI2API_ASSET_STORE=f"s3://{BUCKET}", **s3.environ) as home:
        s3.is_away = True
        video = await home.sdk.videos.create_and_poll(model="sora-2", prompt="a tide pool", poll_interval_ms=50)
        assert video.status == "completed"
        lines = await home.log.until(lambda lines: any(line["message"] == "an asset could not be copied" for line in lines))
        (why,) = [line["why"] for line in lines if line["message"] == "an asset could not be copied"]
        assert why.startswith("the asset store cannot be read: ")
        assert "secret" not in why
        s3.is_away = False
        assert (await kept(home))["job_id"] == video.id

"""What every object store has to do for copies: a folder, memory, and a bucket behind S3's protocol."""

import asyncio
import glob
import os
import shutil
import stat
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import nullcontext
from hashlib import sha256
from pathlib import Path

import obstore
import pytest
from obstore.store import ObjectStore

from services.assets.copy import Copy, key_of
from services.assets.draft import PART
from services.assets.place import BadPlace, open_shelf, redact
from services.assets.shelf import Shelf, ShelfAway, TooLarge
from services.domain.errors import UpstreamUnavailable
from tests.s3 import BUCKET, S3

JOB = "video_01k9yq4m8s0123456789abcdef"
OTHER = "image_01k9yq4m8s0123456789abcdef"
FILE = os.urandom(PART * 2 + 12_345)


class Streamed:
    """An AssetStream of these bytes, which may end before its time or hang."""

    def __init__(
        self, file: bytes, *, size_bytes: int | None = None, error: Exception | None = None, hangs: bool = False
    ) -> None:
        self.mime_type = "video/mp4"
        self.size_bytes = size_bytes
        self.offset = 0
        self.sha256 = ""
        self.validator = ""
        self.begun = asyncio.Event()
        self._file = file
        self._error = error
        self._hangs = hangs

    def chunks(self) -> AsyncIterator[bytes]:
        return self._chunks()

    async def _chunks(self) -> AsyncGenerator[bytes]:
        for start in range(0, len(self._file), 60_000):
            yield self._file[start : start + 60_000]
        self.begun.set()
        if self._hangs:
            await asyncio.Event().wait()
        if self._error:
            raise self._error


@pytest.fixture(params=["folder", "memory", "s3"])
async def shelf(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Shelf]:
    """Every kind of place, opened as a gateway opens it."""
    place = {"folder": "", "memory": "memory:", "s3": f"s3://{BUCKET}/a/prefix"}[request.param]
    async with S3() as s3:
        for name, value in s3.environ.items():
            monkeypatch.setenv(name, value)
        opened = open_shelf(place, tmp_path)
        assert opened is not None
        yield opened


@pytest.fixture
def objects(shelf: Shelf) -> ObjectStore:
    """What lies behind the shelf, for looking and for meddling."""
    return shelf.store


async def keep(shelf: Shelf, asset: Streamed, job_id: str = JOB, index: int = 0) -> Copy:
    return await shelf.keep(job_id, index, lambda _: nullcontext(asset), largest=1 << 30, now=1_800_000_000.0)


async def read(shelf: Shelf, copy: Copy, *, offset: int = 0, limit: int = 0) -> bytes:
    async with shelf.open(JOB, 0, copy, offset=offset, limit=limit) as asset:
        assert (asset.mime_type, asset.size_bytes, asset.offset) == ("video/mp4", copy.size_bytes, offset)
        return b"".join([chunk async for chunk in asset.chunks()])


async def names(objects: ObjectStore) -> list[str]:
    return sorted([each["path"] async for batch in obstore.list(objects) for each in batch])


async def test_what_was_kept_is_found_and_read_again(shelf: Shelf) -> None:
    copy = await keep(shelf, Streamed(FILE, size_bytes=len(FILE)))
    assert copy == Copy(size_bytes=len(FILE), mime_type="video/mp4", sha256=sha256(FILE).hexdigest(), stored_at=1_800_000_000.0)
    assert await shelf.find(JOB, 0) == copy
    assert await read(shelf, copy) == FILE


@pytest.mark.parametrize(
    ("offset", "limit"),
    [(0, 1), (5, 0), (5, 10), (PART - 1, 2), (len(FILE) - 1, 0), (len(FILE) - 1, 99), (len(FILE), 0), (1 << 40, 5)],
)
async def test_a_part_of_a_copy_is_read(shelf: Shelf, offset: int, limit: int) -> None:
    copy = await keep(shelf, Streamed(FILE))
    assert await read(shelf, copy, offset=offset, limit=limit) == FILE[offset : offset + limit if limit else None]


async def test_no_piece_is_too_large_to_be_passed_on(shelf: Shelf) -> None:
    copy = await keep(shelf, Streamed(FILE))
    async with shelf.open(JOB, 0, copy) as asset:
        assert max([len(chunk) async for chunk in asset.chunks()]) <= 1 << 20


async def test_an_empty_file_is_kept_too(shelf: Shelf) -> None:
    assert await read(shelf, await keep(shelf, Streamed(b"", size_bytes=0))) == b""


async def test_what_was_never_kept_is_not_found(shelf: Shelf) -> None:
    assert await shelf.find(JOB, 0) is None


@pytest.mark.parametrize("size", [10, len(FILE)])
async def test_what_breaks_off_leaves_nothing(shelf: Shelf, objects: ObjectStore, size: int) -> None:
    with pytest.raises(UpstreamUnavailable, match="broke off"):
        await keep(shelf, Streamed(FILE[:size], error=UpstreamUnavailable("broke off")))
    with pytest.raises(UpstreamUnavailable, match=f"ended after {size} of {len(FILE) + 1} bytes"):
        await keep(shelf, Streamed(FILE[:size], size_bytes=len(FILE) + 1))
    assert await shelf.find(JOB, 0) is None
    assert await names(objects) == []


async def test_what_is_cancelled_leaves_nothing(shelf: Shelf, objects: ObjectStore, tmp_path: Path) -> None:
    asset = Streamed(FILE, hangs=True)
    keeping = asyncio.create_task(keep(shelf, asset))
    await asset.begun.wait()
    keeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await keeping
    assert await names(objects) == []
    del keeping  # and with it the writer
    assert not glob.glob(f"{tmp_path}/**/*#*", recursive=True)


@pytest.mark.parametrize("is_told", [True, False])
async def test_more_than_the_largest_is_refused_whether_its_size_was_told_or_not(
    shelf: Shelf, objects: ObjectStore, is_told: bool
) -> None:
    asset = Streamed(FILE, size_bytes=len(FILE) if is_told else None)
    with pytest.raises(TooLarge, match="CLI2API_ASSET_MAX keeps 1000"):
        await shelf.keep(JOB, 0, lambda _: nullcontext(asset), largest=1000, now=0.0)
    assert await names(objects) == []


async def test_bytes_without_a_record_are_no_copy(shelf: Shelf, objects: ObjectStore) -> None:
    await obstore.put_async(objects, f"{JOB}/0", FILE)
    assert await shelf.find(JOB, 0) is None
    copy = await keep(shelf, Streamed(b"whole"))
    assert await read(shelf, copy) == b"whole"


async def test_a_record_that_is_not_ours_is_none(shelf: Shelf, objects: ObjectStore) -> None:
    for record in (b"", b"[]", b"{}", b'{"size_bytes": 1}'):
        await obstore.put_async(objects, f"{JOB}/0.json", record)
        assert await shelf.find(JOB, 0) is None


async def test_bytes_that_are_not_those_of_the_record_are_not_served(shelf: Shelf, objects: ObjectStore) -> None:
    copy = await keep(shelf, Streamed(FILE))
    await obstore.put_async(objects, f"{JOB}/0", b"cut")
    with pytest.raises(ShelfAway, match=f"has 3 bytes, but {len(FILE)}"):
        await read(shelf, copy)
    await obstore.delete_async(objects, f"{JOB}/0")
    with pytest.raises(ShelfAway, match="cannot be read"):
        await read(shelf, copy)


async def test_removing_a_job_takes_all_of_it_and_nothing_else(shelf: Shelf, objects: ObjectStore) -> None:
    for index in range(2):
        await keep(shelf, Streamed(b"x"), index=index)
    await keep(shelf, Streamed(b"x"), job_id=OTHER)
    await obstore.put_async(objects, f"{JOB}/1.txt", b"someone else's")
    assert await shelf.remove(JOB) == 4
    assert await shelf.remove(JOB) == 0
    assert await names(objects) == [f"{OTHER}/0", f"{OTHER}/0.json", f"{JOB}/1.txt"]


async def test_what_others_keep_in_the_same_place_is_passed_over(shelf: Shelf, objects: ObjectStore) -> None:
    await keep(shelf, Streamed(b"x"))
    for name in ("notes.txt", "holiday/0/deep.png", f"{JOB}/cover.png"):
        await obstore.put_async(objects, name, b"not ours")
    held = [each.key async for each in shelf.held()]
    assert sorted((key.job_id, key.index, key.is_record) for key in held) == [(JOB, 0, False), (JOB, 0, True)]


async def test_a_folder_that_cannot_be_used_is_said_to_be_away(tmp_path: Path) -> None:
    folder = tmp_path / "assets"
    shelf = open_shelf(str(folder), tmp_path)
    assert shelf is not None
    copy = await keep(shelf, Streamed(b"x"))
    shutil.rmtree(folder)
    folder.write_text("in the way")
    with pytest.raises(ShelfAway, match="the asset store cannot be written: "):
        await keep(shelf, Streamed(b"x"))
    with pytest.raises(ShelfAway, match="the asset store cannot be read: "):
        await read(shelf, copy)


def test_the_folder_is_in_the_state_directory_and_private(tmp_path: Path) -> None:
    assert open_shelf("", tmp_path) is not None
    assert stat.S_IMODE((tmp_path / "assets").stat().st_mode) == 0o700


async def test_a_start_clears_what_a_crash_left_half_written_a_day_ago(tmp_path: Path) -> None:
    folder = tmp_path / "assets" / JOB
    folder.mkdir(parents=True)
    for name in ("0#1", "1#1", "notes#1"):
        (folder / name).write_bytes(b"half")
    for name in ("0#1", "notes#1"):
        os.utime(folder / name, (0, 0))
    open_shelf("", tmp_path)
    assert sorted(file.name for file in folder.iterdir()) == ["1#1", "notes#1"]


def test_off_keeps_nothing(tmp_path: Path) -> None:
    assert open_shelf(" OFF ", tmp_path) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "place",
    ["s3://bucket/prefix", "gs://bucket", "az://container/prefix", "abfss://container@account.dfs.core.windows.net/prefix"],
)
def test_buckets_are_opened_without_being_asked(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    assert open_shelf(place, tmp_path) is not None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("assets", "it takes off, memory:, an absolute path, or s3://"),
        ("http://cdn.test/assets", "it takes off"),
        ("ftp://cdn.test", "it takes off"),
        ("s3://", "cannot be used"),
        ("s3://key:secret@bucket", "credentials come from the environment"),
        ("s3://bucket?token=secret", "credentials come from the environment"),
    ],
)
def test_a_place_that_cannot_be_used_is_refused_without_its_secrets(place: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(BadPlace, match=why) as refused:
        open_shelf(place, tmp_path)
    assert "secret" not in str(refused.value)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BadPlace, match="make it a writable folder"):
        open_shelf(str(tmp_path / "file" / "assets"), tmp_path)


def test_a_place_is_shown_without_secrets() -> None:
    assert redact("s3://key:secret@bucket/a?token=x") == "s3://***@bucket/a?***"
    assert redact("s3://bucket/prefix") == "s3://bucket/prefix"


@pytest.mark.parametrize(
    "name", ["0", f"{JOB}", f"{JOB}/", f"{JOB}/x", f"{JOB}/0.txt", f"../{JOB}/0", "short_1/0", f"{JOB}/00000"]
)
def test_only_names_that_we_give_are_ours(name: str) -> None:
    assert key_of(name) is None


async def test_an_upload_that_broke_off_is_no_object_and_starts_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with S3() as s3:
        for name, value in s3.environ.items():
            monkeypatch.setenv(name, value)
        shelf = open_shelf(f"s3://{BUCKET}", tmp_path)
        assert shelf is not None
        with pytest.raises(UpstreamUnavailable):
            await keep(shelf, Streamed(FILE, error=UpstreamUnavailable("broke off")))
        assert await names(shelf.store) == []
        assert await read(shelf, await keep(shelf, Streamed(FILE))) == FILE
        assert sorted(s3.objects) == [f"{JOB}/0", f"{JOB}/0.json"]

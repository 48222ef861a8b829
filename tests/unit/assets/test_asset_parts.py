"""A copy in a folder that broke off: when it is gone on with, from where, and when it begins anew."""

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path

import pytest

from services.assets.part import Note, Part
from services.assets.place import open_shelf
from services.assets.shelf import Shelf, ShelfAway, TooLarge
from services.domain.errors import AssetGone, UpstreamUnavailable
from services.domain.job import Begun
from services.domain.ports import AssetStream

JOB = "video_01k9yq4m8s0123456789abcdef"
FILE = os.urandom(10_000)
TAG = '"v1"'


class Host:
    """Links to one file, which break off after so many bytes, where said."""

    def __init__(self, file: bytes = FILE, validator: str = TAG) -> None:
        self.file = file
        self.validator = validator
        self.breaks_at: int | None = None
        self.begun: list[Begun | None] = []
        self.silent = asyncio.Event()
        """Set when a link that falls silent has sent what it sends."""
        self.falls_silent = False
        self.is_dead = False

    @asynccontextmanager
    async def fetch(self, begun: Begun | None) -> AsyncGenerator[AssetStream]:
        self.begun.append(begun)
        if self.is_dead:
            raise AssetGone("the asset's link is dead (HTTP 403)")
        yield Streamed(self, begun.offset if begun and begun.validator == self.validator else 0)

    async def pieces(self, offset: int) -> AsyncGenerator[bytes]:
        yield self.file[offset : self.breaks_at]
        if self.falls_silent:
            self.silent.set()
            await asyncio.Event().wait()
        if self.breaks_at is not None:
            raise UpstreamUnavailable("broke off")


class Streamed:
    def __init__(self, host: Host, offset: int) -> None:
        self.mime_type = "video/mp4"
        self.size_bytes: int | None = len(host.file)
        self.offset = offset
        self.sha256 = ""
        self.validator = host.validator
        self._host = host

    def chunks(self) -> AsyncIterator[bytes]:
        return self._host.pieces(self.offset)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    shelf = open_shelf(str(tmp_path), tmp_path)
    assert shelf is not None
    return shelf


async def keep(shelf: Shelf, host: Host, *, largest: int = 1 << 30) -> str:
    """The hash of the copy that was made."""
    return (await shelf.keep(JOB, 0, host.fetch, largest=largest, now=0.0)).sha256


async def broken(shelf: Shelf, host: Host, at: int) -> None:
    host.breaks_at = at
    with pytest.raises(UpstreamUnavailable):
        await keep(shelf, host)
    host.breaks_at = None


def names(folder: Path) -> list[str]:
    """Of all files, and of folders in which there are none."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file() or not any(path.iterdir()))


async def test_what_broke_off_is_no_copy_and_goes_on_from_its_last_byte(shelf: Shelf, tmp_path: Path) -> None:
    host = Host()
    await broken(shelf, host, 4000)
    assert await shelf.find(JOB, 0) is None
    assert names(tmp_path) == ["0.part", "0.part.json"]
    await broken(shelf, host, 7000)
    assert await keep(shelf, host) == sha256(FILE).hexdigest()
    assert [begun.offset if begun else None for begun in host.begun] == [None, 4000, 7000]
    assert host.begun[2] == Begun(offset=7000, size_bytes=len(FILE), mime_type="video/mp4", validator=TAG)
    assert names(tmp_path) == ["0", "0.json"]


async def test_what_a_stop_cut_off_goes_on(shelf: Shelf) -> None:
    host = Host()
    host.breaks_at, host.falls_silent = 4000, True
    keeping = asyncio.create_task(keep(shelf, host))
    await host.silent.wait()
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    host.breaks_at, host.falls_silent = None, False
    assert await keep(shelf, host) == sha256(FILE).hexdigest()
    assert host.begun[1] is not None
    assert host.begun[1].offset == 4000


async def test_another_file_behind_the_link_begins_anew(shelf: Shelf) -> None:
    host = Host()
    await broken(shelf, host, 4000)
    host.file, host.validator = os.urandom(500), '"v2"'
    assert await keep(shelf, host) == sha256(host.file).hexdigest()


async def test_a_part_that_its_host_gave_no_name_is_not_kept(shelf: Shelf, tmp_path: Path) -> None:
    host = Host(validator="")
    await broken(shelf, host, 4000)
    assert names(tmp_path) == []


async def test_a_part_from_before_the_machine_was_started_begins_anew(shelf: Shelf, tmp_path: Path) -> None:
    host = Host()
    await broken(shelf, host, 4000)
    note = Note(size_bytes=len(FILE), mime_type="video/mp4", validator=TAG, start="another start")
    (tmp_path / JOB / "0.part.json").write_bytes(note.to_json())
    assert await keep(shelf, host) == sha256(FILE).hexdigest()
    assert host.begun == [None, None]


@pytest.mark.parametrize("note", [b"", b"{", b"[]", b"{}"])
async def test_a_note_that_was_cut_off_begins_anew(shelf: Shelf, tmp_path: Path, note: bytes) -> None:
    host = Host()
    await broken(shelf, host, 4000)
    (tmp_path / JOB / "0.part.json").write_bytes(note)
    assert await keep(shelf, host) == sha256(FILE).hexdigest()
    assert host.begun == [None, None]


async def test_two_cores_do_not_write_the_same_copy(shelf: Shelf, tmp_path: Path) -> None:
    async with Part(tmp_path, JOB, 0):
        with pytest.raises(ShelfAway, match="being written by another core"):
            await keep(shelf, Host())
    assert await keep(shelf, Host()) == sha256(FILE).hexdigest()


async def test_what_will_never_be_kept_leaves_no_part(shelf: Shelf, tmp_path: Path) -> None:
    host = Host()
    await broken(shelf, host, 4000)
    with pytest.raises(TooLarge):
        await keep(shelf, host, largest=5000)
    assert names(tmp_path) == []

    await broken(shelf, host, 4000)

    host.is_dead = True
    with pytest.raises(AssetGone):
        await keep(shelf, host)
    assert names(tmp_path) == []


async def test_removing_a_job_takes_its_parts(shelf: Shelf, tmp_path: Path) -> None:
    await broken(shelf, Host(), 4000)
    assert await shelf.remove(JOB) == 2
    assert names(tmp_path) == []

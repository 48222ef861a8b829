"""The outside world of copies: links that do what their script says, and jobs that have succeeded."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from obstore.store import MemoryStore as Objects

from services.assets.attempt import Attempts
from services.assets.copier import Copier
from services.assets.shelf import Shelf
from services.assets.sweeper import Sweeper
from services.domain.errors import AssetGone
from services.domain.job import Asset, AssetKind, Begun, Job, JobState
from services.domain.ports import AssetStream
from services.stores.memory import MemoryStore
from tests.worlds import NOON, FakeClock, a_job

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4


def job_id(number: int) -> str:
    return f"image_{number:026d}"


def link(number: int, index: int = 0) -> str:
    return f"https://assets.test/{number}/{index}.png"


def a_succeeded_job(number: int = 1, *, pictures: int = 1, at: float = NOON, **changes: Any) -> Job:
    assets = tuple(Asset(kind=AssetKind.IMAGE, url=link(number, index)) for index in range(pictures))
    fields: dict[str, Any] = {"created_at": at, "updated_at": at, "completed_at": at, "progress": 100}
    return a_job(id=job_id(number), state=JobState.SUCCEEDED, assets=assets, **fields | changes)


class ScriptedAsset:
    def __init__(self, pieces: AsyncGenerator[bytes], size_bytes: int | None) -> None:
        self.mime_type = "image/png"
        self.size_bytes = size_bytes
        self.offset = 0
        self.sha256 = ""
        self.validator = ""
        self._pieces = pieces

    def chunks(self) -> AsyncIterator[bytes]:
        return self._pieces


class ScriptedLinks:
    """An AssetSource. A link that was not given anything is dead."""

    def __init__(self) -> None:
        self.files: dict[str, bytes | Exception] = {}
        self.breaks: dict[str, Exception] = {}
        """What is raised after a link's last byte."""
        self.fetched: Counter[str] = Counter()
        self.going = asyncio.Event()
        """Cleared, downloads stop after their first byte."""
        self.going.set()
        self.under_way = 0
        self.most_under_way = 0

    @asynccontextmanager
    async def open(self, url: str, *, offset: int = 0, limit: int = 0) -> AsyncGenerator[AssetStream]:
        self.fetched[url] += 1
        file = self.files.get(url, AssetGone("the asset's link is dead (HTTP 403)"))
        if isinstance(file, Exception):
            raise file
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            wanted = file[offset : offset + limit if limit else None]
            async with aclosing(self._pieces(url, wanted)) as pieces:
                yield ScriptedAsset(pieces, len(file))
        finally:
            self.under_way -= 1

    def resume(self, url: str, begun: Begun) -> AbstractAsyncContextManager[AssetStream]:
        """From the first byte, as where a host knows no ranges."""
        return self.open(url)

    async def _pieces(self, url: str, file: bytes) -> AsyncGenerator[bytes]:
        yield file[:1]
        await self.going.wait()
        yield file[1:]
        if url in self.breaks:
            raise self.breaks[url]


@dataclass
class World:
    """Jobs, links, a shelf in memory, and whoever brings them together."""

    jobs: MemoryStore = field(default_factory=MemoryStore)
    links: ScriptedLinks = field(default_factory=ScriptedLinks)
    clock: FakeClock = field(default_factory=FakeClock)
    objects: Objects = field(default_factory=Objects)
    largest: int = 10_000

    @property
    def shelf(self) -> Shelf:
        return Shelf(self.objects)

    def attempts(self, shelf: Shelf | None = None) -> Attempts:
        return Attempts(jobs=self.jobs, shelf=shelf or self.shelf, source=self.links, clock=self.clock, largest=self.largest)

    def copier(self, shelf: Shelf | None = None, room: int = 4) -> Copier:
        shelf = shelf or self.shelf
        return Copier(attempts=self.attempts(shelf), shelf=shelf, clock=self.clock, room=room)

    def sweeper(self, copier: Copier, retention: float = 0.0) -> Sweeper:
        return Sweeper(jobs=self.jobs, shelf=self.shelf, copier=copier, clock=self.clock, retention=retention)

    async def add(self, job: Job, *, live: bool = True) -> Job:
        """Writes the job down; its links live."""
        await self.jobs.insert(job, owner="", lease_until=0.0)
        if live:
            self.links.files |= {asset.url: PNG + asset.url.encode() for asset in job.assets}
        return job

    async def copies(self, number: int = 1) -> list[int]:
        """Which assets of a job have a copy that is whole."""
        return [index for index in range(10) if await self.shelf.find(job_id(number), index) is not None]


async def until(holds: Callable[[], bool | Awaitable[bool]]) -> None:
    """Returns as soon as it holds; the object store answers from threads of its own. Raises TimeoutError."""
    async with asyncio.timeout(10):
        while True:
            holding = holds()
            if holding if isinstance(holding, bool) else await holding:
                return
            await asyncio.sleep(0)


async def read(asset: AssetStream) -> bytes:
    return b"".join([chunk async for chunk in asset.chunks()])

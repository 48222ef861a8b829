"""The object store as this room uses it: writes, finds, reads, lists and removes copies, and names what goes wrong."""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import obstore
from obstore.exceptions import BaseError
from obstore.store import ObjectStore

from services.assets.copy import Copy, Key, bytes_key, from_json, key_of, record_key, to_json
from services.assets.draft import Draft, Upload
from services.assets.part import Part
from services.domain.errors import AssetGone, UpstreamUnavailable
from services.domain.job import Begun
from services.domain.ports import AssetStream

Fetch = Callable[[Begun | None], AbstractAsyncContextManager[AssetStream]]
"""Opens an asset: where a part of it is kept, from there on or from its first byte, as the stream's `offset` says."""
PIECE: Final = 256 * 2**10
"""Bytes that are handed on at once when a copy is read."""


class ShelfAway(Exception):
    """The object store cannot be read or written now. The message is for the log."""


class TooLarge(Exception):
    """An asset is larger than the largest that is kept. The message is for the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One object of ours in the store."""

    key: Key
    written_at: float
    """Unix seconds."""


class ShelvedAsset:
    """An AssetStream over a copy."""

    def __init__(self, copy: Copy, *, offset: int, pieces: AsyncGenerator[bytes]) -> None:
        self.mime_type = copy.mime_type
        self.size_bytes: int | None = copy.size_bytes
        self.offset = offset
        self.sha256 = copy.sha256
        self.validator = ""
        self._pieces = pieces

    def chunks(self) -> AsyncIterator[bytes]:
        """The bytes in order; may be read once. Raises UpstreamUnavailable where the object store breaks off."""
        return self._pieces


class Shelf:
    """Copies in one object store, under `<job id>/<index>`. Every method may raise ShelfAway."""

    def __init__(self, store: ObjectStore, *, folder: Path | None = None) -> None:
        """Where the store is a folder whose files can be locked, `folder` is it: copies that broke off go on there."""
        self.store = store
        self._folder = folder

    async def find(self, job_id: str, index: int) -> Copy | None:
        """The record of a copy that is there whole, or None."""
        try:
            found = await obstore.get_async(self.store, record_key(job_id, index))
            return from_json(bytes(await found.bytes_async()))
        except FileNotFoundError:
            return None
        except (BaseError, OSError) as error:
            raise _away("read", error) from error

    async def keep(self, job_id: str, index: int, fetch: Fetch, *, largest: int, now: float) -> Copy:
        """Writes a copy of the whole asset, then its record. What breaks off leaves nothing that is taken for a copy.

        Raises TooLarge for more than `largest` bytes, and as `fetch` and its stream do.
        """
        try:
            async with self._draft(job_id, index) as draft:
                copy = await _drafted(draft, fetch, largest=largest, now=now)
            await obstore.put_async(self.store, record_key(job_id, index), to_json(copy))
        except (BaseError, OSError) as error:
            raise _away("written", error) from error
        return copy

    def _draft(self, job_id: str, index: int) -> AbstractAsyncContextManager[Draft]:
        return Part(self._folder, job_id, index) if self._folder else Upload(self.store, bytes_key(job_id, index))

    @asynccontextmanager
    async def open(self, job_id: str, index: int, copy: Copy, *, offset: int = 0, limit: int = 0) -> AsyncGenerator[AssetStream]:
        """The copy's bytes from `offset`, at most `limit` of them where that is not 0; none beyond its end.

        Raises ShelfAway where the bytes are not there, or are not those of the record.
        """
        end = min(offset + limit, copy.size_bytes) if limit else copy.size_bytes
        stream: AsyncIterable[bytes] | None = None
        if offset < end:
            try:
                found = await obstore.get_async(self.store, bytes_key(job_id, index), options={"range": (offset, end)})
            except (BaseError, OSError) as error:
                raise _away("read", error) from error
            if found.meta["size"] != copy.size_bytes:
                raise ShelfAway(f"{bytes_key(job_id, index)} has {found.meta['size']} bytes, but {copy.size_bytes} were written")
            stream = found.stream(min_chunk_size=PIECE)
        async with aclosing(_pieces(stream)) as pieces:
            yield ShelvedAsset(copy, offset=offset, pieces=pieces)

    async def remove(self, job_id: str) -> int:
        """Removes all that is kept of a job, what was cut off too; returns how many objects there were."""
        count = 0
        async with aclosing(self._names(f"{job_id}/")) as held:
            # Records first: whoever looks meanwhile finds no copy, rather than a copy without bytes.
            keys = sorted([each.key async for each in held if each.key.job_id == job_id], key=lambda key: not key.is_record)
        for key in keys:
            try:
                await obstore.delete_async(self.store, str(key))
                count += 1
            except FileNotFoundError:
                continue
            except (BaseError, OSError) as error:
                raise _away("written", error) from error
        return count

    def held(self) -> AsyncGenerator[Held]:
        """Every object of ours, in no order; what others keep in the same place is passed over."""
        return self._names(None)

    async def _names(self, prefix: str | None) -> AsyncGenerator[Held]:
        try:
            async for batch in obstore.list(self.store, prefix):
                for each in batch:
                    if key := key_of(each["path"]):
                        yield Held(key=key, written_at=each["last_modified"].timestamp())
        except (BaseError, OSError) as error:
            raise _away("listed", error) from error


async def _drafted(draft: Draft, fetch: Fetch, *, largest: int, now: float) -> Copy:
    """The record of what the draft has become. A file that will never be kept leaves no part of it."""
    try:
        async with fetch(draft.begun) as asset:
            _check(asset.size_bytes or 0, largest)
            size, digest = asset.offset, await draft.begin(asset)
            async for chunk in asset.chunks():
                size += len(chunk)
                _check(size, largest)
                digest.update(chunk)
                await draft.write(chunk)
            if asset.size_bytes not in (None, size):
                raise UpstreamUnavailable(f"the asset's link ended after {size} of {asset.size_bytes} bytes")
            await draft.finish()
            return Copy(size_bytes=size, mime_type=asset.mime_type, sha256=digest.hexdigest(), stored_at=now)
    except (AssetGone, TooLarge):
        await draft.discard()
        raise


def _check(size: int, largest: int) -> None:
    if size > largest:
        raise TooLarge(f"the asset has {size} bytes or more, and CLI2API_ASSET_MAX keeps {largest}")


async def _pieces(stream: AsyncIterable[bytes] | None) -> AsyncGenerator[bytes]:
    if stream is None:
        return
    try:
        async for chunk in stream:
            for start in range(0, len(chunk), PIECE):
                yield bytes(chunk[start : start + PIECE])
    except (BaseError, OSError) as error:
        raise UpstreamUnavailable("the kept copy of the asset broke off; ask again from where it did") from error


def _away(done: str, error: Exception) -> ShelfAway:
    """Only the first line of the library's words: what follows are its own internals."""
    return ShelfAway(f"the asset store cannot be {done}: {str(error).partition(chr(10))[0][:300]}")

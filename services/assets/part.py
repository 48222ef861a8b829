"""A copy that is being written in a folder, which a crash, a stop or a broken link only interrupts.

Law: what lies in the part was written by nobody else, in this order, from the file that the note names. So the part is locked
while it is written, and the note, which stands before the first byte, does not outlive the machine's start: bytes that were
written before a power cut may be missing in the midst.
"""

import asyncio
import fcntl
import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import cache
from hashlib import file_digest, sha256
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar
from uuid import uuid4

from services.assets.copy import NOTE, PART, Key
from services.assets.draft import Hash
from services.domain.job import Begun
from services.domain.ports import AssetStream

_START: Final = Path("/proc/sys/kernel/random/boot_id")

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What is needed to go on with a part."""

    size_bytes: int | None
    mime_type: str
    validator: str
    start: str
    """The machine's start in which the part is written."""

    def to_json(self) -> bytes:
        """As it is stored."""
        fields = {"size_bytes": self.size_bytes, "mime_type": self.mime_type, "validator": self.validator, "start": self.start}
        return json.dumps(fields, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, text: bytes) -> "Note | None":
        """As it was stored; None where it was cut off or is not ours."""
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError):
            return None


class Part:
    """The Draft of one asset's copy in `folder`. All work on its files is done by one thread, in the order of the calls."""

    _file: FileIO
    """The part; locked, from `_open` to `_close`."""

    def __init__(self, folder: Path, job_id: str, index: int) -> None:
        self.begun: Begun | None = None
        self._path = folder / str(Key(job_id=job_id, index=index, suffix=PART))
        self._note = folder / str(Key(job_id=job_id, index=index, suffix=NOTE))
        self._copy = folder / str(Key(job_id=job_id, index=index))
        self._closing = ExitStack()
        self._hand = ThreadPoolExecutor(max_workers=1, thread_name_prefix="part")

    async def __aenter__(self) -> Self:
        try:
            await self._by_hand(self._open)
        except BaseException:
            await self._leave()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._leave()

    async def begin(self, asset: AssetStream) -> Hash:
        """As Draft promises."""
        note = Note(size_bytes=asset.size_bytes, mime_type=asset.mime_type, validator=asset.validator, start=this_start())
        return await self._by_hand(lambda: self._kept() if asset.offset else self._emptied(note))

    async def write(self, piece: bytes) -> None:
        """As Draft promises. The bytes outlive this process at once."""
        await self._by_hand(lambda: self._write(piece))

    async def finish(self) -> None:
        """As Draft promises."""
        await self._by_hand(self._finish)

    async def discard(self) -> None:
        """As Draft promises."""
        await self._by_hand(lambda: self._note.unlink(missing_ok=True))

    async def _by_hand(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._hand, work)

    async def _leave(self) -> None:
        """Closes behind whatever is still being written, also where the wait for that was cancelled."""
        closing = self._hand.submit(self._closing.close)
        self._hand.shutdown(wait=False)
        await asyncio.shield(asyncio.wrap_future(closing))

    def _open(self) -> None:
        self._path.parent.mkdir(mode=0o700, exist_ok=True)
        file = FileIO(self._path, "a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever held the lock before may have finished meanwhile, and then this is the copy, or a file without a name.
            if not os.path.samestat(os.fstat(file.fileno()), self._path.stat()):
                raise FileNotFoundError
        except OSError as error:
            file.close()
            raise OSError("the same copy is being written by another core") from error
        self._file = file
        self._closing.callback(self._close)
        size = os.fstat(file.fileno()).st_size
        note = Note.from_json(self._note.read_bytes()) if size and self._note.exists() else None
        if note and note.start == this_start():
            self.begun = Begun(offset=size, size_bytes=note.size_bytes, mime_type=note.mime_type, validator=note.validator)

    def _kept(self) -> Hash:
        self._file.seek(0)
        return file_digest(self._file, "sha256")

    def _emptied(self, note: Note) -> Hash:
        # In this order: a note never stands beside bytes of another file.
        self._note.unlink(missing_ok=True)
        self._file.truncate(0)
        if note.validator:
            self._note.write_bytes(note.to_json())
        return sha256()

    def _write(self, piece: bytes) -> None:
        rest = memoryview(piece)
        while rest:
            rest = rest[self._file.write(rest) :]

    def _finish(self) -> None:
        os.fsync(self._file.fileno())
        self._path.replace(self._copy)
        self._note.unlink(missing_ok=True)
        self._file.close()

    def _close(self) -> None:
        """A part that cannot be gone on with goes, while it is still locked."""
        if self._file.closed:  # finished
            return
        try:
            if not self._note.exists():
                self._path.unlink(missing_ok=True)
                with suppress(OSError):  # other copies of the job lie there
                    self._path.parent.rmdir()
        finally:
            self._file.close()


def takes_locks(folder: Path) -> bool:
    """Whether files there can be locked; on some network file systems they cannot."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(opened)
    return True


@cache
def this_start() -> str:
    """The name of this machine's start; where the system gives it none, of this process's."""
    try:
        return _START.read_text().strip()
    except OSError:
        return str(uuid4())

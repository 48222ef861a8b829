"""Saves assets as files. Law: a file by its final name is whole; what broke off leaves nothing behind."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cli2api.v1 import job_pb2

from cli.jobs.line import Line, Refused

_SUFFIXES: Final = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/gif": ".gif",
    "video/mp4": ".mp4",
    "video/quicktime": ".mov",
    "video/webm": ".webm",
    "audio/mpeg": ".mp3",
    "audio/wav": ".wav",
    "audio/flac": ".flac",
    "audio/pcm": ".pcm",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A file that was written; `size` is bytes."""

    path: Path
    size: int
    mime_type: str


def save(line: Line, job: job_pb2.Job, index: int, *, folder: Path, force: bool) -> Saved:
    """Writes one asset to `<folder>/<job id>.<ending>`, with its number in the name where there are several. Raises Refused."""
    request = job_pb2.DownloadAssetRequest(id=job.id, index=index)
    with closing(line.stream(line.jobs.DownloadAsset, request)) as pieces:
        head = next(pieces).head
        number = f"-{index}" if len(job.assets) > 1 else ""
        path = folder / f"{job.id}{number}{_SUFFIXES.get(head.mime_type.partition(';')[0], '.bin')}"
        if path.exists() and not force:
            raise Refused(f"{path} is there already: give --force to write over it, or another --output")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            draft = folder / f".{path.name}.part"
            try:
                with draft.open("wb") as file:
                    size = sum(file.write(piece.chunk) for piece in pieces)
                draft.replace(path)
            finally:
                draft.unlink(missing_ok=True)
        except OSError as error:
            raise Refused(f"{path} cannot be written ({error.strerror}): choose another --output") from error
    return Saved(path=path, size=size, mime_type=head.mime_type)

"""Streams one asset of a job to the caller, whole or one range of it.

Where our own copy is served, its hash is the ETag: the same bytes for as long as the copy is kept, so a download that broke off
goes on with If-Range. A link tells no hash, and so nothing by which two answers could be known for the same bytes.
"""

from cli2api.v1 import job_pb2

from edge.backend import Backend
from edge.errors import Failure
from edge.exchange import Exchange
from edge.ranges import ByteRange, parse


async def send(exchange: Exchange, backend: Backend, job_id: str, index: int) -> None:
    """Answers with one asset of a succeeded job, counted from 0. Raises Failure as long as nothing was sent."""
    wanted = parse(exchange.headers.get("range", ""))
    if wanted is None or not await _send_range(exchange, backend, job_id, index, wanted):
        await _send_whole(exchange, backend, job_id, index)


async def _send_range(exchange: Exchange, backend: Backend, job_id: str, index: int, wanted: ByteRange) -> bool:
    """False, with nothing sent, where the size is not known or the source does not serve ranges."""
    request = job_pb2.DownloadAssetRequest(id=job_id, index=index, offset=wanted.first, limit=wanted.limit)
    async with backend.open(backend.jobs.DownloadAsset, request, metadata=exchange.metadata) as pieces:
        head = (await pieces.first()).head
        if not head.HasField("size_bytes"):
            return False
        size = head.size_bytes
        if not _fits(head, exchange.headers.get("if-range", "")):
            return False
        if wanted.first >= size:
            raise Failure(
                "RANGE_NOT_SATISFIABLE",
                f"range: byte {wanted.first} is behind the end; the file has {size} bytes",
                headers={"content-range": f"bytes */{size}"},
            )
        if head.offset != wanted.first:
            return False
        headers = [
            ("content-type", head.mime_type),
            ("content-length", str(wanted.length(size))),
            ("content-range", wanted.content_range(size)),
            ("accept-ranges", "bytes"),
            *_validator(head),
        ]
        await exchange.start(206, headers)
        if exchange.method != "HEAD":
            async for piece in pieces:
                await exchange.write(piece.chunk)
        await exchange.finish()
    return True


async def _send_whole(exchange: Exchange, backend: Backend, job_id: str, index: int) -> None:
    request = job_pb2.DownloadAssetRequest(id=job_id, index=index)
    async with backend.open(backend.jobs.DownloadAsset, request, metadata=exchange.metadata) as pieces:
        head = (await pieces.first()).head
        length = [("content-length", str(head.size_bytes))] if head.HasField("size_bytes") else []
        await exchange.start(200, [("content-type", head.mime_type), ("accept-ranges", "bytes"), *length, *_validator(head)])
        if exchange.method != "HEAD":
            async for piece in pieces:
                await exchange.write(piece.chunk)
        await exchange.finish()


def _validator(head: job_pb2.AssetHead) -> list[tuple[str, str]]:
    return [("etag", f'"{head.sha256}"')] if head.sha256 else []


def _fits(head: job_pb2.AssetHead, if_range: str) -> bool:
    """Whether a range may be sent: without a condition always, with one only where it names the very bytes that we have."""
    return not if_range or (bool(head.sha256) and if_range == f'"{head.sha256}"')

"""Streams one asset of a job to the caller, whole or one range of it."""

from cli2api.v1 import job_pb2

from edge.backend import Backend
from edge.errors import Failure
from edge.exchange import Exchange
from edge.ranges import ByteRange, parse


async def send(exchange: Exchange, backend: Backend, job_id: str, index: int) -> None:
    """Answers with one asset of a succeeded job, counted from 0. Raises Failure as long as nothing was sent."""
    # Without a validator of ours, a conditional range can never be known to fit.
    wanted = None if "if-range" in exchange.headers else parse(exchange.headers.get("range", ""))
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
        await exchange.start(200, [("content-type", head.mime_type), ("accept-ranges", "bytes"), *length])
        if exchange.method != "HEAD":
            async for piece in pieces:
                await exchange.write(piece.chunk)
        await exchange.finish()

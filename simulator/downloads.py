"""Serves what tasks produced, to anybody who has the link, as object stores do: no key, single ranges, ETag and If-Range."""

import hashlib
import re
from collections.abc import Mapping
from email.utils import formatdate

from aiohttp import web

from simulator.gate import drop
from simulator.refusals import Refused, Shape
from simulator.world import FAULT, WORLD


async def serve(request: web.Request) -> web.StreamResponse:
    """GET /assets/{task_id}/result_{index}.{format}, whole or one range of it."""
    task = request.app[WORLD].tasks.find(request.match_info["task_id"])
    match = re.fullmatch(r"result_(\d\d)\.(\w+)", request.match_info["name"])
    index = int(match[1]) if match else -1
    if task is None or not match or index >= len(task.assets) or task.assets[index].format != match[2]:
        raise Refused(404, "asset does not exist", shape=Shape.ENVELOPE)
    asset = task.assets[index]
    content = asset.content
    headers = {
        "Accept-Ranges": "bytes",
        "Content-Type": asset.content_type,
        "ETag": f'"{hashlib.sha256(content).hexdigest()[:32]}"',
        "Last-Modified": formatdate(task.created_at, usegmt=True),
    }
    try:
        wanted = request.http_range
        first, last, _ = wanted.indices(len(content))
    except ValueError:
        wanted, first, last = slice(None), 0, len(content)
    known = request.headers.get("If-Range")
    if (wanted.start is None and wanted.stop is None) or known not in {None, headers["ETag"], headers["Last-Modified"]}:
        return await _sent(request, 200, content, headers)
    if first >= last:
        return web.Response(status=416, headers={"Content-Range": f"bytes */{len(content)}"})
    headers["Content-Range"] = f"bytes {first}-{last - 1}/{len(content)}"
    return await _sent(request, 206, content[first:last], headers)


async def _sent(request: web.Request, status: int, body: bytes, headers: Mapping[str, str]) -> web.StreamResponse:
    """The answer; a fault may hold it or break it off after so many bytes."""
    world, fault = request.app[WORLD], request[FAULT]
    response = web.StreamResponse(status=status, headers=headers)
    response.content_length = len(body)
    await response.prepare(request)
    written = 0
    if fault.hold is not None and fault.hold_after is not None:
        await response.write(body[: fault.hold_after])
        written = fault.hold_after
        await world.gates.wait(fault.hold, world.journal)
    if fault.abort_after is not None:
        await response.write(body[written : fault.abort_after])
        await drop(request)
    await response.write(body[written:])
    await response.write_eof()
    return response

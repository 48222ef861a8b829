"""Serves what tasks produced, to anybody who has the link: no key, single ranges."""

import re

from aiohttp import web

from simulator.refusals import Refused, Shape
from simulator.world import WORLD


async def serve(request: web.Request) -> web.Response:
    """GET /assets/{task_id}/result_{index}.{format}, whole or one range of it."""
    task = request.app[WORLD].tasks.find(request.match_info["task_id"])
    match = re.fullmatch(r"result_(\d\d)\.(\w+)", request.match_info["name"])
    index = int(match[1]) if match else -1
    if task is None or not match or index >= len(task.assets) or task.assets[index].format != match[2]:
        raise Refused(404, "asset does not exist", shape=Shape.ENVELOPE)
    asset = task.assets[index]
    content = asset.content
    try:
        wanted = request.http_range
        first, last, _ = wanted.indices(len(content))
    except ValueError:
        wanted, first, last = slice(None), 0, len(content)
    headers = {"Accept-Ranges": "bytes", "Content-Type": asset.content_type}
    if wanted.start is None and wanted.stop is None:
        return web.Response(body=content, headers=headers)
    if first >= last:
        return web.Response(status=416, headers={"Content-Range": f"bytes */{len(content)}"})
    headers["Content-Range"] = f"bytes {first}-{last - 1}/{len(content)}"
    return web.Response(status=206, body=content[first:last], headers=headers)

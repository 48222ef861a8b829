"""The simulator's own pages below /_sim: look at what came in, and decide what goes wrong, from outside the process."""

from aiohttp import web

from simulator.faults import ErrorIn
from simulator.options import State
from simulator.refusals import Refused, Shape
from simulator.rules import read_rule
from simulator.wire import Body
from simulator.world import WORLD


async def requests(request: web.Request) -> web.Response:
    """GET /_sim/requests: what was sent here, oldest first."""
    return web.json_response({"requests": [seen.describe() for seen in request.app[WORLD].journal]})


async def forget_requests(request: web.Request) -> web.Response:
    """DELETE /_sim/requests: starts with a clean page."""
    request.app[WORLD].journal.clear()
    return web.Response(status=204)


async def add_fault(request: web.Request) -> web.Response:
    """POST /_sim/faults: a fault for the next requests that match."""
    try:
        rule = read_rule(await _json(request))
    except ValueError as cause:
        raise _bad(str(cause)) from cause
    request.app[WORLD].rules.add(rule)
    return web.Response(status=204)


async def forget_faults(request: web.Request) -> web.Response:
    """DELETE /_sim/faults: nothing goes wrong from now on."""
    request.app[WORLD].rules.clear()
    return web.Response(status=204)


async def release(request: web.Request) -> web.Response:
    """POST /_sim/release {"name"}: lets those go that are held at the name."""
    name = (await _json(request)).get("name")
    if not isinstance(name, str):
        raise _bad('the body is {"name": "..."}')
    request.app[WORLD].gates.release(name)
    return web.Response(status=204)


async def move_task(request: web.Request) -> web.Response:
    """POST /_sim/tasks/{id} {"state", "code", "detail", "error_in"}: puts a task into a state."""
    task = request.app[WORLD].tasks.find(request.match_info["task_id"])
    if task is None:
        raise Refused(404, f"task {request.match_info['task_id']} does not exist", shape=Shape.ENVELOPE)
    body = await _json(request)
    try:
        state = State[str(body.get("state")).upper()]
        code, error_in = int(body.get("code", 3001)), ErrorIn(body.get("error_in", "code"))
    except (KeyError, TypeError, ValueError) as cause:
        states = ", ".join(state.name.lower() for state in State)
        raise _bad(f"state is one of {states}; code a number; error_in one of {', '.join(ErrorIn)}") from cause
    if state is State.FAILED:
        task.fail(code, detail=body.get("detail"), error_in=error_in)
    else:
        task.forced = state
    return web.Response(status=204)


async def reset(request: web.Request) -> web.Response:
    """POST /_sim/reset: as if just started."""
    request.app[WORLD].reset()
    return web.Response(status=204)


async def stats(request: web.Request) -> web.Response:
    """GET /_sim/stats: counts."""
    return web.json_response(request.app[WORLD].stats())


async def _json(request: web.Request) -> Body:
    try:
        body = await request.json()
    except ValueError as cause:
        raise _bad(f"the body is no JSON: {cause}") from cause
    if not isinstance(body, dict):
        raise _bad("the body must be a JSON object")
    return body


def _bad(detail: str) -> Refused:
    return Refused(400, detail, shape=Shape.ENVELOPE)

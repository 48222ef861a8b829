"""The media paths: submit, poll and delete, as MuleRun serves them for every model."""

from aiohttp import web

from simulator.catalog import Endpoint
from simulator.check import complaints, unknown_keys
from simulator.gate import before_answer
from simulator.options import State
from simulator.refusals import Refused
from simulator.tasks import Task, poll_answer, submit_answer
from simulator.wire import timestamp
from simulator.world import BODY, FAULT, SEEN, WORLD

_INVALID_REQUEST = 400
_NO_SUCH_TASK = 2005


async def submit(request: web.Request) -> web.Response:
    """POST {path}: a task that would be paid for, or everything that is wrong with the body."""
    world = request.app[WORLD]
    endpoint = world.catalog.endpoints.get(request.path)
    if endpoint is None:
        raise web.HTTPNotFound
    world.keys.check_media(request.headers)
    body = request[BODY]
    if not body:
        raise Refused(400, "the body must be a JSON object", error_code=_INVALID_REQUEST)
    wrong = complaints(endpoint, body)
    if wrong:
        raise Refused(400, "; ".join(wrong), error_code=_INVALID_REQUEST)
    task = world.tasks.submit(endpoint, body, request[FAULT])
    seen = request[SEEN]
    seen.task_id, seen.unknown_keys = task.id, unknown_keys(endpoint, body)
    return web.json_response(submit_answer(task, world.options), status=task.script.submit_status)


async def poll(request: web.Request) -> web.Response:
    """GET {path}/{task_id}: how the task is; 200 in every state."""
    world = request.app[WORLD]
    task = _find(request)
    if task.poll_faults:
        scripted = await before_answer(request, task.poll_faults.popleft())
        if scripted is not None:
            return scripted
    state = task.state(world.options)
    task.polls += 1
    return web.json_response(poll_answer(task, state, world.options, str(request.url.origin())))


async def delete(request: web.Request) -> web.Response:
    """DELETE {path}/{task_id}: removes a task that nobody works on."""
    world = request.app[WORLD]
    task = _find(request)
    if task.state(world.options) is State.PROCESSING:
        raise Refused(409, "a task in processing cannot be deleted")
    world.tasks.delete(task)
    return web.json_response({"task_id": task.id, "deleted_at": timestamp(world.options.now())})


def _find(request: web.Request) -> Task:
    """The task that the path names. Refused first for an unknown route, then for a wrong key, then for a missing task."""
    world = request.app[WORLD]
    path, _, task_id = request.path.rpartition("/")
    endpoint: Endpoint | None = world.catalog.endpoints.get(path)
    if endpoint is None:
        raise web.HTTPNotFound
    world.keys.check_media(request.headers)
    task = world.tasks.find(task_id)
    if task is None or task.endpoint is not endpoint:
        raise Refused(404, f"task {task_id} does not exist", error_code=_NO_SUCH_TASK)
    request[SEEN].task_id = task.id
    return task

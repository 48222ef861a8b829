"""The door that every request passes: it is written down, meets its fault, and its refusals are put into words.

A caller that hangs up cancels the request, here as in the real world, and is remembered as `aborted`.
"""

import asyncio
import json
import secrets
from typing import NoReturn

from aiohttp import ClientConnectionResetError, web
from aiohttp.typedefs import Handler

from simulator.faults import Fault, Reset, magic_fault, read_fault
from simulator.refusals import Refused, Shape, render
from simulator.wire import Body, dump, new_id
from simulator.world import BODY, CUT, FAULT, REQUEST_ID, SEEN, WORLD

FAULT_HEADER = "X-Sim-Fault"
_NO_FAULT = Fault()
_UNWATCHED = "/_sim/"


@web.middleware
async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Lets one request through."""
    world = request.app[WORLD]
    request[REQUEST_ID] = request.headers.get("X-Request-Id") or new_id("req_")
    request[FAULT] = _NO_FAULT
    if request.path.startswith(_UNWATCHED):
        return await _answered(request, handler)
    headers = {name.lower(): value for name, value in request.headers.items()}
    seen = request[SEEN] = world.journal.add(
        time=world.options.now(), method=request.method, path=request.path, query=request.query_string, headers=headers
    )
    try:
        response = await _answered(request, handler)
    except (asyncio.CancelledError, ClientConnectionResetError):
        # The connection is gone: by the caller's doing, unless a fault of ours cut it.
        seen.aborted = not request.get(CUT, False)
        raise
    else:
        seen.status = response.status
        return response
    finally:
        seen.finished = True
        world.journal.changed()


async def drop(request: web.Request) -> NoReturn:
    """Cuts the connection; what was written before still arrives. The cancellation that a lost connection brings ends this."""
    request[CUT] = True
    if request.transport is not None:
        request.transport.abort()
    await asyncio.Event().wait()
    raise AssertionError("a cut connection cancels its request")


async def before_answer(request: web.Request, fault: Fault) -> web.Response | None:
    """Lets a fault act before the request is served; a response given is the whole answer. Raises Refused, or never returns."""
    world = request.app[WORLD]
    request[FAULT] = fault
    if fault.reset in {Reset.UNREAD, Reset.UNSERVED}:
        await drop(request)
    if fault.delay_s:
        await asyncio.sleep(fault.delay_s)
    if fault.hold is not None and fault.hold_after is None:
        await world.gates.wait(fault.hold, world.journal)
    if fault.status is None:
        return None
    headers = dict(fault.headers or {})
    if fault.retry_after is not None:
        headers["Retry-After"] = str(fault.retry_after)
    if fault.body is None:
        raise Refused(fault.status, "scripted fault", headers=headers)
    if isinstance(fault.body, str):
        kind = "text/html" if fault.body.lstrip().startswith("<") else "text/plain"
        return web.Response(status=fault.status, text=fault.body, headers={"Content-Type": kind, **headers})
    return web.json_response(fault.body, status=fault.status, headers=headers)


async def _answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        fault = _NO_FAULT if request.path.startswith(_UNWATCHED) else await _fault_of(request)
        response = await before_answer(request, fault) or await handler(request)
    except Refused as refused:
        response = _refusal(request, refused)
    except web.HTTPNotFound:
        response = web.json_response({"status": 404, "title": "Not Found"}, status=404)
    except web.HTTPRequestEntityTooLarge:
        response = _refusal(request, Refused(413, "the body is too large"))
    except web.HTTPMethodNotAllowed as wrong:
        response = _refusal(
            request, Refused(405, "method not allowed", headers={"Allow": ", ".join(sorted(wrong.allowed_methods))})
        )
    return await _after_answer(request, response)


async def _fault_of(request: web.Request) -> Fault:
    """Reads the body, if nothing forbids it, and finds the request's fault: header first, then rules, then magic."""
    world = request.app[WORLD]
    written = request.headers.get(FAULT_HEADER)
    fault: Fault | None = None
    try:
        if written is not None:
            fault = read_fault(json.loads(written))
        fault = fault or world.rules.take(request.method, request.path, None)
        if fault and fault.reset is Reset.UNREAD:
            return fault
        raw = await request.read()
        request[SEEN].keep(raw, world.options.keep_body_bytes)
        request[BODY] = _decode(raw) if request.method == "POST" else {}
        world.journal.changed()
        return fault or world.rules.take(request.method, request.path, raw) or magic_fault(request[BODY]) or _NO_FAULT
    except ValueError as cause:
        raise Refused(400, f"unusable fault: {cause}", shape=Shape.ENVELOPE) from cause


def _decode(raw: bytes) -> Body:
    """The body as a JSON object; empty where it is none, which the handler that needs one refuses."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


async def _after_answer(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    fault = request[FAULT]
    if fault.reset is Reset.UNANSWERED and not response.prepared:
        await drop(request)
    if fault.broken_json and isinstance(response, web.Response) and isinstance(response.body, bytes):
        response.body = response.body[: len(response.body) // 2]
    return response


def _refusal(request: web.Request, refused: Refused) -> web.Response:
    body = dump(render(refused, request.path, request[REQUEST_ID]))
    return web.Response(status=refused.status, body=body, headers={"Content-Type": "application/json", **refused.headers})


async def sign(request: web.Request, response: web.StreamResponse) -> None:
    """Puts the headers on an answer by which it can be found again."""
    request_id = request.get(REQUEST_ID, "")
    response.headers.setdefault("X-Request-Id", request_id)
    response.headers.setdefault("Traceparent", f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01")
    if request.path.endswith(("/messages", "/messages/count_tokens")):
        response.headers.setdefault("Request-Id", request_id)
    elif request.path.endswith(("/chat/completions", "/responses")):
        response.headers.setdefault("OpenAI-Processing-Ms", "1")
        response.headers.setdefault("OpenAI-Version", "2020-10-01")

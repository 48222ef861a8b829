"""The shim as one ASGI app: it names every request, keeps the line to the caller, and is the last to catch what goes wrong."""

import logging
import re
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from starlette.datastructures import Headers
from starlette.routing import Router
from starlette.types import Receive, Scope, Send

from edge.backend import Backend
from edge.caller import CALLER_LEFT, CallerLeft, Line
from edge.dialects.fields import WrongField
from edge.errors import Dialect, Failure, document, headers, row_of
from edge.exchange import REQUEST_ID, TRACE, Exchange, header_of, no_such_path, wrong_method
from edge.routes.audio import Audio
from edge.routes.catalog import Catalog
from edge.routes.chat import Chat
from edge.routes.completions import Completions
from edge.routes.health import Health
from edge.routes.images import Images
from edge.routes.jobs import Jobs
from edge.routes.messages import Messages
from edge.routes.models import Models
from edge.routes.music import Music
from edge.routes.reference import Reference
from edge.routes.responses import Responses
from edge.routes.usage import Usage
from edge.routes.videos import Videos
from edge.routes.webhooks import Webhooks
from edge.schemas.transcoded import TRANSCODED
from edge.settings import Settings
from edge.telemetry import say_access
from edge.texts import Texts

_LOG: Final = logging.getLogger("edge")
_GOOD_REQUEST_ID: Final = re.compile(r"[\w.:+/=@-]{1,128}", re.ASCII)
"""What every part takes; Envoy replaces any other before it comes here."""
_PROBES: Final = frozenset({"/healthz", "/readyz"})
"""Asked every second by whoever watches over this process."""

Watcher: TypeAlias = Callable[[Scope, Line], Callable[[], None]]
"""Is told when a request begins, and what it gives is called when that has ended. Neither may raise."""


class App:
    """Serves every path of the shim."""

    def __init__(self, backend: Backend, settings: Settings, watchers: Sequence[Watcher] = ()) -> None:
        """`watchers` look on while a request is served, the first one outermost."""
        self._watchers = watchers
        texts = Texts(backend, max_body=settings.max_body, heartbeat=settings.heartbeat)
        rooms = (
            Chat(texts),
            Completions(texts),
            Responses(texts),
            Messages(texts),
            Images(backend, max_body=settings.max_body, timeout=settings.image_timeout),
            Audio(backend, max_body=settings.max_body, timeout=settings.image_timeout, heartbeat=settings.heartbeat),
            Music(backend, max_body=settings.max_body),
            Videos(backend, max_body=settings.max_body),
            Jobs(backend, heartbeat=settings.heartbeat, timeout=settings.image_timeout),
            Webhooks(backend, max_body=settings.max_body),
            Models(backend),
            Catalog(backend),
            Usage(backend),
            Health(backend),
        )
        served = [route for room in rooms for route in room.routes()]
        self.routes = (*served, *Reference(served).routes())
        """Every path that is served; none is described that is not among them."""
        self._router = Router(self.routes, redirect_slashes=False, default=_no_such_path)
        # Paths without a variable part are found at once; that none of the others takes one of them is what a path's shape says.
        self._fixed = {route.path: route for route in self.routes if not route.param_convertors}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one HTTP request."""
        given = header_of(scope, b"x-request-id")
        request_id = given if _GOOD_REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        scope[REQUEST_ID] = request_id
        line = Line(scope["method"], receive, send, _on_every_answer(request_id, scope))
        began = time.perf_counter()
        watching = [begin(scope, line) for begin in self._watchers]
        try:
            with line:
                await self._serve(scope, line)
        except CallerLeft:
            _LOG.debug("the caller hung up", extra={"request_id": request_id})
        finally:
            for end in reversed(watching):
                end()
            _log_access(scope, line, request_id, time.perf_counter() - began)

    async def _serve(self, scope: Scope, line: Line) -> None:
        try:
            route = self._fixed.get(scope["path"])
            if route is None:
                await self._router(scope, line.receive, line.send)
            else:
                scope["route"] = route
                await route.app(scope, line.receive, line.send)
        except WrongField as error:
            await _tell(Failure("INVALID_REQUEST", str(error), param=error.field), scope, line)
        except Failure as failure:
            await _tell(failure, scope, line)
        except CallerLeft:
            raise
        except Exception:  # noqa: BLE001 - the last one who can tell the caller
            _LOG.exception("a request failed on a fault of the shim", extra={"request_id": scope[REQUEST_ID]})
            message = f"internal error; the gateway's log has it under request id {scope[REQUEST_ID]}"
            await _tell(Failure("INTERNAL", message), scope, line)


async def _tell(failure: Failure, scope: Scope, line: Line) -> None:
    """Answers with a failure. An answer that has begun is left unfinished, so that it breaks off visibly."""
    if line.status:
        _LOG.warning(
            "an answer broke off: %s", failure.message, extra={"request_id": scope[REQUEST_ID], "reason": failure.reason}
        )
        return
    shown = document(failure, _dialect(scope), scope[REQUEST_ID])
    await Exchange(scope, line.receive, line.send).reply(shown, status=row_of(failure).status, headers=headers(failure))


async def _no_such_path(scope: Scope, receive: Receive, send: Send) -> None:
    """Envoy carries the transcoded paths past us, so only what they do not take comes here."""
    del receive, send
    known = {method for method, path in TRANSCODED if path == scope["path"]}
    raise no_such_path(scope) if scope["method"] in known or not known else wrong_method(scope, known)


def _dialect(scope: Scope) -> Dialect:
    path: str = scope["path"]
    speaks_anthropic = path.startswith("/v1/models") and "anthropic-version" in Headers(scope=scope)
    return Dialect.ANTHROPIC if speaks_anthropic or path.startswith("/v1/messages") else Dialect.OPENAI


def _on_every_answer(request_id: str, scope: Scope) -> list[tuple[bytes, bytes]]:
    encoded = request_id.encode()
    ours = (b"x-request-id", encoded)
    return [ours, (b"request-id", encoded)] if _dialect(scope) is Dialect.ANTHROPIC else [ours]


def _log_access(scope: Scope, line: Line, request_id: str, seconds: float) -> None:
    status = line.status or CALLER_LEFT
    traced = {"trace_id": scope[TRACE]["traceparent"].split("-")[1]} if TRACE in scope else {}
    say_access(
        logging.DEBUG if scope["path"] in _PROBES else logging.INFO,
        f"{scope['method']} {scope['path']} {status}",
        {"request_id": request_id, "status": status, "ms": round(seconds * 1000, 1), "whole": line.finished, **traced},
    )

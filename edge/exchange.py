"""One request and its answer, as an endpoint sees them: what was asked, what is passed on to the core, how to reply."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final, TypeAlias
from urllib.parse import parse_qsl

import msgspec
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from edge.errors import Failure

REQUEST_ID: Final = "cli2api.request_id"
"""Key in the ASGI scope."""
TRACE: Final = "cli2api.trace"
"""Key in the ASGI scope, where a request is traced: the headers (`traceparent`, `tracestate`) that the core's calls go under."""
_ENDPOINT: Final = "x-cli2api-endpoint"
"""Metadata; the path as the route table has it, as "/v1/videos/{id}/remix"."""
_KEY_HEADERS: Final = ((b"authorization", "authorization"), (b"x-api-key", "x-api-key"))
_PRINTABLE: Final = re.compile(r"[ -~]+")
"""What gRPC metadata may hold."""


class Exchange:
    """A request that is being served. Only one of `reply` and `start` is called, once."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._send = send
        self.receive = receive
        self.fields: list[tuple[bytes, bytes]] = scope["headers"]
        """The headers as they came in, names in lower case."""
        self.method: str = scope["method"]
        self.request_id: str = scope[REQUEST_ID]

    @property
    def headers(self) -> Headers:
        """The headers as text, by name."""
        return Headers(raw=self.fields)

    def header(self, name: bytes) -> str:
        """One header, for which nothing else is made; of a repeated one the first. Empty where there is none."""
        return header_of(self._scope, name)

    def path(self, name: str) -> str:
        """A variable part of the path. Raises Failure where nothing stands there, as behind the slash of "/v1/models/"."""
        found = str(self._scope["path_params"][name])
        if not found:
            raise no_such_path(self._scope)
        return found

    @property
    def query_text(self) -> str:
        """The query as it was written, without its question mark."""
        return str(self._scope["query_string"].decode("latin-1"))

    def query_fields(self) -> list[tuple[str, str]]:
        """The query's fields in order, repeated ones too."""
        return parse_qsl(self.query_text, keep_blank_values=True)

    def query(self) -> dict[str, str]:
        """The query's fields; of a repeated one the last counts."""
        return dict(self.query_fields())

    @property
    def metadata(self) -> list[tuple[str, str]]:
        """What the core is told of the call: the key as it was presented, the request's id, and for its record the endpoint."""
        presented = [(name, self.header(field)) for field, name in _KEY_HEADERS]
        keys = [(name, value) for name, value in presented if _PRINTABLE.fullmatch(value)]
        traced = self._scope.get(TRACE, {}).items()
        return [*keys, ("x-request-id", self.request_id), (_ENDPOINT, self._scope["route"].path), *traced]

    @property
    def idempotency_key(self) -> str:
        """The caller's Idempotency-Key; empty where there is none."""
        return self.header(b"idempotency-key")

    async def reply(self, document: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        """Answers with one JSON document."""
        content = msgspec.json.encode(document)
        fields = {"content-type": "application/json", "content-length": str(len(content)), **(headers or {})}
        await self.start(status, list(fields.items()))
        await self.end(content)

    async def start(self, status: int, headers: list[tuple[str, str]]) -> None:
        """Begins an answer whose bytes come piece by piece."""
        encoded = [(name.encode("latin-1", "replace"), value.encode("utf-8")) for name, value in headers]
        await self._send({"type": "http.response.start", "status": status, "headers": encoded})

    async def write(self, piece: bytes) -> None:
        """More of the answer; returns when the caller's side has room for more."""
        await self._send({"type": "http.response.body", "body": piece, "more_body": True})

    async def finish(self) -> None:
        """Ends the answer. One that is never finished breaks off visibly at the caller's side."""
        await self.end(b"")

    async def end(self, rest: bytes) -> None:
        """The rest of the answer, after which it is finished."""
        await self._send({"type": "http.response.body", "body": rest, "more_body": False})


def header_of(scope: Scope, name: bytes) -> str:
    """A request's header by its name in lower case; of a repeated one the first. Empty where there is none."""
    for field, value in scope["headers"]:
        if field == name:
            return str(value, "latin-1")
    return ""


def no_such_path(scope: Scope) -> Failure:
    """What is said of a path that nobody serves."""
    return Failure("NO_SUCH_PATH", f"no such path: {scope['path']}")


def wrong_method(scope: Scope, known: Iterable[str]) -> Failure:
    """What is said of a path that takes only the methods `known`."""
    allowed = ", ".join(sorted(known))
    return Failure("METHOD_NOT_ALLOWED", f"{scope['path']} takes {allowed}, not {scope['method']}", headers={"allow": allowed})


Endpoint: TypeAlias = Callable[[Exchange], Awaitable[None]]


class Resource:
    """An ASGI app for one path: an endpoint for each method. HEAD is GET, whose bytes the server leaves out."""

    def __init__(self, **endpoints: Endpoint) -> None:
        self.endpoints = endpoints | ({"HEAD": endpoints["GET"]} if "GET" in endpoints else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves a request. Raises Failure for a method that the path does not know."""
        endpoint = self.endpoints.get(scope["method"])
        if endpoint is None:
            raise wrong_method(scope, self.endpoints)
        await endpoint(Exchange(scope, receive, send))

"""How a refusal reads on the wire: MuleRun's envelope on media, the dialect's own shape on text."""

from collections.abc import Mapping
from enum import Enum
from http import HTTPStatus

from simulator.wire import Json

_TITLES = {400: "Invalid Request", 402: "Insufficient Balance", 423: "Resource Locked", 429: "Rate Limit Exceeded"}
_OPENAI_TYPES = {
    401: "authentication_error",
    402: "insufficient_quota",
    403: "permission_error",
    404: "invalid_request_error",
    429: "rate_limit_error",
}
_ANTHROPIC_TYPES = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}


class Shape(Enum):
    """Whose error JSON is spoken."""

    ENVELOPE = "envelope"
    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    OAUTH = "oauth"
    ACCOUNT = "account"


class Refused(Exception):
    """A request that is answered with an error instead of being served.

    `shape` overrides the one that belongs to the path. Without a `detail` the envelope says "None", as the real one does.
    """

    def __init__(
        self,
        status: int,
        detail: str | None = None,
        *,
        title: str | None = None,
        error_code: int = 0,
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
        shape: Shape | None = None,
    ) -> None:
        super().__init__(detail or title or f"HTTP {status}")
        self.status = status
        self.detail = detail
        self.title = title or title_of(status)
        self.error_code = error_code
        self.code = code
        self.param = param
        self.headers = dict(headers or {})
        self.shape = shape


def title_of(status: int) -> str:
    """What the envelope calls this status."""
    if status in _TITLES:
        return _TITLES[status]
    known = {entry.value: entry.phrase for entry in HTTPStatus}
    return known.get(status, f"HTTP {status}")


def shape_of(path: str) -> Shape:
    """The shape in which errors of this path are told."""
    if path.endswith(("/messages", "/messages/count_tokens")):
        return Shape.ANTHROPIC
    if path.endswith(("/chat/completions", "/responses")) or "/v1/models" in path:
        return Shape.OPENAI
    if path == "/oauth2/token":
        return Shape.OAUTH
    return Shape.ACCOUNT if path == "/api/platform/users/cli-token" else Shape.ENVELOPE


def render(refused: Refused, path: str, request_id: str) -> dict[str, Json]:
    """The JSON body of the refusal."""
    said = refused.detail or refused.title
    shape = refused.shape or shape_of(path)
    if shape is Shape.OPENAI:
        kind = _OPENAI_TYPES.get(refused.status, "server_error" if refused.status >= 500 else "invalid_request_error")
        return {"error": {"message": said, "type": kind, "param": refused.param, "code": refused.code}}
    if shape is Shape.ANTHROPIC:
        kind = _ANTHROPIC_TYPES.get(refused.status, "api_error" if refused.status >= 500 else "invalid_request_error")
        return {"type": "error", "error": {"type": kind, "message": said}, "request_id": request_id}
    if shape is Shape.OAUTH:
        return {"error": refused.code or "server_error", "error_description": said}
    if shape is Shape.ACCOUNT:
        return {"code": refused.code or "BAD", "message": said}
    detail = f"{refused.detail} (request_id: {request_id})"
    return {
        "status": refused.status,
        "title": refused.title,
        "detail": detail,
        "instance": path,
        "error_code": refused.error_code,
    }

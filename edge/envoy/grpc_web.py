"""Browsers: gRPC-Web on the gRPC listener, and which pages of other origins may read answers of either listener. Pure."""

from collections.abc import Sequence
from typing import Any, Final

_FILTERS: Final = "type.googleapis.com/envoy.extensions.filters.http."
_CORS: Final = "envoy.filters.http.cors"
_DAY: Final = "86400"
_METHODS: Final = "GET, POST, DELETE, OPTIONS"
# `*` covers every header but this one, which has to be named. What callers may not send is taken off before anything reads it.
_ALLOWED: Final = "authorization, *"
_SHOWN: Final = ", ".join(
    (
        *("grpc-status", "grpc-message", "grpc-status-details-bin"),
        *("x-cli2api-job-id", "x-request-id", "request-id", "retry-after", "x-should-retry"),
        *("content-range", "accept-ranges", "content-disposition", "openai-poll-after-ms"),
    )
)


def cors_filter() -> dict[str, Any]:
    """Answers a browser's question whether a page may call; it stands before the keys, since such a question bears none."""
    return {"name": _CORS, "typed_config": {"@type": f"{_FILTERS}cors.v3.Cors"}}


def grpc_web_filter() -> dict[str, Any]:
    """Makes gRPC of what browsers can send, and back."""
    return {"name": "envoy.filters.http.grpc_web", "typed_config": {"@type": f"{_FILTERS}grpc_web.v3.GrpcWeb"}}


def route() -> dict[str, Any]:
    """Where gRPC-Web goes; its media type is still that of the browser when routes are chosen."""
    asked = {"name": "content-type", "string_match": {"prefix": "application/grpc-web"}}
    return {"match": {"prefix": "/cli2api.v1.", "headers": [asked]}, "route": {"cluster": "core", "timeout": "0s"}}


def question_route() -> dict[str, Any]:
    """Where a browser's question goes that the filter leaves unanswered; the filter wants a route to look at all."""
    asked = [
        {"name": ":method", "string_match": {"exact": "OPTIONS"}},
        {"name": "access-control-request-method", "present_match": True},
    ]
    return {"match": {"prefix": "/cli2api.v1.", "headers": asked}, "route": {"cluster": "core"}}


def not_for_the_world() -> list[dict[str, Any]]:
    """Channelz tells of every connection, and calls on a line may say what Envoy takes off others; both are the core's own."""
    inner = {"/grpc.channelz.": "channelz", "/cli2api.v1.TunnelService/": "TunnelService"}
    return [
        {
            "match": {"prefix": prefix},
            "direct_response": {
                "status": 404,
                "body": {"inline_string": f"{name} is asked at the core's own address, CLI2API_CORE_LISTEN"},
            },
        }
        for prefix, name in inner.items()
    ]


def policy(origins: Sequence[str]) -> dict[str, Any]:
    """By name of the filter: pages of `origins` may call and read; "*" is every page. No cookies are spoken of: none are used."""
    policy: dict[str, Any] = {
        "@type": f"{_FILTERS}cors.v3.CorsPolicy",
        "allow_origin_string_match": [{"safe_regex": {"regex": ".*"}} if each == "*" else {"exact": each} for each in origins],
        "allow_methods": _METHODS,
        "allow_headers": _ALLOWED,
        "expose_headers": _SHOWN,
        "max_age": _DAY,
    }
    return {_CORS: policy}

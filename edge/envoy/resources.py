"""The two things that Envoy hears of while it runs: which path goes where, and who may come in. Pure.

Each function returns a whole discovery response, as Envoy reads it from a watched file.
"""

import re
from collections.abc import Sequence
from typing import Final

_TYPES: Final = "type.googleapis.com/envoy."
_LARGEST_LENGTH: Final = (1 << 63) - 1
OPEN_PATHS: Final = ("/healthz", "/readyz")
"""Probes ask these; no key is needed."""
HIDDEN_PATHS: Final = ("/metrics",)
"""Told to those who reach the part itself, never to the world."""


def routes(max_body: int) -> dict[str, object]:
    """Which path goes where. A body that is announced as longer than `max_body` bytes is refused before it is read.

    One that comes in chunks is counted by the edge: Envoy could only count it by holding all of it in memory.
    """
    too_long = {"name": "content-length", "range_match": {"start": max_body + 1, "end": _LARGEST_LENGTH}}
    open_to_all = {"keys": {"@type": f"{_TYPES}config.route.v3.FilterConfig", "disabled": True}}
    table: list[dict[str, object]] = [
        *({"match": {"path": path}, "route": _to_edge(), "typed_per_filter_config": open_to_all} for path in OPEN_PATHS),
        *({"match": {"path": path}, "direct_response": {"status": 404}} for path in HIDDEN_PATHS),
        {"match": {"prefix": "/", "headers": [too_long]}, "direct_response": {"status": 413}},
        {"match": {"prefix": "/"}, "route": _to_edge()},
    ]
    return _response(
        {
            "@type": f"{_TYPES}config.route.v3.RouteConfiguration",
            "name": "rest",
            "request_headers_to_remove": ["x-envoy-internal", "x-envoy-external-address"],
            "virtual_hosts": [{"name": "rest", "domains": ["*"], "routes": table}],
        }
    )


def keys(known: Sequence[str]) -> dict[str, object]:
    """Who may come in: who presents one of the `known` keys in either header; everybody where there are none."""
    rbac: dict[str, object] = {"@type": f"{_TYPES}extensions.filters.http.rbac.v3.RBAC"}
    if known:
        either = [principal for key in known for principal in (_bearer(key), _header("x-api-key", {"exact": key}))]
        policy = {"permissions": [{"any": True}], "principals": either}
        rbac["rules"] = {"action": "ALLOW", "policies": {"keys": policy}}
    return _response({"@type": f"{_TYPES}config.core.v3.TypedExtensionConfig", "name": "keys", "typed_config": rbac})


def _to_edge() -> dict[str, object]:
    # Only what never left Envoy is tried again: whatever did may have been paid for.
    return {
        "cluster": "edge",
        "timeout": "0s",
        "retry_policy": {
            "retry_on": "connect-failure",
            "num_retries": 5,
            "retry_back_off": {"base_interval": "0.1s", "max_interval": "1s"},
        },
    }


def _bearer(key: str) -> dict[str, object]:
    return _header("authorization", {"safe_regex": {"regex": f"(?i:bearer) +{re.escape(key)}"}})


def _header(name: str, match: dict[str, object]) -> dict[str, object]:
    return {"header": {"name": name, "string_match": match}}


def _response(resource: dict[str, object]) -> dict[str, object]:
    return {"resources": [resource]}

"""The ways in beside plain REST and plain gRPC: transcoded methods, browsers, and encryption. Pure.

It puts them into a configuration that the template gave; each way has a room of its own.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.envoy import grpc_web, tls, transcoder
from edge.envoy.tls import Tls


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """What the operator has chosen."""

    tls: Tls | None = None
    """None speaks plainly."""
    origins: tuple[str, ...] = ()
    """Whose pages may call from a browser."""
    patience: float = 300.0
    """Seconds that a waited call may last."""


def fit(
    config: dict[str, Any],
    rest_routes: dict[str, Any],
    doors: Doors,
    *,
    max_body: int,
    watched: Callable[[Path], dict[str, Any]],
) -> dict[Path, dict[str, object]]:
    """Puts the ways in, and answers further files that Envoy watches, by their place; `watched` is a source of such a file."""
    listeners = {each["name"]: each["filter_chains"][0] for each in config["static_resources"]["listeners"]}
    rest, grpc = (listeners[name]["filters"][0]["typed_config"] for name in ("rest", "grpc"))
    grpc_routes = grpc["route_config"]
    _before(rest["http_filters"], "envoy.filters.http.router", transcoder.filters(max_body))
    rest["local_reply_config"]["mappers"][0:0] = transcoder.refusals()
    _before(rest_routes["virtual_hosts"][0]["routes"], "too_long", transcoder.routes(doors.patience), after=True)
    _before(grpc["http_filters"], "envoy.filters.http.router", [grpc_web.grpc_web_filter()])
    grpc_routes["virtual_hosts"][0]["routes"][0:0] = [*grpc_web.not_for_the_world(), grpc_web.route()]
    if doors.origins:
        grpc_routes["virtual_hosts"][0]["routes"].insert(0, grpc_web.question_route())
        for listener, routes in ((rest, rest_routes), (grpc, grpc_routes)):
            listener["http_filters"].insert(0, grpc_web.cors_filter())
            host = routes["virtual_hosts"][0]
            host["typed_per_filter_config"] = host.get("typed_per_filter_config", {}) | grpc_web.policy(doors.origins)
    if doors.tls is None:
        return {}
    for chain in listeners.values():
        chain["transport_socket"] = tls.transport_socket(doors.tls, watched)
    return tls.secrets(doors.tls)


def _before(things: list[dict[str, Any]], name: str, added: Iterable[dict[str, Any]], *, after: bool = False) -> None:
    """Puts `added` before the one of that name, or right after it."""
    place = next(place for place, thing in enumerate(things) if thing.get("name") == name)
    things[place + after : place + after] = added

"""Envoy without a single filter of ours: the limit that this machine sets, to which the gateway is compared."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

_HTTP = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"


def write_bare_envoy(folder: Path, *, port: int, upstream_port: int) -> Path:
    """Writes the configuration of an Envoy on `port` that passes everything on to `upstream_port`; returns its file."""
    routes = [{"match": {"prefix": "/"}, "route": {"cluster": "upstream", "timeout": "0s"}}]
    path = folder / "bare-envoy.json"
    path.write_text(json.dumps(bootstrap([listener(port, routes, [router()])], [cluster("upstream", upstream_port)])))
    return path


def bootstrap(
    listeners: Sequence[Mapping[str, object]],
    clusters: Sequence[Mapping[str, object]],
    *,
    secrets: Sequence[Mapping[str, object]] = (),
) -> Mapping[str, object]:
    """A whole configuration."""
    return {"static_resources": {"listeners": listeners, "clusters": clusters, "secrets": secrets}}


def listener(
    port: int,
    routes: Sequence[Mapping[str, object]],
    filters: Sequence[Mapping[str, object]],
    *,
    access_log: Sequence[Mapping[str, object]] = (),
) -> Mapping[str, object]:
    """One that speaks HTTP on `port` of this machine."""
    manager = {
        "@type": _HTTP,
        "stat_prefix": "bench",
        "http_filters": filters,
        "access_log": access_log,
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    return {"name": "bench", "address": address(port), "filter_chains": [chain]}


def router() -> Mapping[str, object]:
    """The filter that every chain ends with."""
    return {"name": "envoy.filters.http.router", "typed_config": {"@type": _ROUTER}}


def cluster(name: str, port: int) -> Mapping[str, object]:
    """What listens on `port` of this machine."""
    endpoint = {"endpoint": {"address": address(port)}}
    load = {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]}
    room = {"max_connections": 10_000, "max_pending_requests": 10_000, "max_requests": 10_000}
    return {"name": name, "type": "STATIC", "load_assignment": load, "circuit_breakers": {"thresholds": [room]}}


def address(port: int) -> Mapping[str, object]:
    """A port of this machine."""
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}

"""Writes the files that Envoy starts with and those that it watches, from the project's envoy.yaml.

Law: each file appears whole, by a rename, and only its owner can read it.
"""

import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from edge.body import PATIENCE
from edge.envoy import direct as direct_way
from edge.envoy import keys as admission
from edge.envoy import tracing
from edge.envoy.address import Address, Tcp, to_envoy, to_envoy_listener
from edge.envoy.direct import Direct
from edge.envoy.doors import Doors, fit
from edge.envoy.tracing import Collector

TEMPLATE: Final = Path(__file__).with_name("bootstrap.yaml")
"""The project's envoy.yaml, kept beside the code so that it is installed with it."""
ROUTES: Final = Path("dynamic", "routes.yaml")
KEYS: Final = Path("dynamic", "keys.yaml")
_RESOURCE: Final = "type.googleapis.com/envoy.config."


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where everything is: what Envoy listens on, what it reaches, and its files."""

    rest: Tcp
    grpc: Tcp
    admin: Address
    edges: Sequence[Address]
    cores: Sequence[Address]
    folder: Path
    """Gets `envoy.yaml` and `dynamic/` with what Envoy watches."""
    seen_as: Path | None = None
    """The same folder by the name that Envoy sees, where that is another one."""
    doors: Doors = field(default_factory=Doors)
    direct: Direct | None = None
    """None where all text goes to the edge."""
    collector: Collector | None = None
    """Of traces; None where nothing is traced."""


def write(layout: Layout, *, keys: Sequence[str], max_body: int) -> Path:
    """Writes all of it and returns the path of the file to start Envoy with. `max_body` is in bytes. Raises OSError."""
    dynamic = layout.folder / "dynamic"
    dynamic.mkdir(mode=0o700, parents=True, exist_ok=True)
    dynamic.chmod(0o700)
    config, routes = _parted(layout)
    seen = layout.seen_as or layout.folder
    more = fit(config, routes, layout.doors, max_body=max_body, watched=lambda path: _watched(seen / path))
    if layout.collector is not None:
        tracing.fit(config, layout.collector)
    if layout.direct is not None:
        traced = layout.collector is not None
        direct_way.fit(
            config, routes, layout.direct, max_body=max_body, watched=lambda path: _watched(seen / path), traced=traced
        )
    for path, content in more.items():
        _replace(layout.folder / path, content)
    _named(routes["virtual_hosts"][0]["routes"], "too_long")["match"]["headers"][0]["range_match"]["start"] = (
        PATIENCE * max_body + 1
    )
    _replace(layout.folder / ROUTES, {"resources": [{"@type": f"{_RESOURCE}route.v3.RouteConfiguration", **routes}]})
    write_keys(layout.folder, keys)
    return _replace(layout.folder / "envoy.yaml", config)


def write_direct(folder: Path, direct: Direct, *, max_body: int) -> None:
    """Changes which names go the direct way; an Envoy that runs from this folder takes it up by itself. Raises OSError."""
    rendered: dict[str, Any] = yaml.safe_load((folder / ROUTES).read_text("utf-8"))
    direct_way.reroute(rendered["resources"][0], direct, max_body=max_body)
    _replace(folder / ROUTES, rendered)


def write_keys(folder: Path, keys: Sequence[str]) -> None:
    """Changes who may come in; an Envoy that runs from this folder takes it up by itself. Raises OSError."""
    rbac = {"@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC", **admission.rules(keys)}
    extension = {"@type": f"{_RESOURCE}core.v3.TypedExtensionConfig", "name": "keys", "typed_config": rbac}
    _replace(folder / KEYS, {"resources": [extension]})


def _parted(layout: Layout) -> tuple[dict[str, Any], dict[str, Any]]:
    """The template with this layout's addresses and paths in it, and the routes taken out of it."""
    config: dict[str, Any] = yaml.safe_load(TEMPLATE.read_text("utf-8"))
    config["admin"]["address"] = to_envoy_listener(layout.admin)
    listeners, clusters = (config["static_resources"][name] for name in ("listeners", "clusters"))
    for name, listened in (("rest", layout.rest), ("grpc", layout.grpc)):
        _named(listeners, name)["address"] = to_envoy_listener(listened)
    for name, reached in (("edge", layout.edges), ("core", layout.cores)):
        _reach(_named(clusters, name), reached)
    seen = layout.seen_as or layout.folder
    rest = _named(listeners, "rest")["filter_chains"][0]["filters"][0]["typed_config"]
    routes: dict[str, Any] = rest.pop("route_config")
    rest["rds"] = {"route_config_name": routes["name"], "config_source": _watched(seen / ROUTES)}
    keys = _named(rest["http_filters"], "keys")
    rbac = keys.pop("typed_config")
    keys["config_discovery"] = {"config_source": _watched(seen / KEYS), "type_urls": [rbac["@type"]]}
    return config, routes


def _named(things: Iterable[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(thing for thing in things if thing.get("name") == name)


def _reach(cluster: dict[str, Any], addresses: Sequence[Address]) -> None:
    cluster["type"] = "STATIC" if all(address.is_number for address in addresses) else "STRICT_DNS"
    reached = [{"endpoint": {"address": to_envoy(address)}} for address in addresses]
    cluster["load_assignment"]["endpoints"] = [{"lb_endpoints": reached}]


def _watched(path: Path) -> dict[str, Any]:
    return {"path_config_source": {"path": str(path)}, "resource_api_version": "V3"}


def _replace(path: Path, content: dict[str, Any]) -> Path:
    # Envoy reads when a file is moved over the watched name, so it never sees half a file. mkstemp makes it 0600.
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(handle, "w", encoding="utf-8") as file:
            yaml.dump(content, file, Dumper=_Plain, sort_keys=False, width=130, allow_unicode=True)
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise
    return path


class _Plain(yaml.SafeDumper):
    """Writes out what stands in two places: people read these files."""

    def ignore_aliases(self, data: object) -> bool:
        return True

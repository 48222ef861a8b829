"""Writes the files that Envoy starts with and those that it watches.

Law: each appears whole, by a rename, and only its owner can read it.
"""

import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from edge.envoy import resources
from edge.envoy.address import Address, Tcp, to_envoy, to_envoy_listener

TEMPLATE: Final = Path(__file__).with_name("bootstrap.yaml")
"""The project's envoy.yaml, beside the code so that it is installed with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where everything is: what Envoy listens on, what it reaches, and its files."""

    rest: Tcp
    grpc: Tcp
    admin: Address
    edge: Address
    core: Address
    folder: Path
    """Gets `envoy.yaml` and `dynamic/` with what Envoy watches; only its owner may look in."""
    seen_as: Path | None = None
    """The same folder by the name that Envoy sees, where that is another one."""

    @property
    def dynamic(self) -> Path:
        """The watched files, as Envoy sees them."""
        return (self.seen_as or self.folder) / "dynamic"


def write(layout: Layout, *, keys: Sequence[str], max_body: int) -> Path:
    """Writes all of it and returns the path of the file to start Envoy with. Raises OSError."""
    dynamic = layout.folder / "dynamic"
    dynamic.mkdir(mode=0o700, parents=True, exist_ok=True)
    dynamic.chmod(0o700)
    write_keys(layout.folder, keys)
    _write(dynamic / "routes.yaml", resources.routes(max_body))
    return _write(layout.folder / "envoy.yaml", bootstrap(layout))


def write_keys(folder: Path, keys: Sequence[str]) -> None:
    """Changes who may come in; an Envoy that runs takes it up by itself. Raises OSError."""
    _write(folder / "dynamic" / "keys.yaml", resources.keys(keys))


def bootstrap(layout: Layout) -> dict[str, Any]:
    """The template with this layout's addresses and paths in it."""
    config: dict[str, Any] = yaml.safe_load(TEMPLATE.read_text("utf-8"))
    config["admin"]["address"] = to_envoy_listener(layout.admin)
    listeners, clusters = (config["static_resources"][name] for name in ("listeners", "clusters"))
    for name, listened in (("rest", layout.rest), ("grpc", layout.grpc)):
        _named(listeners, name)["address"] = to_envoy_listener(listened)
    for name, reached in (("edge", layout.edge), ("core", layout.core)):
        _reach(_named(clusters, name), reached)
    rest = _named(listeners, "rest")["filter_chains"][0]["filters"][0]["typed_config"]
    _watch(rest["rds"], layout.dynamic / "routes.yaml")
    _watch(_named(rest["http_filters"], "keys")["config_discovery"], layout.dynamic / "keys.yaml")
    return config


def _named(things: Iterable[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(thing for thing in things if thing["name"] == name)


def _reach(cluster: dict[str, Any], address: Address) -> None:
    cluster["type"] = "STATIC" if address.is_number else "STRICT_DNS"
    cluster["load_assignment"]["endpoints"] = [{"lb_endpoints": [{"endpoint": {"address": to_envoy(address)}}]}]


def _watch(discovery: dict[str, Any], path: Path) -> None:
    discovery["config_source"]["path_config_source"]["path"] = str(path)


def _write(path: Path, content: dict[str, Any]) -> Path:
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
    """Writes what stands twice twice: people read these files."""

    def ignore_aliases(self, data: object) -> bool:
        return True

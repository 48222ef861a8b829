"""Whether jobs, records and files can be kept where the settings say."""

import os
from collections.abc import AsyncGenerator
from pathlib import Path

from services.assets.place import BadPlace, folder_of, is_bucket, redact
from services.doctor.finding import Finding
from services.domain.errors import StoreUnavailable
from services.settings import Settings
from services.stores.dsn import BadDsn, Kind
from services.stores.inspect import inspect
from services.stores.purpose import JOBS, USAGE, Purpose


async def look(settings: Settings) -> AsyncGenerator[Finding]:
    """The two stores, then the place of files."""
    yield await _store(settings.jobstore_dsn.get_secret_value(), settings.state_dir, JOBS)
    yield await _store(settings.usage_dsn.get_secret_value(), settings.state_dir, USAGE)
    yield _assets(settings.asset_store, settings.state_dir)


async def _store(dsn: str, state_dir: Path, purpose: Purpose) -> Finding:
    try:
        seen = await inspect(dsn, state_dir, purpose)
    except (BadDsn, StoreUnavailable) as error:
        says, _, fix = str(error).partition("; ")
        return Finding(check=purpose.store, verdict="problem", says=says, fix=fix or f"set {purpose.setting} to another store")
    if seen.kind is Kind.MEMORY:
        fix = f"leave {purpose.setting} empty, or name a file"
        return Finding(check=purpose.store, verdict="warning", says=f"{seen.shown}: {seen.says}", fix=fix)
    return Finding(check=purpose.store, verdict="ok", says=f"{seen.shown}: {seen.says}")


def _assets(place: str, state_dir: Path) -> Finding:
    if place.lower() == "off":
        fix = "leave CLI2API_ASSET_STORE empty, since MuleRun's links die"
        return Finding(check="asset store", verdict="warning", says="off: no file is kept", fix=fix)
    if place == "memory:":
        fix = "leave CLI2API_ASSET_STORE empty, or name a folder or a bucket"
        return Finding(check="asset store", verdict="warning", says="memory: copies are gone when the gateway stops", fix=fix)
    try:
        if is_bucket(place):
            return Finding(check="asset store", verdict="ok", says=f"{redact(place)}: a bucket is asked at the first copy only")
        path = folder_of(place, state_dir)
    except BadPlace as error:
        says, _, fix = f"CLI2API_ASSET_STORE {error}".partition("; ")
        return Finding(check="asset store", verdict="problem", says=says, fix=fix)
    folder = next(each for each in (path, *path.parents) if each.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        says = f"{redact(place) or path} cannot be written"
        fix = "make it writable, or set CLI2API_ASSET_STORE to an absolute path or a bucket"
        return Finding(check="asset store", verdict="problem", says=says, fix=fix)
    return Finding(check="asset store", verdict="ok", says=str(path))

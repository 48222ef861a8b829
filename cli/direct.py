"""What the settings say of the direct way, for whoever renders Envoy's files, and the hand-over between core and Envoy."""

import asyncio
import secrets
import ssl
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from cli.admin import Admin
from cli.errors import StartFailed
from cli.readiness import until
from edge.envoy import direct, render
from edge.envoy.direct import Direct, Native
from services.api.logs import GATHERED
from services.catalog.catalog import Catalog
from services.catalog.natives import natives
from services.credentials.handover import prepare
from services.settings import BadSetting, Settings

_FOLDER: Final = "CLI2API_DIRECT_DIR"
_CHAT: Final = "/v1/chat/completions"


def check(settings: Settings) -> None:
    """Raises BadSetting where a name is given to a model that cannot have it."""
    _catalog(settings)


def prepared(settings: Settings, run: Path, environ: Mapping[str, str]) -> Direct | None:
    """The direct way, closed until the core opens it; None where all text is to go through the core. Raises StartFailed."""
    if settings.text_path != "direct":
        return None
    word = secrets.token_hex(16)
    folder = run / direct.FOLDER
    try:
        prepare(folder, word)
    except OSError as error:
        raise StartFailed(f"{folder} cannot be written ({error.strerror}): set CLI2API_STATE_DIR to another folder") from error
    return _chosen(settings, word, authorities=authorities(settings, environ))


def with_folder(environ: Mapping[str, str], settings: Settings, run: Path) -> dict[str, str]:
    """The variables with those by which the core finds the folder, where there is one."""
    given = {name: value for name, value in environ.items() if name != _FOLDER}
    return given | ({_FOLDER: str(run / direct.FOLDER)} if settings.text_path == "direct" else {})


def reroute(run: Path, settings: Settings) -> None:
    """Has Envoy take up which names go the direct way now, since aliases have changed. Raises BadSetting or OSError."""
    if settings.text_path == "direct":
        render.write_direct(run, _chosen(settings), max_body=settings.max_body)


async def told(admin: Admin, *, within: float) -> None:
    """Returns when the core has heard of every call that went the direct way, or after `within` seconds."""

    async def over() -> bool:
        return (await admin.direct_calls())[0] == 0

    if not (await admin.direct_calls())[1]:
        return
    with suppress(TimeoutError):
        async with asyncio.timeout(within):
            await until(over)
    await asyncio.sleep(min(GATHERED, within))


def clean(run: Path) -> None:
    """The credential lies on the disk only while Envoy reads it there; where the disk is read-only it stays."""
    for path in direct.SECRETS.values():
        with suppress(OSError):
            (run / path).unlink()


def authorities(settings: Settings, environ: Mapping[str, str]) -> str:
    """The file of certificate authorities that the core goes by too; SSL_CERT_FILE names another one.

    Empty where Envoy needs none. Raises StartFailed where there is none.
    """
    if settings.text_path != "direct" or not settings.api_base_url.lower().startswith("https:"):
        return ""
    usual = ssl.get_default_verify_paths()
    found = environ.get(usual.openssl_cafile_env) or usual.cafile
    if not found or not Path(found).is_file():
        raise StartFailed(
            "no file of certificate authorities is found, by which Envoy could judge MuleRun's certificate: install the system's"
            " ca-certificates, name a file in SSL_CERT_FILE, or set CLI2API_TEXT_PATH=relay"
        )
    return found


def _chosen(settings: Settings, word: str = "", *, authorities: str = "") -> Direct:
    # A stream's body is changed where its usage is to be asked for, which only the core can do.
    served = [
        Native(endpoint=each.endpoint, upstream_path=each.path, names=each.names, others=each.refused if each.unknown else None)
        for each in natives(_catalog(settings), settings.model_aliases)
        if not (settings.stream_usage and each.endpoint == _CHAT)
    ]
    return Direct(upstream=settings.api_base_url, natives=tuple(served), word=word, authorities=authorities)


def _catalog(settings: Settings) -> Catalog:
    try:
        return Catalog(settings.model_aliases)
    except ValueError as error:
        raise BadSetting(f"CLI2API_MODEL_ALIASES: {error}") from error

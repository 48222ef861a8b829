"""A login in a cache file, and what a scripted login host says of it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from services.credentials.keeper import Keeper
from tests.hosts import Says, ScriptedHost

KEY = Says({"code": "SUCCESS", "data": {"key": "muk-new"}})
SAME_KEY = Says({"code": "SUCCESS", "data": {"key": "muk-old"}})
GRANT = Says({"access_token": "eyJnew", "refresh_token": "ory_rt_new", "expires_in": 3600})
INVALID = Says({"error": "invalid_grant", "error_description": "used"}, status=400)
ILL = Says({}, status=503)

Login = Callable[..., Keeper]


def kept(path: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads(path.read_text())
    return found


def store(path: Path, **content: object) -> None:
    path.write_text(json.dumps(content))


def link_into(folder: Path, path: Path) -> None:
    """Makes `path` a link to a file in `folder`."""
    folder.mkdir()
    path.symlink_to(folder / path.name)


def spoil(folder: Path) -> None:
    """Puts a file where the folder was, so that nothing can be written there."""
    shutil.rmtree(folder)
    folder.write_text("")


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


def asked(host: ScriptedHost) -> list[str]:
    return [seen.path for seen in host.seen]


EXCHANGE, REFRESH = "/api/platform/users/cli-token", "/oauth2/token"

"""`python -m services.doctor`: the core's findings, one JSON object a line on stdout. What it logs goes to stderr."""

import asyncio
import os
import sys
from collections.abc import Mapping

import msgspec

from services.doctor import credentials, places
from services.settings import BadSetting, Settings
from services.telemetry import log_to_stderr


async def tell(environ: Mapping[str, str]) -> None:
    """Writes each finding as soon as it is there. Raises BadSetting."""
    settings = Settings.read(environ)
    async for finding in places.look(settings):
        _write(finding)
    async for finding in credentials.look(settings, environ):
        _write(finding)


def _write(finding: object) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(finding) + b"\n")
    sys.stdout.buffer.flush()


def main() -> int:
    """0 where it could look; 1 where the settings cannot be read."""
    log_to_stderr("error")
    try:
        asyncio.run(tell(os.environ))
    except BadSetting as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`python -m edge`: the shim, as the environment says."""

import asyncio
import os
import signal
import sys

import uvloop

from edge.server import serve
from edge.settings import BadSetting, Settings
from edge.telemetry import log_to_stderr


def main() -> int:
    """The exit status: 0 after an orderly stop, 1 for a bad setting or where it cannot listen."""
    try:
        settings = Settings.read(os.environ)
    except BadSetting as error:
        sys.stderr.write(f"{error}\n")
        return 1
    log_to_stderr(settings.log_level)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # it asks for a reload, and nothing here changes
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(settings, os.environ))
    except OSError as error:
        sys.stderr.write(f"{error.strerror}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

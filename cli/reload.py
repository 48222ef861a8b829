"""`cli2api reload`: has the gateway that runs on this state directory take up changed keys, aliases and tokens."""

import argparse
import asyncio
import os
import sys
from typing import Final

from cli.control import NotThere, ask_to_reload
from services.settings import BadSetting, Settings

_WHERE: Final = ("CLI2API_STATE_DIR", "XDG_STATE_HOME", "HOME")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None: the gateway knows its files."""
    parser.description = (
        "Has the gateway that `cli2api serve` runs on CLI2API_STATE_DIR read the files of its keys, aliases and tokens anew,"
        " and prints what has changed. Nothing is restarted and no call is broken off. What cannot be used is refused, and"
        " the gateway goes on with what it has."
    )


def run(_args: argparse.Namespace) -> int:
    """0 when everything was taken up; 1, with one message on stderr, where it was refused or no gateway runs."""
    try:
        # Only where it is: a setting that is bad at the moment is the gateway's to refuse.
        state_dir = Settings.read({name: os.environ[name] for name in _WHERE if name in os.environ}).state_dir
        outcome = asyncio.run(ask_to_reload(state_dir / "run"))
    except BadSetting as failed:
        print(f"cli2api: {failed}", file=sys.stderr)
        return 1
    except NotThere:
        print(
            f"cli2api: no gateway runs on {state_dir}: start one with `cli2api serve`, or set CLI2API_STATE_DIR to its folder",
            file=sys.stderr,
        )
        return 1
    if outcome.refused:
        print(f"cli2api: refused, and the gateway goes on with what it has: {outcome.refused}", file=sys.stderr)
        return 1
    print(f"reloaded: {', '.join(outcome.changed) or 'nothing has changed'}")
    for name in outcome.needs_restart:
        print(f"{name} has changed too, and counts after a restart")
    return 0

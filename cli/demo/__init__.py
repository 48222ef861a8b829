"""`cli2api demo`: the main job end to end on this machine. Shows only what it has checked, and leaves nothing but its files."""

import argparse
import asyncio
import importlib.util
import signal
import sys
from pathlib import Path

from cli.demo.screen import DemoFailed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of the verb."""
    parser.add_argument("--output", type=Path, default=Path("demo-output"), help="folder for the files (default: ./demo-output)")


def run(args: argparse.Namespace) -> int:
    """Plays the demo: 0 if all of it worked, 1 where a step failed, 130 after Ctrl-C."""
    if importlib.util.find_spec("openai") is None:
        print(
            "the demo needs the openai SDK, which is an extra: run `make demo`, or install openai beside cli2api", file=sys.stderr
        )
        return 1
    output: Path = args.output
    try:
        output.mkdir(parents=True, exist_ok=True)
        asyncio.run(_play(output))
    except OSError as failed:
        print(f"\n\ndemo failed: {failed}", file=sys.stderr)
        return 1
    except DemoFailed as failed:
        print(f"\n\ndemo failed: {failed}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("\nstopped; nothing is left running", file=sys.stderr)
        return 130
    print(f"the files are in {output.resolve()}")
    return 0


async def _play(output: Path) -> None:
    """Plays it until the end or SIGTERM; Ctrl-C is asyncio's own affair."""
    from cli.demo.play import play  # noqa: PLC0415 - the SDK takes a second to import, which other verbs need not pay

    playing = asyncio.ensure_future(play(output))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, playing.cancel)
    await playing

"""`cli2api simulate`: a MuleRun on this machine, for whoever has no credits or no network."""

import argparse
import asyncio
import signal
import sys
from contextlib import suppress

from simulator.server import Simulator


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where it listens."""
    parser.description = "Runs a simulated MuleRun until Ctrl-C. Any key that begins with muk- opens it; nothing is paid."
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, default=9090, help="port to listen on, 0 for a free one (default: 9090)")


def run(args: argparse.Namespace) -> int:
    """0 after it was asked to stop; 1, with one message on stderr, where it cannot listen."""
    try:
        asyncio.run(_simulate(args.host, args.port))
    except (OSError, OverflowError) as error:
        print(f"cli2api: {args.host}:{args.port} cannot be listened on ({error}): choose another --port", file=sys.stderr)
        return 1
    return 0


async def _simulate(host: str, port: int) -> None:
    stop = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    async with Simulator(host=host, port=port) as simulator:
        with suppress(BrokenPipeError):  # nobody has to read it
            print(_greeting(simulator.url), flush=True)
        await stop.wait()


def _greeting(url: str) -> str:
    return f"""a simulated MuleRun listens on {url}; use it with the gateway:

  export MULERUN_API_BASE_URL={url}
  export MULERUN_OAUTH_BASE_URL={url}
  export MULERUN_TOKEN=muk-{"simulated" * 7}s
  cli2api serve
"""

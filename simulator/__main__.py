"""Runs a simulator alone: `python -m simulator --port 9090`. Prints one line of JSON with its URL; SIGTERM ends it with 0."""

import argparse
import asyncio
import json
import signal
import sys

from simulator.options import Options
from simulator.server import Simulator


def main() -> int:
    """Serves until SIGTERM or SIGINT; 1 where it could not listen."""
    parser = argparse.ArgumentParser(prog="python -m simulator", description="A simulated MuleRun; nothing is paid.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (default %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port to listen at; 0 takes a free one (default)")
    parser.add_argument("--chunk-delay", type=float, default=0.02, help="seconds between streamed words (default %(default)s)")
    chosen = parser.parse_args()
    try:
        asyncio.run(_serve(chosen.host, chosen.port, Options(chunk_delay_s=chosen.chunk_delay)))
    except OSError as cause:
        sys.stderr.write(f"the simulator cannot listen at {chosen.host}:{chosen.port}: {cause.strerror}\n")
        return 1
    return 0


async def _serve(host: str, port: int, options: Options) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    async with Simulator(options, host=host, port=port) as simulator:
        sys.stdout.write(json.dumps({"url": simulator.url, **simulator.environ}) + "\n")
        sys.stdout.flush()
        await ended.wait()


if __name__ == "__main__":
    sys.exit(main())

"""`cli2api serve`: the whole gateway in the foreground, from the environment, until SIGTERM or Ctrl-C."""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from typing import Final

from cli.errors import StartFailed
from cli.gateway import Gateway
from services.settings import BadSetting

__all__ = ["Gateway", "add_arguments", "run"]

_STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None: what it does comes from the environment, as the README's table says."""
    parser.description = (
        "Runs the gateway until SIGTERM or Ctrl-C, which drain it; a second one stops it at once. SIGHUP reloads, as"
        " `cli2api reload` does."
    )


def run(_args: argparse.Namespace) -> int:
    """0 after it was asked to stop; 1, with one message on stderr, where it cannot start."""
    try:
        asyncio.run(_serve(os.environ))
    except StartFailed as failed:
        if not failed.is_said:
            print(f"cli2api: {failed}", file=sys.stderr)
        return 1
    except BadSetting as failed:
        print(f"cli2api: {failed}", file=sys.stderr)
        return 1
    return 0


async def _serve(environ: Mapping[str, str]) -> None:
    gateway = Gateway(environ)
    for each in _STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(each, gateway.stop)
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, gateway.reload_soon)
    async with gateway:
        if sys.stderr.isatty() and not gateway.is_asked_to_stop:
            print(_greeting(gateway), file=sys.stderr)
        await gateway.until_asked_to_stop()


def _greeting(gateway: Gateway) -> str:
    """For who sits in front of it; programs read the same in the log's `startup` line."""
    rest, grpc = gateway.rest_url, gateway.grpc_target
    return f"cli2api: REST {rest}, gRPC {grpc}, docs {rest}/docs; Ctrl-C stops"

"""`cli2api render-envoy`: Envoy's files for containers, where no supervisor writes them."""

import argparse
import os
import sys
from pathlib import Path

from cli import doors
from cli.errors import StartFailed
from edge.envoy import render
from edge.envoy.address import Address, Tcp, parse
from services.settings import BadSetting, Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where everything is."""
    parser.description = (
        "Writes envoy.yaml and the files that Envoy watches. Keys and the body limit come from the environment, as for serve."
        " Run it again to change the keys: an Envoy that watches the folder takes them up by itself."
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write to")
    parser.add_argument("--seen-as", type=Path, metavar="DIR", help="the same folder as Envoy sees it (default: as --out)")
    parser.add_argument("--edge", type=_address, default=Tcp("edge", 8081), metavar="ADDR", help="default: edge:8081")
    parser.add_argument("--core", type=_address, default=Tcp("core", 50052), metavar="ADDR", help="default: core:50052")
    parser.add_argument("--host", default="0.0.0.0", help="address that Envoy listens on (default: 0.0.0.0)")  # noqa: S104
    parser.add_argument("--rest-port", type=int, default=8080, help="default: 8080")
    parser.add_argument("--grpc-port", type=int, default=50051, help="default: 50051")
    parser.add_argument(
        "--admin",
        type=_address,
        default=Tcp("127.0.0.1", 9901),
        metavar="ADDR",
        help="of Envoy's admin (default: 127.0.0.1:9901)",
    )


def run(args: argparse.Namespace) -> int:
    """0 when the files are written; 1, with one message on stderr, where they cannot be."""
    folder = args.out.resolve()
    try:
        settings = Settings.read(os.environ)
    except BadSetting as failed:
        print(f"cli2api: {failed}", file=sys.stderr)
        return 1
    try:
        collector = doors.collector(os.environ)
    except StartFailed as failed:
        print(f"cli2api: {failed}", file=sys.stderr)
        return 1
    layout = render.Layout(
        rest=Tcp(args.host, args.rest_port),
        grpc=Tcp(args.host, args.grpc_port),
        admin=args.admin,
        edges=[args.edge],
        cores=[args.core],
        folder=folder,
        seen_as=args.seen_as,
        doors=doors.chosen(settings),
        collector=collector,
    )
    try:
        print(render.write(layout, keys=settings.api_keys, max_body=settings.max_body))
    except OSError as error:
        print(f"cli2api: {folder} cannot be written ({error.strerror}): choose another --out", file=sys.stderr)
        return 1
    return 0


def _address(text: str) -> Address:
    try:
        return parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error

"""`python -m cli.probe ADDRESS`: asks one part whether it is well, for the health checks of containers. Exits with 0 or 1.

An address is `grpc://host:port`, asked by gRPC's own health protocol, or an http URL, where any 2xx is well.
"""

import argparse
import sys
from typing import Final

import grpc
import httpx2
from grpc_health.v1 import health_pb2, health_pb2_grpc

SECONDS: Final = 3.0
"""How long a part may take to answer."""


class NotWell(Exception):
    """The part is not well, or not there; the message says which."""


def ask(address: str) -> None:
    """Returns where the part at `address` is well. Raises NotWell."""
    if address.startswith("grpc://"):
        _ask_grpc(address.removeprefix("grpc://"))
    else:
        _ask_http(address)


def _ask_grpc(target: str) -> None:
    with grpc.insecure_channel(target) as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=SECONDS)
        except grpc.RpcError as error:
            raise NotWell(f"{target} does not answer") from error
    if answer.status != health_pb2.HealthCheckResponse.SERVING:
        raise NotWell(f"{target} is {health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)}")


def _ask_http(url: str) -> None:
    try:
        answer = httpx2.get(url, timeout=SECONDS, trust_env=False)
    except (httpx2.TransportError, httpx2.InvalidURL) as error:
        raise NotWell(f"{url} does not answer") from error
    if not answer.is_success:
        raise NotWell(f"{url} answers {answer.status_code}: {answer.text[:200]}")


def main(argv: list[str] | None = None) -> int:
    """Asks, says on stderr what is not well, and answers the exit code."""
    parser = argparse.ArgumentParser(prog="python -m cli.probe", description="Ask one part of the gateway whether it is well.")
    parser.add_argument("address", help="grpc://host:port, or an http URL")
    try:
        ask(parser.parse_args(argv).address)
    except NotWell as complaint:
        print(complaint, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What a channel to the gateway is opened with: sizes, keepalive, retries and TLS. Pure.

Its law: only what cannot pay twice is sent twice.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from typing import Any, Final

import grpc
from cli2api.v1 import media_pb2

Option = tuple[str, str | int]

MAX_MESSAGE: Final = 64 << 20
"""Bytes of one message; the gateway's own default."""
SUBMITS: Final = tuple(
    (service.full_name, method.name)
    for service in media_pb2.DESCRIPTOR.services_by_name.values()
    for method in service.methods
    if "request_id" in method.input_type.fields_by_name
)
"""Service and method of everything that makes a job; `request_id` makes a repetition of it the same job."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """How the gateway is known, and how the caller is. All three files' contents are PEM."""

    roots: bytes | None = None
    """Whom to trust; the system's authorities when None."""
    certificate: bytes | None = None
    """The caller's own chain, for gateways that ask for one; needs `private_key`."""
    private_key: bytes | None = field(default=None, repr=False)
    server_name: str = ""
    """The name in the gateway's certificate, where it differs from the target's."""

    def credentials(self) -> grpc.ChannelCredentials:
        """For a secure channel. Raises ValueError where only one of certificate and private_key is set."""
        if (self.certificate is None) is not (self.private_key is None):
            raise ValueError("certificate and private_key go together: set both or neither")
        return grpc.ssl_channel_credentials(self.roots, self.private_key, self.certificate)


def service_config() -> dict[str, Any]:
    """The published retries, and those of submissions, which this client may repeat since it never sends one without a key."""
    published: dict[str, Any] = json.loads((files("cli2api.v1") / "service_config.json").read_text(encoding="utf-8"))
    [reads] = published["methodConfig"]
    submits = {
        "name": [{"service": service, "method": method} for service, method in SUBMITS],
        "retryPolicy": reads["retryPolicy"],
    }
    return {**published, "methodConfig": [reads, submits]}


def options(*, tls: Tls | None = None, user_agent: str = "", max_message: int = MAX_MESSAGE) -> Sequence[Option]:
    """The channel's options; whoever opens it may append others, of which the last one of a name counts."""
    own = f"cli2api-client/{_version()}"
    chosen: Mapping[str, str | int] = {
        "grpc.primary_user_agent": f"{user_agent} {own}".lstrip(),
        "grpc.max_receive_message_length": max_message,
        "grpc.max_send_message_length": max_message,
        "grpc.service_config": json.dumps(service_config()),
        "grpc.enable_retries": 1,
        # A call may be silent for minutes, and has to notice that the other side, or a load balancer between, has gone.
        "grpc.keepalive_time_ms": 30_000,
        "grpc.keepalive_timeout_ms": 10_000,
        "grpc.http2.max_pings_without_data": 0,
        # Addresses of several gateways behind one name are all used.
        "grpc.lb_policy_name": "round_robin",
    }
    named = {"grpc.ssl_target_name_override": tls.server_name} if tls and tls.server_name else {}
    return (*chosen.items(), *named.items())


def _version() -> str:
    try:
        return version("cli2api-client")
    except PackageNotFoundError:  # run from a checkout
        return "0"

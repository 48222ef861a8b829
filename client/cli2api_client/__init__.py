"""A typed client of a cli2api gateway: `connect` for threads, `aio.connect` for asyncio, and failures that have names."""

from cli2api_client.channel import Tls
from cli2api_client.client import Client, connect
from cli2api_client.errors import (
    CallFailed,
    Cancelled,
    Conflict,
    GatewayBroken,
    GatewayRefused,
    InvalidRequest,
    KeyRefused,
    NotFound,
    NotReady,
    OutOfCredits,
    OutOfTime,
    Throttled,
    Unavailable,
    Uncertain,
    Unsupported,
    VendorFailed,
)
from cli2api_client.fold import Fold, afold, fold
from cli2api_client.says import assistant, system, user
from cli2api_client.status import Link, Quota, Violation

__all__ = [
    "CallFailed",
    "Cancelled",
    "Client",
    "Conflict",
    "Fold",
    "GatewayBroken",
    "GatewayRefused",
    "InvalidRequest",
    "KeyRefused",
    "Link",
    "NotFound",
    "NotReady",
    "OutOfCredits",
    "OutOfTime",
    "Quota",
    "Throttled",
    "Tls",
    "Unavailable",
    "Uncertain",
    "Unsupported",
    "VendorFailed",
    "Violation",
    "afold",
    "assistant",
    "connect",
    "fold",
    "system",
    "user",
]

"""What a failed call tells, read out of gRPC's status and its google.rpc.Status. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import grpc
from google.protobuf import message
from google.rpc import error_details_pb2, status_pb2

Pairs: TypeAlias = Iterable[tuple[str, str | bytes]]

DETAILS: Final = "grpc-status-details-bin"
_REQUEST_ID: Final = "x-request-id"


@dataclass(frozen=True, slots=True)
class Violation:
    """One field of a request that is missing or wrong, and how to mend it."""

    field: str
    description: str


@dataclass(frozen=True, slots=True)
class Quota:
    """Something of which there is no more for now."""

    subject: str
    """As in "mulerun:credits"."""
    description: str


@dataclass(frozen=True, slots=True)
class Link:
    """Where a failure can be mended."""

    description: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """All that is known of a failure."""

    code: grpc.StatusCode
    message: str
    reason: str = ""
    """Name of an `ErrorReason` without its prefix; empty where something other than the gateway failed the call."""
    retry_after: float | None = None
    """Seconds."""
    violations: tuple[Violation, ...] = ()
    quotas: tuple[Quota, ...] = ()
    links: tuple[Link, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    request_id: str = ""
    idempotency_key: str = ""


def told(error: grpc.RpcError, *, sent: Pairs, idempotency_key: str = "") -> Told:
    """What a stub raised; `sent` is the metadata that the call went out with. Details that cannot be read are as good as none."""
    call: Any = error  # what a stub raises is a Call too, which the types do not say
    trailing = dict(call.trailing_metadata() or ())
    status = status_pb2.Status()
    try:
        status.ParseFromString(trailing.get(DETAILS, b""))
    except message.DecodeError:
        status.Clear()
    info, retry, bad = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo(), error_details_pb2.BadRequest()
    quota, mending = error_details_pb2.QuotaFailure(), error_details_pb2.Help()
    for detail in status.details:
        any(detail.Unpack(kind) for kind in (info, retry, bad, quota, mending))
    return Told(
        code=call.code(),
        message=call.details() or "",
        reason=info.reason,
        retry_after=retry.retry_delay.ToNanoseconds() / 1e9 if retry.HasField("retry_delay") else None,
        violations=tuple(Violation(each.field, each.description) for each in bad.field_violations),
        quotas=tuple(Quota(each.subject, each.description) for each in quota.violations),
        links=tuple(Link(each.description, each.url) for each in mending.links),
        metadata=dict(info.metadata),
        request_id=str(trailing.get(_REQUEST_ID) or dict(sent).get(_REQUEST_ID, "")),
        idempotency_key=idempotency_key,
    )

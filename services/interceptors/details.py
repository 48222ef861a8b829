"""A failure as google.rpc.Status: its code, its words, and the details that fit it. Pure.

Laws: exactly one ErrorInfo, which comes first; and the whole is small enough for any client.
"""

from collections.abc import Mapping
from typing import Any, Final

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import error_details_pb2, status_pb2

from services.domain.errors import Failure

DOMAIN: Final = "cli2api"
MAX_STATUS_BYTES: Final = 3500
MAX_MESSAGE_BYTES: Final = 800
"""A client takes 8 KB of trailing metadata by default and drops the whole answer beyond that; the details travel as base64,
and each byte of the message may be escaped into three."""

_C = grpc.StatusCode
CODES: Final[Mapping[str, grpc.StatusCode]] = {
    "INVALID_REQUEST": _C.INVALID_ARGUMENT,
    "REQUEST_TOO_LARGE": _C.RESOURCE_EXHAUSTED,
    "INVALID_API_KEY": _C.UNAUTHENTICATED,
    "UPSTREAM_CREDENTIAL": _C.FAILED_PRECONDITION,
    "BILLING": _C.RESOURCE_EXHAUSTED,
    "MODEL_NOT_FOUND": _C.NOT_FOUND,
    "MODEL_UNRESOLVED": _C.INVALID_ARGUMENT,
    "JOB_NOT_FOUND": _C.NOT_FOUND,
    "ASSET_NOT_READY": _C.FAILED_PRECONDITION,
    "ASSET_GONE": _C.NOT_FOUND,
    "IDEMPOTENCY_CONFLICT": _C.ALREADY_EXISTS,
    "JOB_NOT_ENDED": _C.FAILED_PRECONDITION,
    "NO_RECEIVER": _C.FAILED_PRECONDITION,
    "RATE_LIMITED": _C.RESOURCE_EXHAUSTED,
    "VENDOR_ERROR": _C.ABORTED,
    "UPSTREAM_REFUSED": _C.INVALID_ARGUMENT,
    "UPSTREAM_UNAVAILABLE": _C.UNAVAILABLE,
    "DEADLINE_EXCEEDED": _C.DEADLINE_EXCEEDED,
    "SUBMISSION_UNCERTAIN": _C.ABORTED,
    "STORE_UNAVAILABLE": _C.UNAVAILABLE,
    "UNSUPPORTED": _C.UNIMPLEMENTED,
    "DRAINING": _C.UNAVAILABLE,
    "INTERNAL": _C.INTERNAL,
}
"""The canonical code of every reason."""

QUOTAS: Final[Mapping[str, str]] = {"BILLING": "mulerun:credits", "RATE_LIMITED": "mulerun:requests"}
"""What has run out, by reason: the subject of a QuotaFailure."""

_ACCOUNT: Final = "https://mulerun.com"
HELP: Final[Mapping[str, tuple[str, str]]] = {
    "BILLING": ("Top up the MuleRun account", _ACCOUNT),
    "UPSTREAM_CREDENTIAL": ("Log in to MuleRun, or get a new key", _ACCOUNT),
}
"""Where a failure is mended that neither its caller nor the gateway can mend, by reason: words and address of a Help."""


def status_of(failure: Failure) -> status_pb2.Status:
    """The google.rpc.Status of a failure, small enough for any client; violations beyond that are left out from the end."""
    message = _cut(failure.message, MAX_MESSAGE_BYTES)
    status = status_pb2.Status(code=CODES[failure.reason].value[0], message=message)
    _add(status, error_details_pb2.ErrorInfo(reason=failure.reason, domain=DOMAIN, metadata=failure.metadata))
    if failure.retry_after is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromNanoseconds(round(max(0.0, failure.retry_after) * 1e9))
        _add(status, retry)
    if failure.reason in QUOTAS:
        quota = error_details_pb2.QuotaFailure()
        quota.violations.add(subject=QUOTAS[failure.reason], description=message)
        _add(status, quota)
    if failure.reason in HELP:
        words, address = HELP[failure.reason]
        _add(status, error_details_pb2.Help(links=[error_details_pb2.Help.Link(description=words, url=address)]))
    room = MAX_STATUS_BYTES - status.ByteSize()
    bad = error_details_pb2.BadRequest()
    for violation in failure.violations:
        description = _cut(violation.description, 400)
        bad.field_violations.add(field=_cut(violation.field, 100), description=description)
        if bad.ByteSize() + 64 > room:
            del bad.field_violations[-1]
            break
    if bad.field_violations:
        _add(status, bad)
    return status


def _add(status: status_pb2.Status, detail: Any) -> None:
    packed = AnyMessage()
    packed.Pack(detail)
    status.details.append(packed)


def _cut(text: str, most_bytes: int) -> str:
    if len(text.encode("utf-8", "replace")) <= most_bytes:
        return text
    return text.encode("utf-8", "replace")[: most_bytes - 3].decode("utf-8", "ignore") + "..."

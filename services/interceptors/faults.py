"""Turns what goes wrong in a call into the answer that its caller sees: one table, one place.

Laws: every failed answer has exactly one ErrorInfo; the text of an unexpected exception reaches the log and never the
caller; a cancelled call stays cancelled.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import grpc
import grpc.aio
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import error_details_pb2, status_pb2

from services.domain import call
from services.domain.errors import Failure, Internal
from services.interceptors.plainly import plainly
from services.interceptors.shapes import Context, Rpc

_log = logging.getLogger(__name__)

DOMAIN: Final = "cli2api"
DETAILS: Final = "grpc-status-details-bin"
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


@asynccontextmanager
async def faults(rpc: Rpc) -> AsyncGenerator[None, None]:
    """Ends the call with the status of the failure that comes out of it."""
    try:
        yield
    except grpc.aio.AbortError:
        rpc.code = _code_of(rpc.context)
        raise
    except asyncio.CancelledError:
        # grpc.aio cancels for a caller that left and for a deadline that passed alike; the clock tells which.
        remaining: float | None = rpc.context.time_remaining()
        rpc.code = _C.CANCELLED if remaining is None or remaining > 0 else _C.DEADLINE_EXCEEDED
        raise
    except Failure as failure:
        await _abort(rpc, failure)
    except Exception:  # noqa: BLE001 - a fault of ours has no other name
        request_id = call.current().request_id
        _log.exception("internal error", extra={"method": rpc.method})
        await _abort(rpc, Internal(f"internal error; request id {request_id}", metadata={"request_id": request_id}))


async def _abort(rpc: Rpc, failure: Failure) -> None:
    rpc.code = CODES[failure.reason]
    status = status_of(failure)
    said = rpc.context.trailing_metadata() or ()
    details = (DETAILS, status.SerializeToString())
    await rpc.context.abort(rpc.code, status.message, (*said, details, *plainly(failure, status.message)))


def status_of(failure: Failure) -> status_pb2.Status:
    """The google.rpc.Status of a failure, small enough for any client; violations beyond that are left out from the end."""
    message = _cut(failure.message, MAX_MESSAGE_BYTES)
    status = status_pb2.Status(code=CODES[failure.reason].value[0], message=message)
    _add(status, error_details_pb2.ErrorInfo(reason=failure.reason, domain=DOMAIN, metadata=failure.metadata))
    if failure.retry_after is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromNanoseconds(round(max(0.0, failure.retry_after) * 1e9))
        _add(status, retry)
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


def _code_of(context: Context) -> grpc.StatusCode:
    told: Any = context.code()
    return next((code for code in grpc.StatusCode if told in {code, code.value[0]}), _C.UNKNOWN)

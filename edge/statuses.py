"""What a failed gRPC call says, as a Failure: from the one ErrorInfo of its google.rpc.Status, else from the code alone."""

from typing import Any, Final

import grpc
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2

from edge.errors import Failure, Spent
from edge.line import DETAILS, NOT_BEGUN

_DOMAIN: Final = "cli2api"
JOB_ID: Final = "x-cli2api-job-id"
"""Initial metadata of waited calls, there as soon as the job is written down."""

REASON_OF_CODE: Final = {
    grpc.StatusCode.INVALID_ARGUMENT: ("INVALID_REQUEST", "the request does not fit the contract"),
    grpc.StatusCode.UNAUTHENTICATED: ("INVALID_API_KEY", "no API key that this gateway knows"),
    grpc.StatusCode.PERMISSION_DENIED: ("INVALID_API_KEY", "this API key may not do that"),
    grpc.StatusCode.UNIMPLEMENTED: (
        "UNSUPPORTED",
        "this gateway's core does not serve the call; core and edge differ in version",
    ),
    grpc.StatusCode.RESOURCE_EXHAUSTED: ("REQUEST_TOO_LARGE", "request body too large for one call to the core"),
    grpc.StatusCode.DEADLINE_EXCEEDED: ("DEADLINE_EXCEEDED", "the call took longer than this gateway waits"),
    grpc.StatusCode.UNAVAILABLE: ("CORE_LOST", "the connection to the gateway's core broke"),
    grpc.StatusCode.CANCELLED: ("CORE_LOST", "the gateway's core gave the call up"),
}
"""For failures that never met the core's own words, such as those of the gRPC library itself."""


def failure_of(error: grpc.aio.AioRpcError, *, spent: Spent) -> Failure:
    """The failure behind a gRPC error. `spent` says whether the call was one that pays."""
    status = _status(error)
    info = error_details_pb2.ErrorInfo()
    if not _detail(status, info) or info.domain != _DOMAIN:
        return _bare(error, spent)
    retry, bad = error_details_pb2.RetryInfo(), error_details_pb2.BadRequest()
    metadata = {"job_id": _job_id(error)} | dict(info.metadata)
    return Failure(
        info.reason,
        status.message or error.details() or info.reason,
        param=bad.field_violations[0].field if _detail(status, bad) and bad.field_violations else None,
        retry_after=retry.retry_delay.ToTimedelta().total_seconds() if _detail(status, retry) else None,
        metadata=metadata,
        spent=spent,
    )


def lost(spent: Spent) -> Failure:
    """The core ended a call without its own word for it."""
    reason, message = REASON_OF_CODE[grpc.StatusCode.CANCELLED]
    return Failure(reason, message, spent=spent)


def unreachable() -> Failure:
    """No core has begun the call, so that it can be tried again whatever it is."""
    return Failure("CORE_UNREACHABLE", "the gateway's core cannot be reached; try again in a moment")


def _bare(error: grpc.aio.AioRpcError, spent: Spent) -> Failure:
    if (error.code(), error.details()) == NOT_BEGUN:
        return unreachable()
    reason, message = REASON_OF_CODE.get(error.code(), ("INTERNAL", "the gateway's core failed; its log has the request id"))
    job_id = _job_id(error)
    if job_id:
        message += f"; job {job_id} goes on: GET /v1/jobs/{job_id} has its result"
    return Failure(reason, message, metadata={"job_id": job_id}, spent=spent)


def _job_id(error: grpc.aio.AioRpcError) -> str:
    return next((str(value) for name, value in error.initial_metadata() or () if name == JOB_ID), "")


def _status(error: grpc.aio.AioRpcError) -> Any:
    status = status_pb2.Status()
    for name, value in error.trailing_metadata() or ():
        if name == DETAILS and isinstance(value, bytes):
            try:
                status.ParseFromString(value)
            except DecodeError:
                return status_pb2.Status()
    return status


def _detail(status: Any, into: Message) -> bool:
    return any(detail.Is(into.DESCRIPTOR) and detail.Unpack(into) for detail in status.details)

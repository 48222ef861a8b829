"""Failed calls as exceptions that have names: a class for each family of the contract's reasons.

Its law: every failure of a stub made by this package is a `CallFailed`, which is a `grpc.RpcError` too, and keeps the cause.
"""

from collections.abc import Mapping
from typing import ClassVar, Final

import grpc
from cli2api.v1 import job_pb2

from cli2api_client.status import Told

_C = grpc.StatusCode


class CallFailed(grpc.RpcError):
    """A call that failed; `code()` and `details()` are gRPC's own words for it."""

    usual: ClassVar[grpc.StatusCode] = _C.UNKNOWN
    """The code that the family has unless the gateway gives another."""

    def __init__(self, told: Told, *, job: job_pb2.Job | None = None) -> None:
        super().__init__(told.message)
        self.reason = told.reason
        """Name of an `ErrorReason` without its prefix, as in "RATE_LIMITED"; empty where the gateway itself was not reached."""
        self.message = told.message
        self.job_id = job.id if job else told.metadata.get("job_id", "")
        """The job that goes on, or that failed; empty where there is none."""
        self.job = job
        """The failed job itself, where `wait` raised this."""
        self.retry_after = told.retry_after
        """Seconds until another try makes sense; None where waiting does not help or the time is not known."""
        self.violations = told.violations
        self.quotas = told.quotas
        """What has run out."""
        self.links = told.links
        """Where it can be mended, such as the page on which the account is topped up."""
        self.request_id = told.request_id
        """Finds the call in the gateway's log."""
        self.idempotency_key = told.idempotency_key
        """What the request's `request_id` was: sent again with it, the call gives the same job and pays nothing more."""
        self.metadata = told.metadata
        """Further words of the gateway, such as `vendor_code` and `upstream_status`."""
        self._code = told.code

    def code(self) -> grpc.StatusCode:
        """The canonical code."""
        return self._code

    def details(self) -> str:
        """The message."""
        return self.message

    def __str__(self) -> str:
        return f"{self.reason or self._code.name}: {self.message}" + (f" (job {self.job_id})" if self.job_id else "")


class InvalidRequest(CallFailed):
    """The request is wrong as it stands; `violations` name the fields."""

    usual = _C.INVALID_ARGUMENT


class KeyRefused(CallFailed):
    """No key, or one that the gateway does not know."""

    usual = _C.UNAUTHENTICATED


class NotFound(CallFailed):
    """No such model, job or file."""

    usual = _C.NOT_FOUND


class NotReady(CallFailed):
    """The job exists and is not that far, or has no such file."""

    usual = _C.FAILED_PRECONDITION


class Conflict(CallFailed):
    """The same idempotency key came with another request."""

    usual = _C.ALREADY_EXISTS


class Throttled(CallFailed):
    """Too many calls; `retry_after` says when to come back."""

    usual = _C.RESOURCE_EXHAUSTED


class OutOfCredits(CallFailed):
    """The MuleRun account cannot pay."""

    usual = _C.RESOURCE_EXHAUSTED


class GatewayRefused(CallFailed):
    """MuleRun refused the gateway's own credential; its operator has to log in again."""

    usual = _C.FAILED_PRECONDITION


class VendorFailed(CallFailed):
    """The vendor failed the task; `metadata["vendor_code"]` has its number."""

    usual = _C.ABORTED


class Unavailable(CallFailed):
    """The gateway, its store or MuleRun could not be reached or broke off."""

    usual = _C.UNAVAILABLE


class OutOfTime(CallFailed):
    """The deadline passed; where `job_id` is set that job goes on, and `wait` has its result."""

    usual = _C.DEADLINE_EXCEEDED


class Uncertain(CallFailed):
    """Whether the task was paid for is not known, so the gateway will not send it again by itself."""

    usual = _C.ABORTED


class Unsupported(CallFailed):
    """The gateway does not serve the method, or not for this model, or is not set up for it."""

    usual = _C.UNIMPLEMENTED


class GatewayBroken(CallFailed):
    """A fault of the gateway; `request_id` finds it in its log."""

    usual = _C.INTERNAL


class Cancelled(CallFailed):
    """The call was cancelled."""

    usual = _C.CANCELLED


FAMILIES: Final[Mapping[str, type[CallFailed]]] = {
    "INVALID_REQUEST": InvalidRequest,
    "REQUEST_TOO_LARGE": InvalidRequest,
    "INVALID_API_KEY": KeyRefused,
    "UPSTREAM_CREDENTIAL": GatewayRefused,
    "BILLING": OutOfCredits,
    "MODEL_NOT_FOUND": NotFound,
    "MODEL_UNRESOLVED": InvalidRequest,
    "JOB_NOT_FOUND": NotFound,
    "JOB_NOT_ENDED": NotReady,
    "ASSET_NOT_READY": NotReady,
    "ASSET_GONE": NotFound,
    "IDEMPOTENCY_CONFLICT": Conflict,
    "RATE_LIMITED": Throttled,
    "VENDOR_ERROR": VendorFailed,
    "UPSTREAM_REFUSED": InvalidRequest,
    "UPSTREAM_UNAVAILABLE": Unavailable,
    "DEADLINE_EXCEEDED": OutOfTime,
    "SUBMISSION_UNCERTAIN": Uncertain,
    "STORE_UNAVAILABLE": Unavailable,
    "UNSUPPORTED": Unsupported,
    "NO_RECEIVER": Unsupported,
    "DRAINING": Unavailable,
    "INTERNAL": GatewayBroken,
}
"""The family of every reason of the contract."""

_BY_CODE: Final[Mapping[grpc.StatusCode, type[CallFailed]]] = {
    _C.OUT_OF_RANGE: InvalidRequest,
    _C.PERMISSION_DENIED: KeyRefused,
    **{
        family.usual: family
        for family in (
            InvalidRequest,
            KeyRefused,
            NotFound,
            Conflict,
            Throttled,
            Unavailable,
            OutOfTime,
            Unsupported,
            GatewayBroken,
            Cancelled,
        )
    },
}
"""For a reason that is newer than this client, and for failures that are not the gateway's."""


def named(told: Told) -> CallFailed:
    """The failure as an exception of its family."""
    if told.code is _C.INTERNAL and not told.reason:
        # A fault of the gateway always has a reason. This is how gRPC tells of a line that broke in the middle of an answer.
        return Unavailable(told)
    return (FAMILIES.get(told.reason) or _BY_CODE.get(told.code, CallFailed))(told)


def of_job(job: job_pb2.Job) -> CallFailed:
    """Why a job failed, as the exception that a call would have raised."""
    family = FAMILIES.get(job.failure.reason, CallFailed)
    metadata = {"job_id": job.id, "vendor_code": job.failure.vendor_code}
    told = Told(
        code=family.usual,
        message=job.failure.message,
        reason=job.failure.reason,
        metadata={name: value for name, value in metadata.items() if value},
        idempotency_key=job.request_id,
    )
    return family(told, job=job)

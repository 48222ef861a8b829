"""Every named failure of the core is born here and nowhere else; borders translate it once and keep the cause.

`reason` is the name of a `cli2api.v1.ErrorReason` without its prefix. A test holds the two lists equal.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Violation:
    """One field of a request that is missing or wrong, and how to mend it."""

    field: str
    description: str


class Failure(Exception):
    """A failure that has a name. `message` is shown to callers, so it never holds secrets or the text of foreign exceptions."""

    reason: ClassVar[str]

    def __init__(
        self,
        message: str,
        *,
        violations: Sequence[Violation] = (),
        retry_after: float | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.violations = tuple(violations)
        self.retry_after = retry_after
        """Seconds until another try makes sense; None where waiting does not help or the time is not known."""
        self.metadata = dict(metadata or {})


class InvalidRequest(Failure):
    """A field is missing, malformed or out of range; the violations name each."""

    reason = "INVALID_REQUEST"

    @classmethod
    def of(cls, *violations: Violation) -> "InvalidRequest":
        """From at least one violation; the first one is the message."""
        first = violations[0]
        more = f" (and {len(violations) - 1} more)" if len(violations) > 1 else ""
        return cls(f"{first.field}: {first.description}{more}", violations=violations)


class RequestTooLarge(Failure):
    """The body or an uploaded file is larger than this gateway takes."""

    reason = "REQUEST_TOO_LARGE"


class InvalidApiKey(Failure):
    """No key, or one that this gateway does not know."""

    reason = "INVALID_API_KEY"


class UpstreamCredentialRefused(Failure):
    """MuleRun refused our own credential."""

    reason = "UPSTREAM_CREDENTIAL"


class OutOfCredits(Failure):
    """The MuleRun account cannot pay."""

    reason = "BILLING"


class ModelNotFound(Failure):
    """No media model has that id."""

    reason = "MODEL_NOT_FOUND"


class ModelUnresolved(Failure):
    """A text model's alias or vendor prefix resolves to nothing."""

    reason = "MODEL_UNRESOLVED"


class JobNotFound(Failure):
    """No job has that id, or it has expired."""

    reason = "JOB_NOT_FOUND"

    @classmethod
    def of(cls, job_id: str) -> "JobNotFound":
        """For an id as the caller wrote it."""
        return cls(f"there is no job {job_id[:80]!r}; it was deleted, has expired, or never was")


class AssetNotReady(Failure):
    """The job exists but has no such asset, or not yet."""

    reason = "ASSET_NOT_READY"


class AssetGone(Failure):
    """The asset's upstream link is dead or must not be followed, and no copy of it is kept."""

    reason = "ASSET_GONE"


class IdempotencyConflict(Failure):
    """The same request_id came with another request."""

    reason = "IDEMPOTENCY_CONFLICT"


class JobNotEnded(Failure):
    """The job is still under way, and what was asked for needs its end."""

    reason = "JOB_NOT_ENDED"


class NoReceiver(Failure):
    """This gateway tells nobody outside of its jobs."""

    reason = "NO_RECEIVER"


class RateLimited(Failure):
    """MuleRun throttles."""

    reason = "RATE_LIMITED"


class VendorFailed(Failure):
    """The vendor's service failed the task; metadata `vendor_code` has its number."""

    reason = "VENDOR_ERROR"


class UpstreamRefused(Failure):
    """MuleRun refused the request as it stands; metadata `upstream_status` has its HTTP status."""

    reason = "UPSTREAM_REFUSED"


class UpstreamUnavailable(Failure):
    """MuleRun answered 5xx, broke off or could not be reached."""

    reason = "UPSTREAM_UNAVAILABLE"

    reached: bool = True
    """False only where the request certainly did not arrive, so that it may be sent again without paying twice."""


class DeadlineExceeded(Failure):
    """The caller's deadline passed; where a job goes on, metadata `job_id` names it."""

    reason = "DEADLINE_EXCEEDED"


class SubmissionUncertain(Failure):
    """The gateway stopped between submitting and hearing of it."""

    reason = "SUBMISSION_UNCERTAIN"


class StoreUnavailable(Failure):
    """The job store cannot be reached, so nothing was submitted and nothing paid."""

    reason = "STORE_UNAVAILABLE"


class Unsupported(Failure):
    """This gateway does not serve the method, or not for this model."""

    reason = "UNSUPPORTED"


class Draining(Failure):
    """The gateway is stopping and takes no new work."""

    reason = "DRAINING"


class Internal(Failure):
    """A fault of our own; its message never says more than the request id."""

    reason = "INTERNAL"

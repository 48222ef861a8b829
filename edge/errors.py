"""The one table that says how each failure looks over HTTP, in OpenAI's shape and in Anthropic's.

Its law: an SDK repeats 408, 409, 429 and 5xx by itself, and a repeated paid call pays twice. So every row says how much may have
been spent for a repeat to be harmless, and beyond that `x-should-retry: false` stops the SDK.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any, Final


class Spent(IntEnum):
    """Whether a failed call has cost credits."""

    NOTHING = 0
    PERHAPS = 1
    CERTAINLY = 2


class Dialect(StrEnum):
    """Whose error shape the caller reads."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """How one reason is told."""

    status: int
    type: str
    """OpenAI's `type`."""
    code: str
    """OpenAI's `code`."""
    anthropic: str
    """Anthropic's `type`."""
    repeatable: Spent | None = Spent.NOTHING
    """A repeat is harmless while no more than this was spent; None where a repeat is never of use."""
    retry_after: float | None = None
    """Seconds to wait where the failure itself names none."""
    param: str | None = None
    """The field that this reason is always about."""


def _row(
    status: int,
    type: str,  # noqa: A002 - OpenAI's own word
    code: str,
    anthropic: str,
    *,
    repeatable: Spent | None = Spent.NOTHING,
    retry_after: float | None = None,
    param: str | None = None,
) -> Row:
    return Row(
        status=status,
        type=type,
        code=code,
        anthropic=anthropic,
        repeatable=repeatable,
        retry_after=retry_after,
        param=param,
    )


_INVALID: Final = "invalid_request_error"

ROWS: Final[Mapping[str, Row]] = {
    "INVALID_REQUEST": _row(400, _INVALID, "invalid_request", _INVALID),
    "REQUEST_TOO_LARGE": _row(400, _INVALID, "request_too_large", _INVALID),
    "INVALID_API_KEY": _row(401, "authentication_error", "invalid_api_key", "authentication_error"),
    # Only the operator can mend it, by logging in again.
    "UPSTREAM_CREDENTIAL": _row(502, "upstream_error", "upstream_credential", "api_error", repeatable=None),
    "BILLING": _row(402, "insufficient_quota", "insufficient_quota", "billing_error", repeatable=None),
    "MODEL_NOT_FOUND": _row(404, _INVALID, "model_not_found", "not_found_error", param="model"),
    "MODEL_UNRESOLVED": _row(400, _INVALID, "model_not_found", _INVALID, param="model"),
    "JOB_NOT_FOUND": _row(404, _INVALID, "not_found", "not_found_error"),
    # 400 and not 409, which SDKs repeat at once: the caller has to poll first.
    "ASSET_NOT_READY": _row(400, _INVALID, "asset_not_ready", _INVALID),
    "ASSET_GONE": _row(404, _INVALID, "asset_gone", "not_found_error"),
    "IDEMPOTENCY_CONFLICT": _row(409, _INVALID, "idempotency_conflict", _INVALID, repeatable=None),
    "JOB_NOT_ENDED": _row(400, _INVALID, "job_not_ended", _INVALID),
    "NO_RECEIVER": _row(400, _INVALID, "no_receiver", _INVALID),
    # MuleRun took nothing on, so nothing was paid.
    "RATE_LIMITED": _row(429, "rate_limit_error", "rate_limit_exceeded", "rate_limit_error", repeatable=Spent.PERHAPS),
    # A failed task may have cost credits, and the same words fail the same filter again.
    "VENDOR_ERROR": _row(502, "vendor_error", "vendor_error", "api_error", repeatable=None),
    "UPSTREAM_REFUSED": _row(400, _INVALID, "upstream_refused", _INVALID),
    "UPSTREAM_UNAVAILABLE": _row(502, "upstream_error", "upstream_unavailable", "api_error"),
    "DEADLINE_EXCEEDED": _row(504, "timeout_error", "deadline_exceeded", "timeout_error"),
    "SUBMISSION_UNCERTAIN": _row(502, "upstream_error", "submission_uncertain", "api_error", repeatable=None),
    # Nothing is submitted before it is written down, so nothing was paid.
    "STORE_UNAVAILABLE": _row(503, "server_error", "store_unavailable", "api_error", repeatable=Spent.PERHAPS, retry_after=1),
    "UNSUPPORTED": _row(400, _INVALID, "unsupported", _INVALID),
    "DRAINING": _row(503, "server_error", "draining", "overloaded_error", repeatable=Spent.PERHAPS, retry_after=1),
    "INTERNAL": _row(500, "server_error", "internal_error", "api_error"),
    # From here on: what the shim itself has to say. The core was not reached, so the call never began.
    "CORE_UNREACHABLE": _row(503, "server_error", "core_unreachable", "api_error", repeatable=Spent.PERHAPS, retry_after=1),
    # The line to the core broke in the middle of the call; what it had begun is not known.
    "CORE_LOST": _row(503, "server_error", "core_lost", "api_error", retry_after=1),
    "NO_SUCH_PATH": _row(404, _INVALID, "not_found", "not_found_error"),
    "METHOD_NOT_ALLOWED": _row(405, _INVALID, "method_not_allowed", _INVALID),
    "RANGE_NOT_SATISFIABLE": _row(416, _INVALID, "range_not_satisfiable", _INVALID),
}
"""By name of an ErrorReason of the contract without its prefix, and of the shim's own reasons."""

_OVERLOADED: Final = "529"
_BESIDE: Final = "extra."
"""The status with which Anthropic says that it is overloaded."""


class Failure(Exception):
    """A call that failed, in words for its caller; holds no secrets and no text of foreign exceptions."""

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        param: str | None = None,
        retry_after: float | None = None,
        metadata: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        spent: Spent = Spent.NOTHING,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.param = param
        """The field that is wrong, by the caller's name for it."""
        self.retry_after = retry_after
        """Seconds."""
        self.metadata = dict(metadata or {})
        """What the core tells beside: `job_id`, `vendor_code`, `upstream_status`."""
        self.headers = dict(headers or {})
        """Headers that this failure alone needs, as `allow`."""
        self.spent = spent

    def about(self, job_id: str, *, spent: Spent) -> "Failure":
        """The same failure of a call that had made a job by then."""
        return Failure(
            self.reason,
            self.message,
            param=self.param,
            metadata={**self.metadata, "job_id": job_id},
            headers=self.headers,
            spent=spent,
        )

    def renamed(self, names: Mapping[str, str]) -> "Failure":
        """The same failure with the contract's field in the caller's word, where the two differ.

        What is in the contract's `extra` stands beside all other fields in a caller's body.
        """
        field = self.param or ""
        param = names.get(field) or field.removeprefix(_BESIDE)
        if param == field:
            return self
        message = param + self.message.removeprefix(field) if self.message.startswith(f"{field}:") else self.message
        return Failure(
            self.reason,
            message,
            param=param,
            retry_after=self.retry_after,
            metadata=self.metadata,
            headers=self.headers,
            spent=self.spent,
        )


def row_of(failure: Failure) -> Row:
    """The row of a failure; a reason that this shim does not know is a fault of the gateway."""
    return ROWS.get(failure.reason, ROWS["INTERNAL"])


def document(failure: Failure, dialect: Dialect, request_id: str) -> dict[str, Any]:
    """The failure as JSON in the caller's dialect."""
    row = row_of(failure)
    if dialect is Dialect.ANTHROPIC:
        overloaded = failure.metadata.get("upstream_status") == _OVERLOADED
        kind = "overloaded_error" if overloaded else row.anthropic
        return {"type": "error", "error": {"type": kind, "message": failure.message}, "request_id": request_id}
    code = failure.metadata.get("vendor_code") or row.code
    return {"error": {"message": failure.message, "type": row.type, "param": failure.param or row.param, "code": code}}


def headers(failure: Failure) -> dict[str, str]:
    """What the failure says in headers: when to come back, whether at all, and which job goes on."""
    row = row_of(failure)
    found = dict(failure.headers)
    may_repeat = row.repeatable is not None and failure.spent <= row.repeatable
    if (row.status in {408, 409, 429} or row.status >= 500) and not may_repeat:
        found["x-should-retry"] = "false"
    wait = row.retry_after if failure.retry_after is None else failure.retry_after
    if wait is not None and may_repeat:
        found["retry-after"] = str(max(1, math.ceil(wait)))
    if row.status == 401:
        found["www-authenticate"] = "Bearer"
    if job_id := failure.metadata.get("job_id"):
        found["x-cli2api-job-id"] = job_id
    return found

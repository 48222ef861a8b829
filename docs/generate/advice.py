"""What a caller does about each reason of failure: the one part of docs/errors.md that no other table has."""

from collections.abc import Mapping
from typing import Final

ADVICE: Final[Mapping[str, str]] = {
    "INVALID_REQUEST": "Mend the fields that the violations (REST: `param`) name.",
    "REQUEST_TOO_LARGE": "Send less, or a link in place of the bytes; the operator can raise `CLI2API_MAX_BODY`.",
    "INVALID_API_KEY": "Present one of the gateway's keys: `authorization: Bearer <key>` or `x-api-key: <key>`.",
    "UPSTREAM_CREDENTIAL": "Tell the operator: `mulerun login`, or another `MULERUN_TOKEN`. Your own key is good.",
    "BILLING": "Tell the operator: the MuleRun account needs credits.",
    "MODEL_NOT_FOUND": "Take a model of `ListModels`; the message names the nearest ones.",
    "MODEL_UNRESOLVED": "Take a model of `ListModels`, or let the operator set the alias in `CLI2API_MODEL_ALIASES`.",
    "JOB_NOT_FOUND": "Look whether the id is right; finished jobs are forgotten after `CLI2API_JOB_RETENTION`.",
    "JOB_NOT_ENDED": "Wait for the job (`WaitJob`, `WatchJob`), then ask again.",
    "ASSET_NOT_READY": "Wait for the job (`WaitJob`, `WatchJob`), then ask again; a failed job has no file.",
    "ASSET_GONE": "Nothing brings it back: fetch files soon after the job is done, or keep copies (`CLI2API_ASSET_STORE`).",
    "IDEMPOTENCY_CONFLICT": "Take a new `request_id` (`Idempotency-Key`) for a new request.",
    "RATE_LIMITED": "Wait as long as `RetryInfo` (`Retry-After`) says, then try again, and send less at a time.",
    "VENDOR_ERROR": "Read `vendor_code`; change the words where a filter refused them, or take another model.",
    "UPSTREAM_REFUSED": "Read the message: it is MuleRun's own; `upstream_status` has its HTTP status.",
    "UPSTREAM_UNAVAILABLE": "Try again; media with the same `request_id`, so that nothing is paid twice.",
    "DEADLINE_EXCEEDED": "Where `job_id` is set, wait for that job instead of asking anew. Give the next call longer.",
    "SUBMISSION_UNCERTAIN": "Look at MuleRun's own bill before you ask anew: the task may have been paid for.",
    "STORE_UNAVAILABLE": "Try again: nothing was submitted. If it stays, the operator looks after the job store.",
    "UNSUPPORTED": "Take the method or the model that the message names.",
    "DRAINING": "Try again: another gateway, or this one after its restart, takes the call.",
    "NO_RECEIVER": "Tell the operator: `CLI2API_NOTIFY_URL` is not set, so there is nobody to tell.",
    "INTERNAL": "Give the operator the request id; the log has the rest.",
    "CORE_UNREACHABLE": "Try again: the call never began.",
    "CORE_LOST": "Look at `GET /v1/jobs` first: what the call had begun goes on.",
    "NO_SUCH_PATH": "Paths begin with `/v1` exactly once; `GET /openapi.json` lists them.",
    "METHOD_NOT_ALLOWED": "Take a method that the header `Allow` names.",
    "RANGE_NOT_SATISFIABLE": "Ask for a range inside of the file; `Content-Range` has its size.",
}
"""By reason; those from CORE_UNREACHABLE on are the edge's own and never come over gRPC."""

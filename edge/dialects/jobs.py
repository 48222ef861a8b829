"""Jobs in the shape of OpenAI's videos: what clips and songs have in common from their beginning to their end."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from cli2api.v1 import job_pb2

from edge.dialects.fields import WrongField

PAGE_WORDS: Final[Mapping[str, str]] = {"after_id": "after", "page_size": "limit"}
"""The contract's field names of a page that this dialect calls otherwise."""
MOST: Final = 100
ORDERS: Final[Mapping[str, job_pb2.ListOrder.ValueType]] = {
    "desc": job_pb2.LIST_ORDER_NEWEST,
    "asc": job_pb2.LIST_ORDER_OLDEST,
}
_STATUS: Final[Mapping[int, str]] = {
    job_pb2.JOB_STATE_SUBMITTING: "queued",
    job_pb2.JOB_STATE_QUEUED: "queued",
    job_pb2.JOB_STATE_RUNNING: "in_progress",
    job_pb2.JOB_STATE_SUCCEEDED: "completed",
    job_pb2.JOB_STATE_FAILED: "failed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Noun:
    """One kind of job, as its callers know it."""

    kind: job_pb2.JobKind.ValueType
    word: str
    """In sentences and in `object`."""
    path: str
    show: Callable[[job_pb2.Job], dict[str, Any]]
    extras: Mapping[str, job_pb2.AssetKind.ValueType] = field(default_factory=dict)
    """Variants of the content beside the thing itself, and the kind of asset that each is."""


def page(query: Mapping[str, str], kind: job_pb2.JobKind.ValueType) -> job_pb2.ListJobsRequest:
    """What the query of a list asks for. Raises WrongField."""
    limit = query.get("limit", "20")
    if not (limit.isascii() and limit.isdecimal() and len(limit) <= len(str(MOST)) and 1 <= int(limit) <= MOST):
        raise WrongField("limit", f"takes a whole number from 1 to {MOST}")
    order = query.get("order", "desc")
    if order not in ORDERS:
        raise WrongField("order", 'takes "asc" or "desc"')
    return job_pb2.ListJobsRequest(page_size=int(limit), kinds=[kind], order=ORDERS[order], after_id=query.get("after", ""))


def status(job: job_pb2.Job) -> str:
    """One of the four words that OpenAI's SDKs know."""
    return _STATUS.get(job.state, "queued")


def is_terminal(job: job_pb2.Job) -> bool:
    """Nothing about it changes any more."""
    return job.state in {job_pb2.JOB_STATE_SUCCEEDED, job_pb2.JOB_STATE_FAILED}


def course(job: job_pb2.Job) -> dict[str, Any]:
    """The fields that tell how a job goes."""
    return {
        "model": job.model,
        "status": status(job),
        "progress": job.progress,
        "created_at": job.create_time.seconds,
        "completed_at": job.complete_time.seconds if job.HasField("complete_time") else None,
        "expires_at": job.expire_time.seconds if job.HasField("expire_time") else None,
        "prompt": job.prompt or None,
        "error": _error(job.failure) if job.state == job_pb2.JOB_STATE_FAILED else None,
    }


def asset_index(noun: Noun, job: job_pb2.Job, variant: str) -> int | None:
    """Which asset of a succeeded job is that variant; None where there is none."""
    extra = noun.extras.get(variant)
    if extra is None and variant != noun.word:
        return None
    beside = frozenset(noun.extras.values())
    fits = [asset.kind == extra if extra is not None else asset.kind not in beside for asset in job.assets]
    return fits.index(True) if True in fits else None


def listing(jobs: Sequence[job_pb2.Job], noun: Noun, *, has_more: bool) -> dict[str, Any]:
    """A page of them."""
    return {
        "object": "list",
        "data": [noun.show(job) for job in jobs],
        "first_id": jobs[0].id if jobs else None,
        "last_id": jobs[-1].id if jobs else None,
        "has_more": has_more,
    }


def deleted(job_id: str, noun: Noun) -> dict[str, Any]:
    """What a deleted one leaves behind."""
    return {"id": job_id, "deleted": True, "object": f"{noun.word}.deleted"}


def _error(failure: job_pb2.JobFailure) -> dict[str, str]:
    code = failure.vendor_code or failure.reason.lower() or "unknown"
    return {"code": code, "message": failure.message or "the upstream gave no reason"}

"""OpenAI's videos: a body or form to CreateVideoRequest, and jobs back to Video objects."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from cli2api.v1 import job_pb2, media_pb2

from edge.dialects.fields import Fields, WrongField

CALLERS_WORDS: Final[Mapping[str, str]] = {
    "first_frame": "input_reference",
    "after_id": "after",
    "page_size": "limit",
    "request_id": "idempotency-key",
}
"""The contract's field names that this dialect calls otherwise."""

DEFAULT_MODEL: Final = "sora-2"
"""What OpenAI's API means by a request without a model."""

_STATUS: Final[Mapping[int, str]] = {
    job_pb2.JOB_STATE_SUBMITTING: "queued",
    job_pb2.JOB_STATE_QUEUED: "queued",
    job_pb2.JOB_STATE_RUNNING: "in_progress",
    job_pb2.JOB_STATE_SUCCEEDED: "completed",
    job_pb2.JOB_STATE_FAILED: "failed",
}
_ORDERS: Final[Mapping[str, job_pb2.ListOrder.ValueType]] = {
    "desc": job_pb2.LIST_ORDER_NEWEST,
    "asc": job_pb2.LIST_ORDER_OLDEST,
}
_MOST: Final = 100


def create(body: Mapping[str, Any], idempotency_key: str, *, form: bool) -> media_pb2.CreateVideoRequest:
    """What a body of POST /v1/videos asks for. Raises WrongField."""
    fields = Fields(body, form=form)
    request = media_pb2.CreateVideoRequest(
        model=fields.text("model") or DEFAULT_MODEL,
        prompt=fields.text("prompt"),
        seconds=fields.seconds("seconds"),
        size=fields.text("size"),
        aspect_ratio=fields.text("aspect_ratio"),
        resolution=fields.text("resolution"),
        first_frame=fields.media("input_reference", "first_frame", "image"),
        last_frame=fields.media("last_frame"),
        reference_images=fields.medias("reference_images", "images"),
        video=fields.media("video"),
        negative_prompt=fields.text("negative_prompt"),
        seed=fields.whole("seed", bits=64),
        generate_audio=fields.flag("generate_audio"),
        request_id=idempotency_key,
    )
    request.extra.CopyFrom(fields.rest())
    return request


def page(query: Mapping[str, str]) -> job_pb2.ListJobsRequest:
    """What a query of GET /v1/videos asks for. Raises WrongField."""
    limit = query.get("limit", "20")
    if not (limit.isascii() and limit.isdecimal() and len(limit) <= len(str(_MOST)) and 1 <= int(limit) <= _MOST):
        raise WrongField("limit", f"takes a whole number from 1 to {_MOST}")
    order = query.get("order", "desc")
    if order not in _ORDERS:
        raise WrongField("order", 'takes "asc" or "desc"')
    return job_pb2.ListJobsRequest(
        page_size=int(limit), kinds=[job_pb2.JOB_KIND_VIDEO], order=_ORDERS[order], after_id=query.get("after", "")
    )


def status(job: job_pb2.Job) -> str:
    """One of the four words that OpenAI's SDKs know."""
    return _STATUS.get(job.state, "queued")


def is_terminal(job: job_pb2.Job) -> bool:
    """Nothing about it changes any more."""
    return job.state in {job_pb2.JOB_STATE_SUCCEEDED, job_pb2.JOB_STATE_FAILED}


def video(job: job_pb2.Job) -> dict[str, Any]:
    """OpenAI's Video object; a finished one has the links in `videos` beside."""
    shown: dict[str, Any] = {
        "id": job.id,
        "object": "video",
        "model": job.model,
        "status": status(job),
        "progress": job.progress,
        "created_at": job.create_time.seconds,
        "completed_at": job.complete_time.seconds if job.HasField("complete_time") else None,
        "expires_at": job.expire_time.seconds if job.HasField("expire_time") else None,
        "prompt": job.prompt or None,
        "size": job.size,
        "seconds": job.seconds,
        "remixed_from_video_id": job.remix_of_id or None,
        "error": _error(job.failure) if job.state == job_pb2.JOB_STATE_FAILED else None,
    }
    if job.state == job_pb2.JOB_STATE_SUCCEEDED:
        shown["videos"] = [asset.url for asset in job.assets]
    return shown


def listing(jobs: Sequence[job_pb2.Job], *, has_more: bool) -> dict[str, Any]:
    """A page of Video objects."""
    return {
        "object": "list",
        "data": [video(job) for job in jobs],
        "first_id": jobs[0].id if jobs else None,
        "last_id": jobs[-1].id if jobs else None,
        "has_more": has_more,
    }


def deleted(job_id: str) -> dict[str, Any]:
    """What a deleted video leaves behind."""
    return {"id": job_id, "deleted": True, "object": "video.deleted"}


def _error(failure: job_pb2.JobFailure) -> dict[str, str]:
    code = failure.vendor_code or failure.reason.lower() or "unknown"
    return {"code": code, "message": failure.message or "the upstream gave no reason"}

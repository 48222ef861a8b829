"""Job <-> row, pure. What is a word or a number is a column of its own; what is a list or an object is JSON text."""

import json
from collections.abc import Collection
from dataclasses import asdict
from typing import Any, Final, Protocol, TypeAlias

from services.domain.job import Asset, AssetKind, Job, JobFailure, JobQuery, JobState
from services.domain.model import ModelKind

Value: TypeAlias = str | int | float | None


class Row(Protocol):
    """What a driver gives for a row: columns by name."""

    def __getitem__(self, column: str, /) -> Any:
        """The value of the column."""


PLAIN: Final = (
    "id",
    "model",
    "path",
    "created_at",
    "updated_at",
    "task_id",
    "progress",
    "prompt",
    "size",
    "seconds",
    "description",
    "caller",
    "request_id",
    "fingerprint",
    "remix_of_id",
    "completed_at",
    "expires_at",
    "poll_at",
    "polls",
    "poll_errors",
    "poll_errors_since",
    "notify_at",
    "notify_tries",
    "revision",
)
"""Fields that a column holds as they are."""


def to_row(job: Job) -> dict[str, Value]:
    """The columns of a job, without its lease."""
    plain: dict[str, Value] = {name: getattr(job, name) for name in PLAIN}
    return plain | {
        "kind": job.kind.value,
        "state": job.state.value,
        "settings": _json(job.settings),
        "assets": _json([asdict(asset) for asset in job.assets]),
        "failure": _json(asdict(job.failure)) if job.failure else None,
    }


def from_row(row: Row) -> Job:
    """The job of a row; columns that are not the job's are passed over."""
    failure = row["failure"]
    return Job(
        kind=ModelKind(row["kind"]),
        state=JobState(row["state"]),
        settings=json.loads(row["settings"]),
        assets=tuple(Asset(**asset | {"kind": AssetKind(asset["kind"])}) for asset in json.loads(row["assets"])),
        failure=JobFailure(**json.loads(failure)) if failure is not None else None,
        **{name: row[name] for name in PLAIN},
    )


def page_row(query: JobQuery) -> dict[str, Value]:
    """What the page queries bind. Without a job to start after, a page starts beyond every time."""
    created_at, job_id = query.after or ((float("-inf"), "") if query.oldest_first else (float("inf"), ""))
    return {
        "limit": query.limit,
        "kinds": _json(sorted(query.kinds)),
        "states": _json(sorted(query.states)),
        "model": query.model,
        "caller": query.caller,
        "after_created_at": created_at,
        "after_id": job_id,
    }


def names_row(names: Collection[str]) -> str:
    """A list of names as the queries bind it."""
    return _json(sorted(names))


def _json(value: object) -> str:
    return json.dumps(value, default=dict, ensure_ascii=False, separators=(",", ":"))

"""How jobs are shown: tables and lines for people, JSON for programs. Pure."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from cli2api.v1 import job_pb2
from google.protobuf.json_format import MessageToDict
from google.protobuf.timestamp_pb2 import Timestamp

_KIND: Final = "JOB_KIND_"
_STATE: Final = "JOB_STATE_"
_PROMPT: Final = 48
"""Letters of a prompt in a table."""

KINDS: Final = {name.removeprefix(_KIND).lower(): number for name, number in job_pb2.JobKind.items() if number}
STATES: Final = {name.removeprefix(_STATE).lower(): number for name, number in job_pb2.JobState.items() if number}


def kind(job: job_pb2.Job) -> str:
    """The kind as people say it."""
    return job_pb2.JobKind.Name(job.kind).removeprefix(_KIND).lower()


def state(job: job_pb2.Job) -> str:
    """The state as people say it."""
    return job_pb2.JobState.Name(job.state).removeprefix(_STATE).lower()


def document(job: job_pb2.Job) -> dict[str, Any]:
    """The job as proto3 JSON with the contract's own names; 64-bit numbers are strings there."""
    return MessageToDict(job, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


def as_json(value: object, *, lines: bool = False) -> str:
    """JSON, on one line where `lines`."""
    return json.dumps(value, ensure_ascii=False, indent=None if lines else 2)


def table(jobs: Iterable[job_pb2.Job]) -> str:
    """A row for each job, beneath a head."""
    rows = [("ID", "KIND", "STATE", "DONE", "MODEL", "CREATED", "PROMPT")]
    for job in jobs:
        done = f"{job.progress} %"
        rows.append((job.id, kind(job), state(job), done, job.model, moment(job.create_time), cut(job.prompt, _PROMPT)))
    return "\n".join(_aligned(rows))


def sheet(job: job_pb2.Job) -> str:
    """All that is known of one job, a line for each thing; what is not known is left out."""
    facts = [
        ("id", job.id),
        ("kind", kind(job)),
        ("model", job.model),
        ("state", f"{state(job)}, {job.progress} %"),
        ("failure", failure(job)),
        ("created", moment(job.create_time)),
        ("updated", moment(job.update_time)),
        ("completed", moment(job.complete_time)),
        ("forgotten", moment(job.expire_time)),
        ("prompt", plain(job.prompt)),
        ("size", job.size),
        ("seconds", job.seconds),
        ("remix of", job.remix_of_id),
        ("request id", plain(job.request_id)),
        ("description", plain(job.description)),
        ("revision", str(job.revision)),
        *((f"asset {index}", _asset(asset)) for index, asset in enumerate(job.assets)),
    ]
    return "\n".join(_aligned([(name, told) for name, told in facts if told]))


def change(job: job_pb2.Job) -> str:
    """One change of a job."""
    return "  ".join(filter(None, (moment(job.update_time), f"{state(job):10}", f"{job.progress:3} %", failure(job))))


def failure(job: job_pb2.Job) -> str:
    """Why it failed; empty where it did not."""
    return f"{job.failure.reason}: {plain(job.failure.message)}" if job.HasField("failure") else ""


def moment(time: Timestamp) -> str:
    """A time in UTC; empty where there is none."""
    return f"{time.ToDatetime():%Y-%m-%d %H:%M:%SZ}" if time.seconds else ""


def plain(text: str) -> str:
    """A foreign text on one line, without what could steer a terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def cut(text: str, most: int) -> str:
    """The beginning of a text, of at most `most` letters."""
    text = plain(text)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _asset(asset: job_pb2.Asset) -> str:
    size = f"{asset.size_bytes:,} bytes" if asset.HasField("size_bytes") else ""
    return "  ".join(filter(None, (plain(asset.url), asset.mime_type, size)))


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]

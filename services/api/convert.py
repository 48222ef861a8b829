"""proto <-> domain for jobs, assets, models and loose values. Pure; each enum has one table, read in both directions."""

import math
from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

from cli2api.v1 import catalog_pb2, job_pb2
from google.protobuf import struct_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from services.domain import errors, job, model

_T = TypeVar("_T")

JOB_KINDS: Final[Mapping[model.ModelKind, job_pb2.JobKind.ValueType]] = {
    model.ModelKind.IMAGE: job_pb2.JOB_KIND_IMAGE,
    model.ModelKind.IMAGE_EDIT: job_pb2.JOB_KIND_IMAGE_EDIT,
    model.ModelKind.SPEECH: job_pb2.JOB_KIND_SPEECH,
    model.ModelKind.VIDEO: job_pb2.JOB_KIND_VIDEO,
    model.ModelKind.MUSIC: job_pb2.JOB_KIND_MUSIC,
}
JOB_STATES: Final[Mapping[job.JobState, job_pb2.JobState.ValueType]] = {
    job.JobState.SUBMITTING: job_pb2.JOB_STATE_SUBMITTING,
    job.JobState.QUEUED: job_pb2.JOB_STATE_QUEUED,
    job.JobState.RUNNING: job_pb2.JOB_STATE_RUNNING,
    job.JobState.SUCCEEDED: job_pb2.JOB_STATE_SUCCEEDED,
    job.JobState.FAILED: job_pb2.JOB_STATE_FAILED,
}
ASSET_KINDS: Final[Mapping[job.AssetKind, job_pb2.AssetKind.ValueType]] = {
    job.AssetKind.IMAGE: job_pb2.ASSET_KIND_IMAGE,
    job.AssetKind.VIDEO: job_pb2.ASSET_KIND_VIDEO,
    job.AssetKind.AUDIO: job_pb2.ASSET_KIND_AUDIO,
}
MODEL_KINDS: Final[Mapping[model.ModelKind, catalog_pb2.ModelKind.ValueType]] = {
    model.ModelKind.TEXT: catalog_pb2.MODEL_KIND_TEXT,
    model.ModelKind.IMAGE: catalog_pb2.MODEL_KIND_IMAGE,
    model.ModelKind.IMAGE_EDIT: catalog_pb2.MODEL_KIND_IMAGE_EDIT,
    model.ModelKind.VIDEO: catalog_pb2.MODEL_KIND_VIDEO,
    model.ModelKind.SPEECH: catalog_pb2.MODEL_KIND_SPEECH,
    model.ModelKind.MUSIC: catalog_pb2.MODEL_KIND_MUSIC,
}
_JOB_KINDS_BACK: Final[Mapping[int, model.ModelKind]] = {number: kind for kind, number in JOB_KINDS.items()}
_JOB_STATES_BACK: Final[Mapping[int, job.JobState]] = {number: state for state, number in JOB_STATES.items()}
_MODEL_KINDS_BACK: Final[Mapping[int, model.ModelKind]] = {number: kind for kind, number in MODEL_KINDS.items()}


def job_to_proto(value: job.Job) -> job_pb2.Job:
    """A job as callers see it: without the upstream's task, path and polls."""
    told = job_pb2.Job(
        id=value.id,
        kind=JOB_KINDS[value.kind],
        model=value.model,
        state=JOB_STATES[value.state],
        progress=value.progress,
        prompt=value.prompt,
        size=value.size,
        seconds=value.seconds,
        assets=[asset_to_proto(each) for each in value.assets],
        create_time=timestamp(value.created_at),
        update_time=timestamp(value.updated_at),
        revision=value.revision,
        request_id=value.request_id,
        remix_of_id=value.remix_of_id,
        description=value.description,
    )
    if value.failure:
        told.failure.CopyFrom(
            job_pb2.JobFailure(reason=value.failure.reason, message=value.failure.message, vendor_code=value.failure.vendor_code)
        )
    if value.completed_at is not None:
        told.complete_time.CopyFrom(timestamp(value.completed_at))
    if value.expires_at is not None:
        told.expire_time.CopyFrom(timestamp(value.expires_at))
    return told


def asset_to_proto(value: job.Asset) -> job_pb2.Asset:
    """An asset; what is not known stays unset."""
    told = job_pb2.Asset(kind=ASSET_KINDS[value.kind], url=value.url, mime_type=value.mime_type, size_bytes=value.size_bytes)
    if value.seconds is not None:
        told.duration.FromMicroseconds(round(value.seconds * 1e6))
    return told


def failure_of(value: job.Job) -> errors.Failure:
    """The failure that a failed job kept, ready to be raised again; its metadata names the job."""
    kept = value.failure or job.JobFailure(reason=errors.Internal.reason, message="the job failed without a reason")
    metadata = {"job_id": value.id} | ({"vendor_code": kept.vendor_code} if kept.vendor_code else {})
    return _FAILURES.get(kept.reason, errors.Internal)(kept.message, metadata=metadata)


def _born_of(family: type[errors.Failure]) -> Iterable[type[errors.Failure]]:
    for child in family.__subclasses__():
        yield child
        yield from _born_of(child)


_FAILURES: Final[Mapping[str, type[errors.Failure]]] = {each.reason: each for each in _born_of(errors.Failure)}


def model_to_proto(value: model.Model, *, aliases: Iterable[str], parameters_json: str = "") -> catalog_pb2.Model:
    """A row of the catalog under every name that it goes by."""
    return catalog_pb2.Model(
        id=value.id,
        kind=MODEL_KINDS[value.kind],
        vendor=value.vendor,
        create_time=timestamp(value.created),
        aliases=aliases,
        parameters_json=parameters_json,
        upstream_paths=value.paths,
        notes=value.notes,
    )


def job_kinds(numbers: Iterable[int]) -> frozenset[model.ModelKind]:
    """A filter's kinds; UNSPECIFIED means every kind. Raises InvalidRequest for a number without a meaning."""
    return _filter("kinds", numbers, _JOB_KINDS_BACK)


def job_states(numbers: Iterable[int]) -> frozenset[job.JobState]:
    """A filter's states; UNSPECIFIED means every state. Raises InvalidRequest for a number without a meaning."""
    return _filter("states", numbers, _JOB_STATES_BACK)


def model_kinds(numbers: Iterable[int]) -> frozenset[model.ModelKind]:
    """A filter's kinds; UNSPECIFIED means every kind. Raises InvalidRequest for a number without a meaning."""
    return _filter("kinds", numbers, _MODEL_KINDS_BACK)


def _filter(field: str, numbers: Iterable[int], table: Mapping[int, _T]) -> frozenset[_T]:
    numbers = tuple(numbers)
    unknown = [number for number in numbers if number and number not in table]
    if unknown:
        raise errors.InvalidRequest.of(errors.Violation(field, f"has no value with the number {unknown[0]}"))
    return frozenset() if 0 in numbers else frozenset(table[number] for number in numbers)


def timestamp(seconds: float) -> Timestamp:
    """A moment, from unix seconds, to the microsecond: a float of today holds no more."""
    micros = round(seconds * 1e6)
    return Timestamp(seconds=micros // 1_000_000, nanos=micros % 1_000_000 * 1000)


def json_of(struct: struct_pb2.Struct, field: str = "extra") -> dict[str, model.Json]:
    """Loose parameters. Whole numbers become integers again. Raises InvalidRequest for NaN and infinities."""
    return {key: _value(value, f"{field}.{key}") for key, value in struct.fields.items()}


def _value(value: struct_pb2.Value, field: str) -> model.Json:
    match value.WhichOneof("kind"):
        case "number_value":
            if not math.isfinite(value.number_value):
                raise errors.InvalidRequest.of(errors.Violation(field, "must be a finite number"))
            return int(value.number_value) if value.number_value.is_integer() else value.number_value
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case "struct_value":
            return json_of(value.struct_value, field)
        case "list_value":
            return [_value(each, f"{field}[{index}]") for index, each in enumerate(value.list_value.values)]
        case _:
            return None

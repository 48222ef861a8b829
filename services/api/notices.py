"""A job as the outside is told of it: the same JSON as the REST resource /v1/jobs shows. Pure."""

from collections.abc import Mapping

from google.protobuf.json_format import MessageToDict

from services.api.convert import job_to_proto
from services.domain.job import Job
from services.domain.model import Json


def job_document(job: Job) -> Mapping[str, Json]:
    """The contract's Job as proto3 JSON with the proto's names; 64-bit numbers are strings there."""
    shown: dict[str, Json] = MessageToDict(
        job_to_proto(job), preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    return shown

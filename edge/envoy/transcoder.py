"""The annotated methods of the contract as REST, through Envoy's gRPC-JSON transcoder: no Python between caller and core.

It serves those whose proto3 JSON is the promised shape. Jobs, and whatever answers with one field of its response (which this
transcoder cannot do), are the shim's: docs/decisions/0007 and 0012 tell why. A failure leaves with our four keys all the same:
the core says on request what they are made of, and a script in Envoy puts them together by the edge's own table. Pure.
"""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cli2api.v1 import catalog_pb2, gateway_pb2, media_pb2, text_pb2, usage_pb2
from google.api import annotations_pb2
from google.protobuf.descriptor import FileDescriptor, MethodDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from edge.errors import ROWS, Row, Spent
from edge.statuses import REASON_OF_CODE

WAY: Final = "x-cli2api-way"
"""Metadata by which the core learns that the caller reads JSON. Nobody outside can send it."""

_FILES: Final = (text_pb2, media_pb2, catalog_pb2, usage_pb2, gateway_pb2)
_SCRIPT: Final = Path(__file__).with_name("failures.lua")
_FILTERS: Final = "type.googleapis.com/envoy.extensions.filters.http."
_ACCESS: Final = "type.googleapis.com/envoy.extensions.access_loggers.filters."
_ON: Final = {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "config": {}}


@dataclass(frozen=True, slots=True)
class Annotated:
    """A method as its annotation has it."""

    method: MethodDescriptor
    verb: str
    path: str
    """A template, as in "/v1/catalog/models/{id=**}"."""
    picks_a_field: bool
    """Answers with one field of its response."""


def annotated(files: tuple[Any, ...] = _FILES) -> Iterator[Annotated]:
    """Every method with a google.api.http annotation."""
    for file in files:
        for service in file.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                rule = method.GetOptions().Extensions[annotations_pb2.http]
                verb = rule.WhichOneof("pattern")
                if verb:
                    yield Annotated(method, verb.upper(), getattr(rule, verb), bool(rule.response_body))


def served() -> list[Annotated]:
    """Those that go this way."""
    return [each for each in annotated() if not each.picks_a_field]


def filters(max_body: int) -> list[dict[str, Any]]:
    """The transcoder and the script that tells failures, both asleep but on `routes`. `max_body` is in bytes."""
    transcoder = {
        "@type": f"{_FILTERS}grpc_json_transcoder.v3.GrpcJsonTranscoder",
        "proto_descriptor_bin": base64.b64encode(_descriptors()).decode(),
        "services": sorted({each.method.containing_service.full_name for each in served()}),
        "match_incoming_request_route": True,
        "print_options": {"preserve_proto_field_names": True, "always_print_primitive_fields": True},
        "request_validation_options": {"reject_unknown_method": True, "reject_unknown_query_parameters": True},
        # A request is collected whole before it goes on.
        "max_request_body_size": max_body,
    }
    script = f"local rows = {_rows()}\nlocal bare = {_bare()}\n{_SCRIPT.read_text('utf-8')}"
    lua = {"@type": f"{_FILTERS}lua.v3.Lua", "default_source_code": {"inline_string": script}}
    return [
        {"name": "failures", "disabled": True, "typed_config": lua},
        {"name": "transcoder", "disabled": True, "typed_config": transcoder},
    ]


def refusals() -> list[dict[str, Any]]:
    """How Envoy tells what the transcoder itself refuses: the path, the query or the body, and why."""
    error = {"type": "invalid_request_error", "param": None, "code": "invalid_request", "message": "%LOCAL_REPLY_BODY%"}
    expression = "response.code_details.contains('grpc_json_transcode')"
    matching = {"@type": f"{_ACCESS}cel.v3.ExpressionFilter", "expression": expression}
    extension = {"name": "envoy.access_loggers.extension_filters.cel", "typed_config": matching}
    return [{"filter": {"extension_filter": extension}, "body_format_override": {"json_format": {"error": error}}}]


def routes(patience: float) -> list[dict[str, Any]]:
    """One for each method; a waited call waits `patience` seconds, and its job goes on after them."""
    return [_route(each, patience) for each in served()]


def _route(each: Annotated, patience: float) -> dict[str, Any]:
    told = {WAY: "json"}
    if each.method.full_name.endswith("Images"):
        told["grpc-timeout"] = f"{round(patience * 1000)}m"
    return {
        "match": {"path": each.path, "headers": [{"name": ":method", "string_match": {"exact": each.verb}}]},
        "route": {"cluster": "core", "timeout": "0s"},
        "request_headers_to_add": [
            {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
            for name, value in told.items()
        ],
        "typed_per_filter_config": {"failures": _ON, "transcoder": _ON},
    }


def _descriptors() -> bytes:
    """What the transcoder has to know of the contract, without the annotations that it would refuse."""
    found: dict[str, FileDescriptorProto] = {}

    def take(file: FileDescriptor) -> None:
        if file.name in found:
            return
        for each in file.dependencies:
            take(each)
        found[file.name] = written = FileDescriptorProto()
        file.CopyToProto(written)

    for each in _FILES:
        take(each.DESCRIPTOR)
    for written in found.values():
        for service in written.service:
            for method in service.method:
                if method.options.Extensions[annotations_pb2.http].response_body:
                    method.options.ClearExtension(annotations_pb2.http)
    return FileDescriptorSet(file=found.values()).SerializeToString()


def _rows() -> str:
    return "{" + ", ".join(f"{reason} = {_row(row)}" for reason, row in ROWS.items()) + "}"


def _bare() -> str:
    """What a gRPC status means that came without the core's words."""
    told = ((code.value[0], reason, message) for code, (reason, message) in REASON_OF_CODE.items())
    return "{" + ", ".join(f"[{json.dumps(str(n))}] = {{{json.dumps(r)}, {json.dumps(json.dumps(m))}}}" for n, r, m in told) + "}"


def _row(row: Row) -> str:
    # Whether the call had paid is not known here, so only what certainly cost nothing may be asked again.
    again = row.repeatable is not None and row.repeatable >= Spent.PERHAPS
    repeats = row.status in {408, 409, 429} or row.status >= 500
    words = {"status": str(row.status), "type": row.type, "code": row.code, "param": json.dumps(row.param)}
    told = ", ".join(f"{name} = {json.dumps(word)}" for name, word in words.items())
    return f"{{{told}, never = {'true' if repeats and not again else 'false'}}}"

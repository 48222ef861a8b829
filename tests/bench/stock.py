"""A data plane of Envoy's stock filters alone, as a second limit: keys, the route by the model, the credential, tokens out of
JSON and events, and a log line a call to a receiver in Python. It has nothing of what makes the direct way fit for strangers.

`python -m tests.bench.stock` is that receiver: it prints its port as one line and takes in records until it is terminated.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import grpc.aio
import uvloop
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc

from tests.bench.envoy import bootstrap, cluster, listener, router
from tests.bench.load import KEY, MODEL

_FILTERS: Final = "type.googleapis.com/envoy.extensions.filters.http"
_TOKENS: Final = (("prompt_tokens", "in"), ("completion_tokens", "out"), ("input_tokens", "in"), ("output_tokens", "out"))
_TOLD: Final = {
    "model": "%REQ(x-model)%",
    "client": "%REQ(x-client-id)%",
    "path": "%REQ(:PATH)%",
    "status": "%RESPONSE_CODE%",
    "ms": "%DURATION%",
    "bytes": "%BYTES_SENT%",
    "in": "%DYNAMIC_METADATA(usage:in)%",
    "out": "%DYNAMIC_METADATA(usage:out)%",
    "rid": "%REQ(x-request-id)%",
}


def write_stock_envoy(folder: Path, *, port: int, upstream_port: int, receiver_port: int) -> Path:
    """Writes the configuration of such an Envoy on `port`; returns its file."""
    to_upstream = {"cluster": "upstream", "timeout": "0s"}
    ours = {"name": "x-model", "string_match": {"exact": MODEL}}
    routes = [{"match": {"path": "/v1/chat/completions", "headers": [ours]}, "route": to_upstream}]
    refused = {"match": {"prefix": "/"}, "direct_response": {"status": 404}}
    manager = listener(port, [*routes, refused], [*_filters(), router()], access_log=[_log()])
    http2 = {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": {"http2_protocol_options": {}},
        }
    }
    receiver = {**cluster("receiver", receiver_port), "typed_extension_protocol_options": http2}
    secret = {"name": "credential", "generic_secret": {"secret": {"inline_string": "Bearer muk-bench"}}}
    path = folder / "stock-envoy.json"
    path.write_text(json.dumps(bootstrap([manager], [cluster("upstream", upstream_port), receiver], secrets=[secret])))
    return path


def _filters() -> Sequence[Mapping[str, object]]:
    into = [({"selectors": [{"key": "usage"}, {"key": name}], **_noted(key)}) for name, key in _TOKENS]
    events = {"name": "envoy.content_parsers.json", "typed_config": _parser([{"rule": each} for each in into])}
    credential = {
        "@type": "type.googleapis.com/envoy.extensions.http.injected_credentials.generic.v3.Generic",
        "credential": {"name": "credential"},
        "header": "authorization",
    }
    model = {"header": {"key": "x-model", "value": "%REQUEST_BODY(model)%"}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
    return (
        _filter(
            "api_key_auth.v3.ApiKeyAuth",
            credentials=[{"key": KEY, "client": "bench"}],
            key_sources=[{"header": "Authorization"}, {"header": "x-api-key"}],
            forwarding={"header": "x-client-id", "hide_credentials": True},
        ),
        _filter("buffer.v3.Buffer", max_request_bytes=1_000_000),
        _filter(
            "transform.v3.TransformConfig",
            clear_route_cache=True,
            request_transformation={"headers_mutations": [{"append": model}]},
        ),
        _filter("sse_to_metadata.v3.SseToMetadata", response_rules={"max_event_size": 1 << 20, "content_parser": events}),
        _filter("json_to_metadata.v3.JsonToMetadata", response_rules={"rules": into}),
        _filter(
            "credential_injector.v3.CredentialInjector",
            overwrite=True,
            credential={"name": "envoy.http.injected_credentials.generic", "typed_config": credential},
        ),
    )


def _filter(kind: str, **config: object) -> Mapping[str, object]:
    return {"name": kind.partition(".")[0], "typed_config": {"@type": f"{_FILTERS}.{kind}", **config}}


def _parser(rules: Sequence[Mapping[str, object]]) -> Mapping[str, object]:
    return {"@type": "type.googleapis.com/envoy.extensions.content_parsers.json.v3.JsonContentParser", "rules": rules}


def _noted(key: str) -> Mapping[str, object]:
    return {"on_present": {"metadata_namespace": "usage", "key": key, "type": "NUMBER"}}


def _log() -> Mapping[str, object]:
    kind = "type.googleapis.com/envoy.extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig"
    values = [{"key": key, "value": {"string_value": value}} for key, value in _TOLD.items()]
    return {
        "name": "envoy.access_loggers.open_telemetry",
        "typed_config": {
            "@type": kind,
            "grpc_service": {"envoy_grpc": {"cluster_name": "receiver"}},
            "log_name": "usage",
            "disable_builtin_labels": True,
            "buffer_flush_interval": "1s",
            "buffer_size_bytes": 65536,
            "attributes": {"values": values},
        },
    }


class _Receiver(logs_service_pb2_grpc.LogsServiceServicer):
    """Reads every record once, and forgets it."""

    async def Export(  # noqa: N802
        self, request: logs_service_pb2.ExportLogsServiceRequest, context: "grpc.aio.ServicerContext[object, object]"
    ) -> logs_service_pb2.ExportLogsServiceResponse:
        del context
        for resource in request.resource_logs:
            for scope in resource.scope_logs:
                for record in scope.log_records:
                    {each.key: each.value.string_value for each in record.attributes}
        return logs_service_pb2.ExportLogsServiceResponse()


async def _serve() -> None:
    server = grpc.aio.server()
    logs_service_pb2_grpc.add_LogsServiceServicer_to_server(_Receiver(), server)  # type: ignore[no-untyped-call]
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_serve())

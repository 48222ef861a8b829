"""Envoy's share of a trace: it takes the caller's `traceparent`, or begins a trace, and hands its own span on. Pure.

What is read are OpenTelemetry's standard variables, as core and edge read them, so that one setting serves all parts.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from edge.envoy.address import Tcp, to_envoy
from edge.tracing import ENDPOINTS, is_asked_for

CLUSTER: Final = "traces"
_PORT: Final = 4317
_CERTIFICATES: Final = "/etc/ssl/certs/ca-certificates.crt"
_SAMPLERS: Final = ("always_on", "always_off", "traceidratio")
_OF_DIRECT_CALLS: Final[tuple[dict[str, Any], ...]] = tuple(
    {"tag": tag, "metadata": {"kind": {kind: {}}, "metadata_key": {"key": key, "path": [{"key": name}]}}}
    for tag, kind, key, name in (
        ("gen_ai.operation.name", "route", "gen_ai", "operation"),
        ("gen_ai.provider.name", "route", "gen_ai", "provider"),
        ("gen_ai.request.model", "request", "cli2api", "model"),
    )
)
"""For calls that have no other span than Envoy's. On spans of calls that the edge serves there is at most the model."""
_FLUSH_MS: Final = "5000"
"""How long spans wait for others, as the library of core and edge has it."""


class BadCollector(ValueError):
    """A variable of OpenTelemetry that cannot be used; the message names it and what it takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collector:
    """Where spans go, and how many."""

    address: Tcp
    encrypted: bool
    certificates: str
    """File of those that the collector's is checked against."""
    service: str
    percent: float
    """Of the traces that begin here; who comes with a trace has decided already."""
    headers: tuple[tuple[str, str], ...]
    flush_ms: int


def collector(environ: Mapping[str, str]) -> Collector | None:
    """What the environment asks for; None where nothing is traced. Raises BadCollector."""
    if not is_asked_for(environ):
        return None
    name = next(name for name in ENDPOINTS if environ.get(name, "").strip())
    endpoint = environ[name].strip()
    try:
        parts = urlsplit(endpoint if "://" in endpoint else f"http://{endpoint}")
        # A word alone is a mistake more often than a host.
        host, port = (parts.hostname or "") if "://" in endpoint or parts.port else "", parts.port or _PORT
    except ValueError:
        host, port = "", 0
    if not host or parts.scheme not in {"http", "https"}:
        raise BadCollector(f'{name} is "{endpoint}": takes http://host:4317 or https://host:4317, where OTLP is spoken by gRPC')
    protocol = environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or environ.get("OTEL_EXPORTER_OTLP_PROTOCOL") or "grpc"
    if protocol != "grpc":
        raise BadCollector(f'OTEL_EXPORTER_OTLP_PROTOCOL is "{protocol}": takes grpc, by which this gateway speaks to collectors')
    return Collector(
        address=Tcp(host, port),
        encrypted=parts.scheme == "https",
        certificates=environ.get("OTEL_EXPORTER_OTLP_CERTIFICATE", "").strip() or _CERTIFICATES,
        service=f"{environ.get('OTEL_SERVICE_NAME', '').strip() or 'cli2api'}-envoy",
        percent=_percent(environ),
        headers=tuple(_headers(environ)),
        flush_ms=_flush_ms(environ),
    )


def fit(config: dict[str, Any], found: Collector) -> None:
    """Puts tracing into a configuration that the template gave."""
    for listener in config["static_resources"]["listeners"]:
        connections = listener["filter_chains"][0]["filters"][0]["typed_config"]
        connections["tracing"] = _tracing(found)
        for log in connections.get("access_log", ()):
            log["typed_config"]["log_format"]["json_format"]["trace_id"] = "%TRACE_ID%"
    config["static_resources"]["clusters"].append(_cluster(found))
    layer = {"tracing": {"opentelemetry": {"flush_interval_ms": found.flush_ms, "min_flush_spans": 64}}}
    layers = config.setdefault("layered_runtime", {}).setdefault("layers", [])
    layers.append({"name": "tracing", "static_layer": layer})


def _tracing(found: Collector) -> dict[str, object]:
    service: dict[str, object] = {"envoy_grpc": {"cluster_name": CLUSTER}, "timeout": "10s"}
    if found.headers:
        service["initial_metadata"] = [{"key": name, "value": value} for name, value in found.headers]
    return {
        "provider": {
            "name": "envoy.tracers.opentelemetry",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig",
                "grpc_service": service,
                "service_name": found.service,
            },
        },
        "random_sampling": {"value": found.percent},
        "custom_tags": [{"tag": "cli2api.request_id", "request_header": {"name": "x-request-id"}}, *_OF_DIRECT_CALLS],
    }


def _cluster(found: Collector) -> dict[str, Any]:
    endpoint = {"endpoint": {"address": to_envoy(found.address)}}
    cluster: dict[str, Any] = {
        "name": CLUSTER,
        "type": "STATIC" if found.address.is_number else "STRICT_DNS",
        "connect_timeout": "2s",
        "load_assignment": {"cluster_name": CLUSTER, "endpoints": [{"lb_endpoints": [endpoint]}]},
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {"http2_protocol_options": {}},
            }
        },
    }
    if found.encrypted:
        cluster["transport_socket"] = {
            "name": "envoy.transport_sockets.tls",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
                "sni": found.address.host,
                "common_tls_context": {
                    "alpn_protocols": ["h2"],
                    "validation_context": {
                        "trusted_ca": {"filename": found.certificates},
                        "match_typed_subject_alt_names": [{"san_type": "DNS", "matcher": {"exact": found.address.host}}],
                    },
                },
            },
        }
    return cluster


def _percent(environ: Mapping[str, str]) -> float:
    sampler = environ.get("OTEL_TRACES_SAMPLER", "").strip().removeprefix("parentbased_") or "always_on"
    if sampler not in _SAMPLERS:
        raise BadCollector(
            f'OTEL_TRACES_SAMPLER is "{sampler}": takes {", ".join(_SAMPLERS)}, or one of these with parentbased_ before it'
        )
    if sampler != "traceidratio":
        return 100.0 if sampler == "always_on" else 0.0
    share = environ.get("OTEL_TRACES_SAMPLER_ARG", "").strip() or "1"
    try:
        ratio = float(share)
    except ValueError:
        ratio = -1.0
    if not 0 <= ratio <= 1:
        raise BadCollector(f'OTEL_TRACES_SAMPLER_ARG is "{share}": takes a number from 0 to 1')
    return ratio * 100


def _flush_ms(environ: Mapping[str, str]) -> int:
    told = environ.get("OTEL_BSP_SCHEDULE_DELAY", "").strip() or _FLUSH_MS
    if not told.isascii() or not told.isdigit() or not int(told):
        raise BadCollector(f'OTEL_BSP_SCHEDULE_DELAY is "{told}": takes milliseconds')
    return int(told)


def _headers(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    told = environ.get("OTEL_EXPORTER_OTLP_TRACES_HEADERS") or environ.get("OTEL_EXPORTER_OTLP_HEADERS") or ""
    for pair in filter(None, map(str.strip, told.split(","))):
        name, _, value = pair.partition("=")
        yield unquote(name.strip()).lower(), unquote(value.strip())

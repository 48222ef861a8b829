"""What OpenTelemetry's variables mean for Envoy, and that without them nothing of tracing is even imported."""

import subprocess
import sys

import pytest

from edge.envoy.address import Tcp
from edge.envoy.tracing import BadCollector, Collector, collector

HERE = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4317"}


def found(**more: str) -> Collector:
    collected = collector(HERE | more)
    assert collected is not None
    return collected


def test_without_a_collector_nothing_is_traced() -> None:
    assert collector({}) is None
    assert collector({"OTEL_EXPORTER_OTLP_ENDPOINT": " "}) is None
    assert collector(HERE | {"OTEL_SDK_DISABLED": "true"}) is None
    assert collector(HERE | {"OTEL_TRACES_EXPORTER": "none"}) is None


@pytest.mark.parametrize(
    ("endpoint", "address", "encrypted"),
    [
        ("http://127.0.0.1:4317", Tcp("127.0.0.1", 4317), False),
        ("https://otel.test", Tcp("otel.test", 4317), True),
        ("otel.test:55680", Tcp("otel.test", 55680), False),
        ("http://[::1]:4317", Tcp("::1", 4317), False),
    ],
)
def test_the_endpoint_is_read_as_the_library_reads_it(endpoint: str, address: Tcp, encrypted: bool) -> None:
    told = found(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=endpoint)
    assert (told.address, told.encrypted) == (address, encrypted)


def test_the_name_the_headers_and_the_share_are_taken() -> None:
    told = found(
        OTEL_SERVICE_NAME="mules",
        OTEL_EXPORTER_OTLP_HEADERS="x-key=a%20b, X-Tenant=one",
        OTEL_TRACES_SAMPLER="parentbased_traceidratio",
        OTEL_TRACES_SAMPLER_ARG="0.25",
    )
    assert told.service == "mules-envoy"
    assert told.headers == (("x-key", "a b"), ("x-tenant", "one"))
    assert told.percent == 25.0
    assert found().percent == 100.0
    assert found(OTEL_TRACES_SAMPLER="always_off").percent == 0.0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "ftp://otel.test"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://otel.test:port"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "httpx://otel.test"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "foo"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_TRACES_SAMPLER", "sometimes"),
        ("OTEL_TRACES_SAMPLER_ARG", "2"),
        ("OTEL_BSP_SCHEDULE_DELAY", "soon"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named_with_what_it_takes(name: str, value: str) -> None:
    sampler = {"OTEL_TRACES_SAMPLER": "traceidratio"} if name == "OTEL_TRACES_SAMPLER_ARG" else {}
    with pytest.raises(BadCollector) as refused:
        collector(HERE | sampler | {name: value})
    assert str(refused.value).startswith(f'{name} is "{value}": t')


@pytest.mark.parametrize("module", ["services.server", "edge.server"])
def test_without_it_the_library_is_not_imported(module: str) -> None:
    kinds = ("opentelemetry.sdk", "opentelemetry.exp")
    code = f"import sys, {module}; print([name for name in sys.modules if name.startswith({kinds})])"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"

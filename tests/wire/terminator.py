"""A MuleRun that is reached by TLS: an Envoy of the test's own before a scripted host, which tells it how each call came in."""

import asyncio
import json
import signal
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from cli import ports
from cli.child import Child
from cli.journal import Journal
from cli.parts import envoy_part
from cli.readiness import is_listening, until

_KINDS = "type.googleapis.com/envoy.extensions"
TOLD = {"x-came-by": "%PROTOCOL%", "x-came-to": "%REQUESTED_SERVER_NAME%", "x-came-in": "%CONNECTION_ID%"}
"""What the host behind it sees of each call: its protocol, the name that the handshake asked for, and the connection."""


@asynccontextmanager
async def terminating(folder: Path, upstream: str, certificate: Path, key: Path, *, speaks: Sequence[str]) -> AsyncGenerator[int]:
    """Takes TLS with that certificate and one of the protocols, named as ALPN does, and passes calls on; yields its port."""
    lines: list[bytes] = []
    with ports.held("127.0.0.1", 0, setting="") as address:
        config = folder / "terminator.json"
        config.write_text(json.dumps(_config(address.port, urlsplit(upstream).port or 0, certificate, key, speaks)))
    child = Child(envoy_part(config, log_level="info", drain_seconds=1), journal=Journal(lines.append))
    keeping = asyncio.create_task(child.keep())
    try:
        await until(lambda: is_listening(address))
        yield address.port
    finally:
        child.retire(signal.SIGKILL)
        await keeping


def _config(port: int, upstream_port: int, certificate: Path, key: Path, speaks: Sequence[str]) -> dict[str, object]:
    headers = [{"header": {"key": name, "value": value}} for name, value in TOLD.items()]
    manager = {
        "@type": f"{_KINDS}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "terminator",
        "generate_request_id": False,
        "http_filters": [
            {"name": "envoy.filters.http.router", "typed_config": {"@type": f"{_KINDS}.filters.http.router.v3.Router"}}
        ],
        "route_config": {
            "request_headers_to_add": headers,
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "upstream", "timeout": "0s"}}],
                }
            ],
        },
    }
    files = {"certificate_chain": {"filename": str(certificate)}, "private_key": {"filename": str(key)}}
    context = {"alpn_protocols": [*speaks], "tls_certificates": [files]}
    kind = f"{_KINDS}.transport_sockets.tls.v3.DownstreamTlsContext"
    listener = {
        "name": "tls",
        "address": _address(port),
        # It reads the name that is asked for before the handshake is through.
        "listener_filters": [
            {
                "name": "envoy.filters.listener.tls_inspector",
                "typed_config": {"@type": f"{_KINDS}.filters.listener.tls_inspector.v3.TlsInspector"},
            }
        ],
        "filter_chains": [
            {
                "filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}],
                "transport_socket": {"name": "tls", "typed_config": {"@type": kind, "common_tls_context": context}},
            }
        ],
    }
    endpoint = {"endpoint": {"address": _address(upstream_port)}}
    cluster = {
        "name": "upstream",
        "type": "STATIC",
        "load_assignment": {"cluster_name": "upstream", "endpoints": [{"lb_endpoints": [endpoint]}]},
    }
    return {"static_resources": {"listeners": [listener], "clusters": [cluster]}}


def _address(port: int) -> dict[str, object]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}

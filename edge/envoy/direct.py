"""The direct way: text whose body needs no change goes from Envoy to MuleRun. Pure.

Law: it is sure or it stands aside. What does not fit its routes word for word is the edge's, which serves every call.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import yaml

from edge.envoy.address import Tcp, to_envoy

FOLDER: Final = Path("dynamic", "direct")
"""What the core writes and Envoy watches, and the word by which Envoy is known to the core."""
SECRETS: Final = {"bearer": FOLDER / "bearer.yaml", "key": FOLDER / "key.yaml"}
"""The credential's file by the way in which it is sent."""
RUNTIME: Final = FOLDER / "runtime.yaml"
WORD: Final = FOLDER / "word"
WORD_HEADER: Final = "x-cli2api-word"
"""Metadata with that word. Nobody outside can send it."""

_TEMPLATE: Final = Path(__file__).with_name("direct.yaml")
_SCRIPT: Final = Path(__file__).with_name("direct.lua")
_TYPE: Final = "type.googleapis.com/envoy."
_PLAIN: Final = "[^/]+"
"""A name without a vendor's prefix."""
_OURS: Final = ("direct:", "read:")
"""What the names of this way's routes begin with."""
_DEFAULT_VERSION: Final = "2023-06-01"
"""Of Anthropic's API, for callers who name none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Native:
    """An endpoint, and the models that MuleRun serves there without a change to the body."""

    endpoint: str
    upstream_path: str
    names: tuple[str, ...] = ()
    """Those that are known to be served."""
    others: tuple[str, ...] | None = None
    """Where also a name that nobody knows passes as it is: the names that are known and not served. None where it does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Direct:
    """All that the direct way needs to know."""

    upstream: str
    """MuleRun's base URL."""
    natives: tuple[Native, ...]
    word: str = field(repr=False)
    """What Envoy shows to the core to be known as its own."""
    authorities: str = ""
    """The file of certificate authorities by which MuleRun's certificate is judged; needed for https."""


def routes(direct: Direct, *, max_body: int) -> list[dict[str, Any]]:
    """For each endpoint the way to MuleRun, and behind it the one on which a body of at most `max_body` bytes is read first."""
    template = _pieces()["routes"]
    base = urlsplit(direct.upstream)
    made = []
    for native in direct.natives:
        chosen, read = _copy(template["direct"]), _copy(template["read"])
        anthropic = native.endpoint.startswith("/v1/messages")
        chosen["name"] = f"direct:{native.endpoint}"
        generates = not native.endpoint.endswith("/count_tokens")
        chosen["metadata"] = {
            "filter_metadata": {
                "told": {"direct": "anthropic" if anthropic else "openai"},
                # For Envoy's span, where calls are traced: edge/envoy/tracing.py.
                "gen_ai": {"provider": "mulerun"} | ({"operation": "chat"} if generates else {}),
            }
        }
        chosen["match"] = {"path": native.endpoint, **chosen["match"]}
        chosen["match"]["dynamic_metadata"] += [*_names(native), *([] if native.endpoint == "/v1/responses" else [_TURNS])]
        chosen["route"] |= {
            "cluster": "mulerun_key" if anthropic else "mulerun_bearer",
            "prefix_rewrite": base.path.rstrip("/") + native.upstream_path,
            "host_rewrite_literal": base.netloc.rpartition("@")[2],
        }
        if anthropic:
            chosen["request_headers_to_add"] = [_if_absent("anthropic-version", _DEFAULT_VERSION)]
            request_id = {"header": {"key": "request-id", "value": "%REQ(X-REQUEST-ID)%"}}
            chosen["response_headers_to_add"] = [request_id | {"append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}]
        read["name"] = f"read:{native.endpoint}"
        read["match"] = {"path": native.endpoint, **read["match"]}
        length = next(each["range_match"] for each in read["match"]["headers"] if each["name"] == "content-length")
        length["end"] = min(length["end"], max_body + 1)
        made += [chosen, read]
    return made


def fit(
    config: dict[str, Any],
    rest_routes: dict[str, Any],
    direct: Direct,
    *,
    max_body: int,
    watched: Callable[[Path], dict[str, Any]],
) -> None:
    """Puts the direct way into a configuration that the template gave; `watched` is a source of a file that Envoy watches."""
    pieces = _pieces()
    config["layered_runtime"] = pieces["layered_runtime"]
    config["layered_runtime"]["layers"][0]["rtds_layer"]["rtds_config"] = watched(RUNTIME)
    rest = next(each for each in config["static_resources"]["listeners"] if each["name"] == "rest")
    connection = rest["filter_chains"][0]["filters"][0]["typed_config"]
    _told(pieces)["default_source_code"] = {"inline_string": _SCRIPT.read_text("utf-8")}
    filters = connection["http_filters"]
    place = 1 + next(place for place, each in enumerate(filters) if each["name"] == "keys")
    filters[place:place] = pieces["http_filters"]
    log = pieces["access_log"]
    log["typed_config"]["common_config"]["grpc_service"]["initial_metadata"] = [{"key": WORD_HEADER, "value": direct.word}]
    connection["access_log"] = [*connection["access_log"], log]
    connection["local_reply_config"]["mappers"][0:0] = _refusals(pieces["unreachable"], direct)
    reroute(rest_routes, direct, max_body=max_body)
    grpc = next(each for each in config["static_resources"]["listeners"] if each["name"] == "grpc")
    public = grpc["filter_chains"][0]["filters"][0]["typed_config"]["route_config"]["virtual_hosts"][0]["routes"]
    public.insert(0, {"match": {"prefix": "/opentelemetry."}, "direct_response": {"status": 404}})
    config["static_resources"]["clusters"] += _clusters(pieces["clusters"][0], direct, watched)


def reroute(rest_routes: dict[str, Any], direct: Direct, *, max_body: int) -> None:
    """Puts this way's routes before the last one, in the place of those that may be there already."""
    host = rest_routes["virtual_hosts"][0]
    *others, last = (each for each in host["routes"] if not each.get("name", "").startswith(_OURS))
    host["routes"] = [*others, *routes(direct, max_body=max_body), last]


_TURNS: Final = {"filter": "cli2api", "path": [{"key": "turns"}], "value": {"bool_match": True}}
"""The body has `messages`, and something in them."""


def _names(native: Native) -> list[dict[str, Any]]:
    if native.others is None:
        return [_model(_any_of(native.names))]
    plain = {"string_match": {"safe_regex": {"regex": _PLAIN}}}
    return [_model(plain), *([_model(_any_of(native.others)) | {"invert": True}] if native.others else [])]


def _model(value: dict[str, Any]) -> dict[str, Any]:
    return {"filter": "cli2api", "path": [{"key": "model"}], "value": value}


def _any_of(names: Sequence[str]) -> dict[str, Any]:
    return {"or_match": {"value_matchers": [{"string_match": {"exact": name}} for name in (*names, "")]}}


def _if_absent(name: str, value: str) -> dict[str, Any]:
    return {"header": {"key": name, "value": value}, "append_action": "ADD_IF_ABSENT"}


def _refusals(table: Iterable[dict[str, str]], direct: Direct) -> Iterable[dict[str, Any]]:
    """Where there was no answer: the words of the core for the same."""
    host, address = _reached(direct)
    failed = {"status_code_filter": {"comparison": {"op": "GE", "value": {"default_value": 500, "runtime_key": "_"}}}}
    on_messages = {"header_filter": {"header": {"name": ":path", "string_match": {"contains": "/v1/messages"}}}}
    for row in table:
        message = row["message"].format(host=host, port=address.port)
        judged = {"@type": f"{_TYPE}extensions.access_loggers.filters.cel.v3.ExpressionFilter", "expression": row["when"]}
        when = {"extension_filter": {"name": "envoy.access_loggers.extension_filters.cel", "typed_config": judged}}
        ours = {"error": {"message": message, "type": "upstream_error", "param": None, "code": "upstream_unavailable"}}
        theirs = {"type": "error", "error": {"type": "api_error", "message": message}, "request_id": "%REQ(X-REQUEST-ID)%"}
        for filters, body in (([when, on_messages, failed], theirs), ([when, failed], ours)):
            yield {
                "filter": {"and_filter": {"filters": filters}},
                "status_code": 502,
                "body_format_override": {"json_format": body},
            }


def _reached(direct: Direct) -> tuple[str, Tcp]:
    """MuleRun's name, and where it listens."""
    base = urlsplit(direct.upstream)
    host = base.hostname or ""
    return host, Tcp(host, base.port or (443 if base.scheme == "https" else 80))


def _clusters(template: dict[str, Any], direct: Direct, watched: Callable[[Path], dict[str, Any]]) -> Iterable[dict[str, Any]]:
    host, address = _reached(direct)
    encrypted = urlsplit(direct.upstream).scheme == "https"
    for name, secret, header in (("mulerun_bearer", "bearer", "authorization"), ("mulerun_key", "key", "x-api-key")):
        cluster = _copy(template) | {"name": name, "type": "STATIC" if address.is_number else "LOGICAL_DNS"}
        endpoint = {"endpoint": {"address": to_envoy(address), "hostname": host}}
        cluster["load_assignment"] = {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]}
        (speaking,) = cluster["typed_extension_protocol_options"].values()
        injected = next(each for each in speaking["http_filters"] if each["name"] == "credential")
        generic = injected["typed_config"]["credential"]["typed_config"]
        generic |= {"header": header, "credential": {"name": secret, "sds_config": watched(SECRETS[secret])}}
        if encrypted:
            del speaking["explicit_http_config"]
            speaking["auto_config"] = {"http_protocol_options": {}, "http2_protocol_options": {}}
            speaking["upstream_http_protocol_options"] = {"auto_sni": True, "auto_san_validation": True}
            context = {"common_tls_context": {"validation_context": {"trusted_ca": {"filename": direct.authorities}}}}
            kind = f"{_TYPE}extensions.transport_sockets.tls.v3.UpstreamTlsContext"
            cluster["transport_socket"] = {"name": "tls", "typed_config": {"@type": kind, **context}}
        yield cluster


def _told(pieces: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in pieces["http_filters"] if each["name"] == "told")["typed_config"]
    return found


def _pieces() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(_TEMPLATE.read_text("utf-8"))
    return found


def _copy(piece: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(json.dumps(piece))
    return made

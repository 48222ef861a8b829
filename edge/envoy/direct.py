"""The direct way: text whose body needs no change goes from Envoy to MuleRun. Pure.

Law: it is sure or it stands aside. What does not fit its routes word for word is the edge's, which serves every call.
"""

import json
import re
from collections.abc import Callable, Iterable
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
_ASKED: Final = (Path(__file__).with_name("head.lua"), Path(__file__).with_name("asked.lua"))
_TOLD: Final = Path(__file__).with_name("direct.lua")
_TYPE: Final = "type.googleapis.com/envoy."
_WORD: Final = re.compile(rb"[^A-Za-z0-9_./: -]")
"""What is written by its number in a string of Lua's."""
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
        chosen["route"] |= {
            "cluster": "mulerun_key" if anthropic else "mulerun_bearer",
            "prefix_rewrite": base.path.rstrip("/") + native.upstream_path,
            "host_rewrite_literal": _authority(direct),
        }
        if anthropic:
            chosen["request_headers_to_add"] += [_if_absent("anthropic-version", _DEFAULT_VERSION)]
            request_id = {"header": {"key": "request-id", "value": "%REQ(X-REQUEST-ID)%"}}
            chosen["response_headers_to_add"] = [request_id | {"append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}]
        read["name"] = f"read:{native.endpoint}"
        read["match"] = {"path": native.endpoint, **read["match"]}
        length = next(each["range_match"] for each in read["match"]["headers"] if each["name"] == "content-length")
        length["end"] = min(length["end"], max_body + 1)
        read["typed_per_filter_config"]["told"]["source_code"] = {"inline_string": _asked(native)}
        made += [chosen, read]
    return made


def fit(
    config: dict[str, Any],
    rest_routes: dict[str, Any],
    direct: Direct,
    *,
    max_body: int,
    watched: Callable[[Path], dict[str, Any]],
    traced: bool = False,
) -> None:
    """Puts the direct way into a configuration that the template gave; `watched` is a source of a file that Envoy watches."""
    pieces = _pieces()
    config["layered_runtime"] = pieces["layered_runtime"]
    config["layered_runtime"]["layers"][0]["rtds_layer"]["rtds_config"] = watched(RUNTIME)
    rest = _named(config["static_resources"]["listeners"], "rest")
    connection = rest["filter_chains"][0]["filters"][0]["typed_config"]
    told = _named(pieces["http_filters"], "told")["typed_config"]
    told["default_source_code"] = {"inline_string": _TOLD.read_text("utf-8")}
    filters = connection["http_filters"]
    place = 1 + next(place for place, each in enumerate(filters) if each["name"] == "keys")
    filters[place:place] = pieces["http_filters"]
    log = pieces["access_log"]
    log["filter"]["header_filter"]["header"]["string_match"]["exact"] = _authority(direct)
    log["typed_config"]["common_config"]["grpc_service"]["initial_metadata"] = [{"key": WORD_HEADER, "value": direct.word}]
    connection["access_log"] = [*connection["access_log"], log]
    connection["local_reply_config"]["mappers"][0:0] = _refusals(pieces["unreachable"], direct)
    reroute(rest_routes, direct, max_body=max_body)
    grpc = _named(config["static_resources"]["listeners"], "grpc")
    public = grpc["filter_chains"][0]["filters"][0]["typed_config"]["route_config"]["virtual_hosts"][0]["routes"]
    public.insert(0, {"match": {"prefix": "/opentelemetry."}, "direct_response": {"status": 404}})
    config["static_resources"]["clusters"] += _clusters(pieces["clusters"][0], direct, watched, traced=traced)


def reroute(rest_routes: dict[str, Any], direct: Direct, *, max_body: int) -> None:
    """Puts this way's routes before all others, in the place of those that may be there already."""
    host = rest_routes["virtual_hosts"][0]
    others = [each for each in host["routes"] if not each.get("name", "").startswith(_OURS)]
    others[-1].setdefault("typed_per_filter_config", {})["told"] = _pieces()["untold"]
    host["routes"] = [*routes(direct, max_body=max_body), *others]


_TURNLESS: Final = frozenset({"/v1/responses"})
"""Whose bodies have no `messages`; of others one without any is not sent to MuleRun."""


def _asked(native: Native) -> str:
    """The script that judges bodies at this endpoint."""
    others = "nil" if native.others is None else _set(native.others)
    turns = "false" if native.endpoint in _TURNLESS else "true"
    given = f"local NAMES, OTHERS, TURNS = {_set(native.names)}, {others}, {turns}"
    return "\n".join([given, *(path.read_text("utf-8") for path in _ASKED)])


def _set(names: Iterable[str]) -> str:
    """A table of Lua's that has each of them as a key."""
    keys = (f'["{_WORD.sub(_by_number, name.encode()).decode()}"] = true' for name in names)
    return f"{{{', '.join(keys)}}}"


def _by_number(found: re.Match[bytes]) -> bytes:
    return b"\\%03d" % found[0][0]


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


def _authority(direct: Direct) -> str:
    return urlsplit(direct.upstream).netloc.rpartition("@")[2]


def _reached(direct: Direct) -> tuple[str, Tcp]:
    """MuleRun's name, and where it listens."""
    base = urlsplit(direct.upstream)
    host = base.hostname or ""
    return host, Tcp(host, base.port or (443 if base.scheme == "https" else 80))


def _clusters(
    template: dict[str, Any], direct: Direct, watched: Callable[[Path], dict[str, Any]], *, traced: bool
) -> Iterable[dict[str, Any]]:
    host, address = _reached(direct)
    encrypted = urlsplit(direct.upstream).scheme == "https"
    for name, secret, header in (("mulerun_bearer", "bearer", "authorization"), ("mulerun_key", "key", "x-api-key")):
        cluster = _copy(template) | {"name": name, "type": "STATIC" if address.is_number else "LOGICAL_DNS"}
        endpoint = {"endpoint": {"address": to_envoy(address), "hostname": host}}
        cluster["load_assignment"] = {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]}
        (speaking,) = cluster["typed_extension_protocol_options"].values()
        speaking["http_filters"] = [each for each in speaking["http_filters"] if traced or each["name"] != "untraced"]
        injected = _named(speaking["http_filters"], "credential")
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


def _named(things: Iterable[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(each for each in things if each["name"] == name)


def _pieces() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(_TEMPLATE.read_text("utf-8"))
    return found


def _copy(piece: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(json.dumps(piece))
    return made

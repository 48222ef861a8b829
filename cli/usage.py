"""`cli2api usage`: what was called and what it cost, summed up by a gateway that runs."""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

import httpx2

from cli import doors
from services.settings import BadSetting, Settings
from services.settings.grammar import reachable

SECONDS: Final = 30.0
"""How long the gateway may take to answer."""
_GROUPS: Final = ("model", "endpoint", "status", "day", "hour")
_COLUMNS: Final[Mapping[str, str]] = {
    "calls": "CALLS",
    "errors": "ERRORS",
    "prompt_tokens": "PROMPT",
    "completion_tokens": "COMPLETION",
    "cached_tokens": "CACHED",
    "reasoning_tokens": "REASONING",
    "bytes_out": "BYTES OUT",
}


class Refused(Exception):
    """Nobody answered, or the gateway said no; the text is one line for people."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is summed up, and where it is asked."""
    parser.description = "Sums up calls and tokens of the gateway that runs with the settings of this environment."
    parser.add_argument("--from", metavar="TIME", help="unix seconds or RFC 3339 (default: a day before --to)")
    parser.add_argument("--to", metavar="TIME", help="first moment not counted (default: now)")
    parser.add_argument("--group-by", choices=_GROUPS, default="model", help="what a row stands for (default: model)")
    parser.add_argument("--model", help="only calls of this model")
    parser.add_argument("--endpoint", help="only calls of this endpoint, as in /v1/chat/completions")
    parser.add_argument("--json", action="store_true", help="JSON for programs")
    parser.add_argument("--url", help="another gateway, as in http://127.0.0.1:8080 (default: as CLI2API_PORT says)")
    parser.add_argument("--key", help="API key (default: the first one of CLI2API_API_KEYS)")


def run(args: argparse.Namespace) -> int:
    """0 where the sums were shown; 1, with one message on stderr, where they cannot be had."""
    asked = {name: getattr(args, name) for name in ("from", "to", "group_by", "model", "endpoint")}
    try:
        found = ask({name: value for name, value in asked.items() if value}, os.environ, url=args.url, key=args.key)
    except (BadSetting, Refused) as failed:
        print(f"cli2api: {failed}", file=sys.stderr)
        return 1
    print(json.dumps(found, indent=2) if args.json else table(found))
    return 0


def ask(query: Mapping[str, str], environ: Mapping[str, str], *, url: str | None, key: str | None) -> dict[str, Any]:
    """What GET /v1/usage answers, at `url` or at the gateway that `environ` describes. Raises BadSetting or Refused."""
    settings = Settings.read(environ)
    encrypted = not url and settings.tls_cert is not None
    asked = doors.beside(settings) if encrypted else doors.Probed(url=(url or _own(settings)).rstrip("/"))
    url = asked.url
    gateway = doors.inner(settings) if encrypted else f"the gateway at {url}"
    key = key or next(iter(settings.api_keys), "")
    headers = {"authorization": f"Bearer {key}"} if key else {}
    try:
        # No proxy of the environment stands before one's own gateway.
        transport = httpx2.HTTPTransport(uds=str(asked.socket)) if asked.socket else None
        with httpx2.Client(transport=transport, timeout=SECONDS, trust_env=False) as client:
            answer = client.get(f"{url}/v1/usage", params=query, headers=headers)
        told = answer.json()
    except (httpx2.TransportError, httpx2.InvalidURL) as error:
        raise Refused(f"{gateway} does not answer: start it with `cli2api serve`, or name another one with --url") from error
    except ValueError:
        told = None
    found: dict[str, Any] = told if isinstance(told, dict) else {}
    if answer.status_code == httpx2.codes.UNAUTHORIZED:
        raise Refused(f"{gateway} does not know the key: set CLI2API_API_KEYS as it has them, or --key")
    if isinstance(why := found.get("error"), dict):
        raise Refused(f"{gateway} answered {answer.status_code}: {_plain(str(why.get('message')))}")
    if found.get("object") != "usage":
        raise Refused(f"what answers for {gateway} does not sum up usage (HTTP {answer.status_code}): name it with --url")
    return found


def table(found: Mapping[str, Any]) -> str:
    """A row a bucket beneath a head, what all come to, and what is missing."""
    rows = [(str(found["group_by"]).upper(), *_COLUMNS.values())]
    rows += [(_plain(row["bucket"]) or "-", *_numbers(row)) for row in found["rows"]]
    rows.append(("total", *_numbers(found["totals"])))
    lines = _aligned(rows)
    if found["dropped"]:
        lines.append(f"not counted: {found['dropped']:,} calls since the gateway's start; raise CLI2API_USAGE_BUFFER")
    return "\n".join(lines)


def _numbers(row: Mapping[str, int]) -> tuple[str, ...]:
    return tuple(f"{row[name]:,}" for name in _COLUMNS)


def _plain(text: str) -> str:
    """Without what could steer a terminal: callers name models as they like."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join([f"{row[0]:{widths[0]}}", *map(str.rjust, row[1:], widths[1:])]) for row in rows]


def _own(settings: Settings) -> str:
    if not settings.port:
        raise Refused("CLI2API_PORT is 0, a port that the gateway chooses by itself: name it with --url")
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{reachable(f'{host}:{settings.port}')}"

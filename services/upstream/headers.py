"""Decides which headers of a relayed call pass, both ways. Everything passes that is not named here.

What stays behind: hop-by-hop headers (the listed ones and those that `Connection` names), credentials, cookies, and what this
gateway and the proxies before it say to each other.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Final, TypeVar

from services.domain.errors import InvalidRequest, Violation
from services.domain.model import Operation

Name = TypeVar("Name", str, bytes)
T = TypeVar("T")

DEFAULT_ANTHROPIC_VERSION: Final = "2023-06-01"

_HOP_BY_HOP: Final = frozenset(
    {
        "connection",
        "content-length",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_TRACES: Final = frozenset({"traceparent", "tracestate", "baggage"})
"""Where a call stands in its caller's house is nothing for MuleRun."""
_NOT_SENT: Final = _HOP_BY_HOP | _TRACES | {"host", "authorization", "x-api-key", "api-key", "cookie", "expect"}
_NOT_RETURNED: Final = _HOP_BY_HOP | {"set-cookie"}
_NONE: Final[frozenset[str]] = frozenset()
_OURS: Final = ("x-cli2api-", "x-forwarded-", "x-envoy-")
_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9a-z]+")
_BROKEN_VALUE: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
KEY_HEADER_OPERATIONS: Final = frozenset({Operation.MESSAGES, Operation.COUNT_TOKENS})
"""Anthropic's: MuleRun reads the credential of these out of X-API-Key, as they do, and they say which version they speak."""
_ALWAYS: Final = (("content-type", "application/json"), ("accept-encoding", "identity"))
_DEFAULTS: Final = {False: _ALWAYS, True: (*_ALWAYS, ("anthropic-version", DEFAULT_ANTHROPIC_VERSION))}


def sent(headers: Iterable[tuple[str, str]], operation: Operation) -> list[tuple[str, str]]:
    """The caller's headers as the upstream gets them, names in lower case, with the defaults that the operation needs.

    Without an accept-encoding of the caller the answer is asked for uncompressed, since nobody on the way unpacks it.
    Raises InvalidRequest for a name or value that would break the request apart.
    """
    given = [(name.lower(), value) for name, value in headers]
    for name, value in given:
        if not name.startswith(":") and (not _is_a_name(name) or _BROKEN_VALUE.search(value)):
            raise InvalidRequest.of(Violation("headers", f"{name!r} is not a header that HTTP can carry"))
    dropped = _named_by_connection(given)
    kept = [(name, value) for name, value in given if _is_sent(name) and name not in dropped]
    present = {name for name, _ in kept}
    return kept + [(name, value) for name, value in _DEFAULTS[operation in KEY_HEADER_OPERATIONS] if name not in present]


def returned(raw: Iterable[tuple[bytes, bytes]]) -> Sequence[tuple[str, str]]:
    """The upstream's headers as the caller gets them, names in lower case, values byte for byte as Latin-1."""
    given = [(_read(name), value.decode("latin-1")) for name, value in raw]
    dropped = _named_by_connection(given)
    return tuple((name, value) for name, value in given if _is_returned(name) and name not in dropped)


_LONGEST_KEPT: Final = 64


def remembering(judge: Callable[[Name], T]) -> Callable[[Name], T]:
    """The same judge, who remembers: names of headers are few and come again with every call.

    What callers make up only pushes others out, and what is long is not kept, or they could fill the memory with it.
    """
    kept = lru_cache(maxsize=1024)(judge)
    return lambda name: kept(name) if len(name) <= _LONGEST_KEPT else judge(name)


@remembering
def _read(name: bytes) -> str:
    return name.decode("latin-1").lower()


@remembering
def _is_a_name(name: str) -> bool:
    return bool(_NAME.fullmatch(name))


@remembering
def _is_sent(name: str) -> bool:
    return _passes(name, _NOT_SENT) and not name.startswith(":")


@remembering
def _is_returned(name: str) -> bool:
    return _passes(name, _NOT_RETURNED)


def _passes(name: str, dropped: frozenset[str]) -> bool:
    return name not in dropped and name != "forwarded" and not name.startswith(_OURS)


def _named_by_connection(headers: Sequence[tuple[str, str]]) -> frozenset[str]:
    named = [value for name, value in headers if name == "connection"]
    return frozenset(word.strip().lower() for value in named for word in value.split(",")) if named else _NONE

"""Decides which headers of a relayed call pass, both ways. Everything passes that is not named here.

What stays behind: hop-by-hop headers (the listed ones and those that `Connection` names), credentials, cookies, and what this
gateway and the proxies before it say to each other.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from services.domain.errors import InvalidRequest, Violation
from services.domain.model import Operation

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
_OURS: Final = ("x-cli2api-", "x-forwarded-", "x-envoy-")
_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9a-z]+")
_BROKEN_VALUE: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def sent(headers: Iterable[tuple[str, str]], operation: Operation) -> list[tuple[str, str]]:
    """The caller's headers as the upstream gets them, names in lower case, with the defaults that the operation needs.

    Without an accept-encoding of the caller the answer is asked for uncompressed, since nobody on the way unpacks it.
    Raises InvalidRequest for a name or value that would break the request apart.
    """
    given = [(name.lower(), value) for name, value in headers]
    for name, value in given:
        if not name.startswith(":") and (not _NAME.fullmatch(name) or _BROKEN_VALUE.search(value)):
            raise InvalidRequest.of(Violation("headers", f"{name!r} is not a header that HTTP can carry"))
    dropped = _NOT_SENT | _named_by_connection(given)
    kept = [(name, value) for name, value in given if _passes(name, dropped) and not name.startswith(":")]
    present = {name for name, _ in kept}
    defaults = [("content-type", "application/json"), ("accept-encoding", "identity")]
    if operation in (Operation.MESSAGES, Operation.COUNT_TOKENS):
        defaults.append(("anthropic-version", DEFAULT_ANTHROPIC_VERSION))
    return kept + [(name, value) for name, value in defaults if name not in present]


def returned(raw: Iterable[tuple[bytes, bytes]]) -> Sequence[tuple[str, str]]:
    """The upstream's headers as the caller gets them, names in lower case, values byte for byte as Latin-1."""
    given = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in raw]
    dropped = _NOT_RETURNED | _named_by_connection(given)
    return tuple((name, value) for name, value in given if _passes(name, dropped))


def _passes(name: str, dropped: frozenset[str]) -> bool:
    return name not in dropped and name != "forwarded" and not name.startswith(_OURS)


def _named_by_connection(headers: Iterable[tuple[str, str]]) -> frozenset[str]:
    return frozenset(word.strip().lower() for name, value in headers if name == "connection" for word in value.split(","))

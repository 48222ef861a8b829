"""What the dialects' bodies have in common: JSON text that is embedded as it is, data URLs, and keys that must not clash."""

import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Final

import msgspec

from services.domain.errors import InvalidRequest, Violation
from services.domain.model import Json

LOW_BUDGET: Final = 2048
MEDIUM_BUDGET: Final = 8192

_INLINE: Final = re.compile(r"data:([\w.+-]+/[\w.+-]+)(?:;[\w.+-]+=[^;,]*)*;base64,", re.IGNORECASE)


def embedded(json_text: str, field: str) -> msgspec.Raw:
    """A JSON object that goes into the body byte for byte. Raises InvalidRequest naming `field` where it is not one."""
    try:
        found: object = msgspec.json.decode(json_text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidRequest.of(Violation(field, "is not JSON")) from error
    if not isinstance(found, dict):
        raise InvalidRequest.of(Violation(field, "is not a JSON object"))
    return msgspec.Raw(json_text.encode())


def with_extra(body: Mapping[str, object], extra: Mapping[str, Json], *, reserved: frozenset[str]) -> dict[str, object]:
    """The body with the caller's further keys. Raises InvalidRequest for each key that is in `body` or `reserved` already."""
    clashes = [
        Violation(f"extra.{key}", "has a typed field; set that instead") for key in extra if key in body or key in reserved
    ]
    if clashes:
        raise InvalidRequest.of(*clashes)
    return {**body, **extra}


def given(**fields: object) -> dict[str, object]:
    """The fields that say something: None and empty ones mean that the upstream decides."""
    return {name: value for name, value in fields.items() if value is not None and value not in ("", (), [], {})}


def refuse(dialect: str, **fields: object) -> None:
    """Raises InvalidRequest naming every one of these fields that says something, since the dialect has no word for it."""
    named = [Violation(name, f"has no counterpart in {dialect}; leave it out for this model") for name in given(**fields)]
    if named:
        raise InvalidRequest.of(*named)


def effort_for(budget: int | None) -> str:
    """The effort nearest to a thinking budget in tokens, for the dialects that count none; empty for no budget."""
    if budget is None:
        return ""
    if budget <= 0:
        return "minimal"
    if budget <= LOW_BUDGET:
        return "low"
    return "medium" if budget <= MEDIUM_BUDGET else "high"


def data_url(mime_type: str, content: bytes) -> str:
    """The content as a data URL."""
    return f"data:{mime_type};base64,{b64encode(content).decode()}"


def inline(url: str) -> tuple[str, str] | None:
    """MIME type and base64 text of a data URL; None for any other URL."""
    head = _INLINE.match(url)
    return (head[1].lower(), url[head.end() :]) if head else None

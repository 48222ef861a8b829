"""Turns an upstream's error answer into a named failure, with words that say what to do and never hold a secret.

MuleRun's envelope is like RFC 7807 plus `error_code`; the text dialects have their vendors' own shapes. All are read alike.
"""

import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

import msgspec

from services.domain.errors import (
    Failure,
    OutOfCredits,
    RateLimited,
    UpstreamCredentialRefused,
    UpstreamRefused,
    UpstreamUnavailable,
)
from services.domain.ports import Plane
from services.upstream.fields import code, mapping, text

LONGEST_TEXT: Final = 500
LONGEST_WAIT: Final = 3600.0
"""Seconds. A Retry-After beyond this helps nobody; the caller may come back earlier and hear it again."""

_TOKEN: Final = re.compile(r"\b(?:muk-|sk-|whsec_|ory_[a-z]{2}_|mr_|eyJ)[\w.\-]{6,}")
_NONE: Final = re.compile(r"^None\b\s*")
_STATUSES: Final = {
    "authentication_error": 401,
    "permission_error": 403,
    "insufficient_quota": 402,
    "billing_error": 402,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "invalid_request_error": 400,
    "not_found_error": 404,
    "overloaded_error": 529,
}
"""The words of errors that come inside an answer, as the HTTP statuses that they would have had."""


def plain(words: str) -> str:
    """Foreign words made fit to be shown: one line, no markup, no tokens, at most LONGEST_TEXT characters."""
    line = " ".join(words.split())
    if line.startswith("<"):
        return ""
    line = _TOKEN.sub("[token]", line)
    return line if len(line) <= LONGEST_TEXT else line[: LONGEST_TEXT - 1] + "…"


def told(envelope: Mapping[str, object]) -> tuple[str, str]:
    """What an error envelope says, and its vendor code; both may be empty.

    The title is shown beside the detail, because the detail can be the word None and a request id.
    """
    task_error = mapping(mapping(envelope.get("task_info")).get("error"))
    error = mapping(envelope.get("error"))
    said: list[str] = []
    for words in (
        envelope.get("title"),
        envelope.get("detail"),
        envelope.get("error"),
        envelope.get("message"),
        *(error.get(key) for key in ("title", "detail", "message")),
        *(task_error.get(key) for key in ("title", "detail", "message")),
    ):
        line = plain(_NONE.sub("", text(words).strip()))
        if line and line not in said:
            said.append(line)
    codes = (envelope.get("error_code"), *(found.get(key) for found in (error, task_error) for key in ("code", "error_code")))
    return plain(": ".join(said)), plain(next((found for found in map(code, codes) if found), ""))


def retry_after(value: str, now: float) -> float | None:
    """Seconds to wait as a Retry-After header says it, in seconds or as a date; None for none or nonsense."""
    try:
        seconds = float(value)
    except ValueError:
        try:
            date = parsedate_to_datetime(value)
        except ValueError:
            return None
        seconds = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now
    return min(max(seconds, 0.0), LONGEST_WAIT) if seconds == seconds else None  # noqa: PLR0124 - NaN is not itself


def refusal(status: int, headers: Mapping[str, str], body: bytes, *, now: float, plane: Plane, hint: str = "") -> Failure:
    """The failure that this answer stands for. `headers` finds names in any case; `hint` helps with a 404."""
    try:
        envelope: object = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        envelope = body[: 4 * LONGEST_TEXT].decode(errors="replace")
    said, vendor_code = told(envelope if isinstance(envelope, dict) else {"detail": envelope})
    return classified(status, said, vendor_code, wait=retry_after(headers.get("retry-after", ""), now), plane=plane, hint=hint)


def reported(error: object, *, plane: Plane) -> Failure:
    """The failure that an error object inside an answer or a stream stands for."""
    said, vendor_code = told({"error": error})
    found = mapping(error)
    words = (found.get("code"), found.get("status"), found.get("type"))
    numbers = [int(code(word)) for word in words if code(word).isdecimal()]
    status = next((number for number in numbers if 400 <= number < 600), 0)
    status = status or next((_STATUSES[text(word)] for word in words if text(word) in _STATUSES), 500)
    return classified(status, said, vendor_code, plane=plane)


def classified(status: int, said: str, vendor_code: str, *, wait: float | None = None, plane: Plane, hint: str = "") -> Failure:
    """The table: which failure a status is."""
    facts = {"upstream_status": str(status)} | ({"vendor_code": vendor_code} if vendor_code else {})
    words = said or _phrase(status)
    if status in (401, 403):
        advice = "log in again with `mulerun login` or set MULERUN_TOKEN to a valid key"
        if plane is Plane.TEXT:
            advice += "; text models may need MuleRun's LLM gateway key"
        return UpstreamCredentialRefused(
            f"upstream HTTP {status}: {words}. MuleRun refused this gateway's credential: {advice}", metadata=facts
        )
    if status == 402:
        return OutOfCredits(
            f"the MuleRun account cannot pay for this: {words}. Top it up or take a cheaper model", metadata=facts
        )
    if status == 429:
        return RateLimited(f"MuleRun throttles: {words}", retry_after=wait, metadata=facts)
    if status in (408, 425) or status >= 500:
        return UpstreamUnavailable(f"MuleRun answered HTTP {status}: {words}", retry_after=wait, metadata=facts)
    if 300 <= status < 400:
        hint = "it answered with a redirect, which is never followed with a credential; check MULERUN_API_BASE_URL"
    elif status != 404:
        hint = ""
    if plane is Plane.TEXT and "is not supported" in said:
        hint = "MuleRun says so too when the key does not open text models: set MULERUN_TOKEN to an LLM gateway key"
    tail = f" ({hint})" if hint else ""
    return UpstreamRefused(f"MuleRun refused the request with HTTP {status}: {words}{tail}", metadata=facts)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "no reason given"

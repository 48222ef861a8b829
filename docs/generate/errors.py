"""docs/errors.md: every reason of failure on every way into the gateway, out of the tables that the code itself uses."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from docs.generate.advice import ADVICE
from docs.generate.contract import Noun
from edge.errors import ROWS, Row, Spent
from services.interceptors.details import CODES

_PREFIX: Final = "ERROR_REASON_"
_REPEAT: Final[Mapping[Spent | None, str]] = {
    None: "no",
    Spent.NOTHING: "while nothing was spent",
    Spent.PERHAPS: "yes",
    Spent.CERTAINLY: "yes",
}
_HEAD: Final = """\
# Errors

Every way in tells the same failure by the same reason. This page is made by `make docs` out of the tables that the code uses
([`error.proto`](../proto/cli2api/v1/error.proto), `services/interceptors/details.py`, `edge/errors.py`); `make check` compares.

- **gRPC:** `google.rpc.Status` with exactly one `ErrorInfo` (`domain` is `cli2api`). Its metadata can have `job_id`,
  `vendor_code`, `upstream_status` and `request_id`. Further details where they fit: `BadRequest` names fields, `RetryInfo` says
  when to come back, `QuotaFailure` what has run out (`BILLING`, `RATE_LIMITED`), `Help` where to mend what only the account's
  owner can (`BILLING`, `UPSTREAM_CREDENTIAL`). A reason that a client does not know is treated by its code; the Python client's
  exceptions ([`client/`](../client/README.md)) do that.
- **OpenAI's shape:** `{"error": {"message", "type", "param", "code"}}`. For a vendor's failure `code` is the vendor's own.
- **Anthropic's shape:** `{"type": "error", "error": {"type", "message"}, "request_id"}` on `/v1/messages`.

SDKs repeat 408, 409, 429 and 5xx by themselves. Where a repetition is of no use, or could pay twice, the answer says
`x-should-retry: false`. *While nothing was spent* means: until the call had made a job; from then on its header
`x-cli2api-job-id` names it, and the job is what to ask for.

On relayed text calls an error answer of MuleRun passes as it is, but for 401 and 403, which mean the gateway's credential.

| reason | gRPC code | HTTP | OpenAI `type` / `code` | Anthropic `type` | repeat? |
|---|---|---|---|---|---|
"""
_OWN: Final = """
## Only over REST

The edge says these by itself; over gRPC they do not exist.

| reason | HTTP | OpenAI `type` / `code` | Anthropic `type` | repeat? |
|---|---|---|---|---|
"""
_MEANINGS: Final = """
## What happened, and what to do

"""


class Missing(Exception):
    """A table that has no row for a reason of the contract; the text names both."""


def errors(nouns: Sequence[Noun]) -> str:
    """The whole page. Raises Missing for a reason that lacks a row in one of the tables."""
    [reasons] = [shape for noun in nouns for shape in noun.shapes if shape.name == "ErrorReason"]
    said = {value.name.removeprefix(_PREFIX): value.comment for value in reasons.fields if value.number}
    own = [reason for reason in ROWS if reason not in said]
    for name, table, wanted in (
        ("services/interceptors/details.py", CODES, said),
        ("edge/errors.py", ROWS, said),
        ("docs/generate/advice.py", ADVICE, (*said, *own)),
    ):
        if lacking := [reason for reason in wanted if reason not in table]:
            raise Missing(f"{name} has no row for {', '.join(lacking)}")
    return "".join(
        [
            _HEAD,
            *(f"| [`{reason}`](#{reason.lower()}) | `{CODES[reason].name}` | {_rest(ROWS[reason])} |\n" for reason in said),
            _OWN,
            *(f"| [`{reason}`](#{reason.lower()}) | {_rest(ROWS[reason])} |\n" for reason in own),
            _MEANINGS,
            "\n".join(_meanings(said, own)),
        ]
    )


def _rest(row: Row) -> str:
    # SDKs repeat none of the others, and the same request would fail again.
    repeat = _REPEAT[row.repeatable] if row.status in {408, 409, 429} or row.status >= 500 else "no, mend it"
    return f"{row.status} | `{row.type}` / `{row.code}` | `{row.anthropic}` | {repeat}"


def _meanings(said: Mapping[str, str], own: Sequence[str]) -> Iterator[str]:
    for reason, comment in said.items():
        # The comment's last sentence is the code, which the table has.
        yield f"### {reason}\n\n{comment.rpartition('. ')[0]}.\n\n{ADVICE[reason]}\n"
    for reason in own:
        yield f"### {reason}\n\n{ADVICE[reason]}\n"

"""Makes the record of every call that asks a model for something, from how the call ended and what its servicer noted.

A call is one record, whichever way it took. Reading jobs, files, the catalog or usage costs nothing and leaves none.
"""

import asyncio
import re
from collections.abc import Mapping
from time import monotonic
from typing import Any, Final

from services.domain import call
from services.domain.errors import Failure, Unsupported
from services.domain.ports import Clock
from services.domain.text import TokenUsage
from services.domain.usage import Record
from services.interceptors.shapes import Inside, Ring, Rpc
from services.usage.ids import ids
from services.usage.recorder import Recorder

ENDPOINT: Final = "x-cli2api-endpoint"
"""Metadata by which the edge says which path was called. Envoy lets nobody outside send it."""
CANCELLED: Final = 499
LONGEST_NAME: Final = 200
"""Characters of a model's name: callers make up what they like."""

_RECORDED: Final = ("/cli2api.v1.TextService/", "/cli2api.v1.MediaService/")
_RELAYS: Final = frozenset({"/cli2api.v1.TextService/Relay", "/cli2api.v1.TextService/RelayWhole"})
_NOT_TRANSLATED: Final = "/v1/messages/count_tokens"
"""Only MuleRun can count tokens as it will."""
_PATH: Final = re.compile(r"/v1/[\w./{}:-]{1,100}", re.ASCII)

STATUSES: Final[Mapping[str, int]] = {
    "INVALID_REQUEST": 400,
    "REQUEST_TOO_LARGE": 400,
    "INVALID_API_KEY": 401,
    "UPSTREAM_CREDENTIAL": 502,
    "BILLING": 402,
    "MODEL_NOT_FOUND": 404,
    "MODEL_UNRESOLVED": 400,
    "JOB_NOT_FOUND": 404,
    "ASSET_NOT_READY": 400,
    "ASSET_GONE": 404,
    "IDEMPOTENCY_CONFLICT": 409,
    "JOB_NOT_ENDED": 400,
    "NO_RECEIVER": 400,
    "RATE_LIMITED": 429,
    "VENDOR_ERROR": 502,
    "UPSTREAM_REFUSED": 400,
    "UPSTREAM_UNAVAILABLE": 502,
    "DEADLINE_EXCEEDED": 504,
    "SUBMISSION_UNCERTAIN": 502,
    "STORE_UNAVAILABLE": 503,
    "UNSUPPORTED": 400,
    "DRAINING": 503,
    "INTERNAL": 500,
}
"""The HTTP status of every reason, as callers of REST see it."""


def records(recorder: Recorder, clock: Clock) -> Ring:
    """The ring that records into `recorder`. It stands inside of auth: the caller is known by then, and nobody else recorded."""
    own_ids = ids()

    async def ring(rpc: Rpc, inside: Inside) -> Any:
        if not rpc.known or not rpc.method.startswith(_RECORDED):
            return await inside(rpc)
        began_at = clock.now()
        status, cancelled, job_id = 500, False, ""
        try:
            reply = await inside(rpc)
        except asyncio.CancelledError:
            remaining: float | None = rpc.context.time_remaining()
            cancelled = remaining is None or remaining > 0
            status = CANCELLED if cancelled else STATUSES["DEADLINE_EXCEEDED"]
            raise
        except Failure as failure:
            if _is_asked_again(rpc, failure):
                status = 0
            else:
                status, job_id = STATUSES[failure.reason], failure.metadata.get("job_id", "")
            raise
        else:
            status = call.current().note.status or 200
            return reply
        finally:
            if status:
                record = _record(
                    rpc, record_id=next(own_ids), began_at=began_at, status=status, cancelled=cancelled, job_id=job_id
                )
                recorder.record(record)

    return ring


def _is_asked_again(rpc: Rpc, failure: Failure) -> bool:
    """The edge translates what cannot be relayed and calls again; that second call is the one that counts."""
    translated = rpc.method in _RELAYS and rpc.metadata.get(ENDPOINT, _NOT_TRANSLATED) != _NOT_TRANSLATED
    return translated and isinstance(failure, Unsupported)


def _record(rpc: Rpc, *, record_id: str, began_at: float, status: int, cancelled: bool, job_id: str) -> Record:
    served = call.current()
    tokens = served.note.tokens or TokenUsage()
    return Record(
        id=record_id,
        began_at=began_at,
        endpoint=_endpoint(rpc),
        model=served.note.model[:LONGEST_NAME],
        caller=served.caller,
        status=status,
        cancelled=cancelled,
        prompt_tokens=tokens.prompt_tokens,
        completion_tokens=tokens.completion_tokens,
        cached_tokens=tokens.cached_tokens,
        reasoning_tokens=tokens.reasoning_tokens,
        seconds=monotonic() - rpc.started,
        first_byte_seconds=None if rpc.answered is None else rpc.answered - rpc.started,
        bytes_out=rpc.bytes_out,
        request_id=served.request_id,
        job_id=served.note.job_id or job_id,
    )


def _endpoint(rpc: Rpc) -> str:
    told = rpc.metadata.get(ENDPOINT, "")
    return told if _PATH.fullmatch(told) else rpc.method

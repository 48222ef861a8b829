"""Turns what goes wrong in a call into the answer that its caller sees: one place, by the table in `details`.

Laws: every failed answer has exactly one ErrorInfo; the text of an unexpected exception reaches the log and never the
caller; a cancelled call stays cancelled.
"""

import asyncio
import logging
from typing import Any, Final

import grpc
import grpc.aio

from services.domain import call
from services.domain.errors import Failure, Internal
from services.interceptors.details import CODES, status_of
from services.interceptors.plainly import plainly
from services.interceptors.shapes import Context, Inside, Rpc

_log = logging.getLogger(__name__)

DETAILS: Final = "grpc-status-details-bin"

_C = grpc.StatusCode


async def faults(rpc: Rpc, inside: Inside) -> Any:
    """Ends the call with the status of the failure that comes out of it."""
    try:
        return await inside(rpc)
    except grpc.aio.AbortError:
        rpc.code = _code_of(rpc.context)
        raise
    except asyncio.CancelledError:
        # grpc.aio cancels for a caller that left and for a deadline that passed alike; the clock tells which.
        remaining: float | None = rpc.context.time_remaining()
        rpc.code = _C.CANCELLED if remaining is None or remaining > 0 else _C.DEADLINE_EXCEEDED
        raise
    except Failure as failure:
        await _abort(rpc, failure)
    except Exception:  # noqa: BLE001 - a fault of ours has no other name
        request_id = call.current().request_id
        _log.exception("internal error", extra={"method": rpc.method})
        await _abort(rpc, Internal(f"internal error; request id {request_id}", metadata={"request_id": request_id}))


async def _abort(rpc: Rpc, failure: Failure) -> None:
    rpc.code = CODES[failure.reason]
    status = status_of(failure)
    said = rpc.context.trailing_metadata() or ()
    details = (DETAILS, status.SerializeToString())
    await rpc.context.abort(rpc.code, status.message, (*said, details, *plainly(failure, status.message)))


def _code_of(context: Context) -> grpc.StatusCode:
    told: Any = context.code()
    return next((code for code in grpc.StatusCode if told in {code, code.value[0]}), _C.UNKNOWN)

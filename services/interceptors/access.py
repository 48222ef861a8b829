"""One line a call in the log, and the id under which caller, edge, core and upstream speak of it."""

import logging
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from secrets import token_hex
from time import monotonic
from typing import Final

from services.domain import call
from services.interceptors.shapes import Rpc

_log = logging.getLogger(__name__)

REQUEST_ID: Final = "x-request-id"
WAY: Final = "x-cli2api-way"
"""Metadata by which Envoy says that its caller reads JSON. Nobody outside can send it."""
_SANE: Final = re.compile(r"[\w.:+/=@-]{1,128}", re.ASCII)


@asynccontextmanager
async def access(rpc: Rpc) -> AsyncGenerator[None, None]:
    """Takes the caller's x-request-id, or makes one, gives it back in the trailing metadata, and writes the line at the end."""
    given = rpc.metadata.get(REQUEST_ID, "")
    request_id = given if _SANE.fullmatch(given) else token_hex(16)
    call.enter(call.Call(request_id=request_id, reads_json=rpc.metadata.get(WAY) == "json"))
    rpc.context.set_trailing_metadata(((REQUEST_ID, request_id),))
    try:
        yield
    finally:
        line = {
            "method": rpc.method[:200],
            "code": rpc.code.name,
            "ms": round((monotonic() - rpc.started) * 1000, 1),
            "caller": call.current().caller,
            "request_id": request_id,
            "peer": rpc.context.peer(),
        }
        _log.log(logging.DEBUG if rpc.is_probe else logging.INFO, "call", extra=line)

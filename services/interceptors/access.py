"""One line a call in the log, and the id under which caller, edge, core and upstream speak of it."""

import logging
import re
from random import Random
from time import monotonic
from typing import Any, Final

from services.domain import call
from services.interceptors.shapes import Inside, Rpc
from services.telemetry import say_each

_log = logging.getLogger(__name__)

REQUEST_ID: Final = "x-request-id"
WAY: Final = "x-cli2api-way"
"""Metadata by which Envoy says that its caller reads JSON. Nobody outside can send it."""
_chance: Final = Random()  # noqa: S311 - nothing is kept secret by it
"""Asking the system each time would be a call of its own. Ids have to differ; nothing is lost where somebody guesses one."""
_SANE: Final = re.compile(r"[\w.:+/=@-]{1,128}", re.ASCII)


async def access(rpc: Rpc, inside: Inside) -> Any:
    """Takes the caller's x-request-id, or makes one, gives it back in the trailing metadata, and writes the line at the end."""
    given = rpc.metadata.get(REQUEST_ID, "")
    request_id = given if _SANE.fullmatch(given) else f"{_chance.getrandbits(128):032x}"
    call.enter(call.Call(request_id=request_id, reads_json=rpc.metadata.get(WAY) == "json"))
    rpc.context.set_trailing_metadata(((REQUEST_ID, request_id),))
    try:
        return await inside(rpc)
    finally:
        _tell(rpc, request_id)


def _tell(rpc: Rpc, request_id: str) -> None:
    if _log.isEnabledFor(logging.DEBUG if rpc.is_probe else logging.INFO):
        line = {
            "method": rpc.method[:200],
            "code": rpc.code.name,
            "ms": round((monotonic() - rpc.started) * 1000, 1),
            "caller": call.current().caller,
            "request_id": request_id,
            "peer": rpc.context.peer(),
        }
        if rpc.is_probe:
            _log.debug("call", extra=line)
        else:
            say_each(_log, "call", (line,))

"""OpenTelemetry's LogsService, for our own Envoy alone: by it the core hears of calls that went past it, and records them.

Law: nobody else may say what was used. Envoy shows a word that it was started with; the public listener passes neither the word's
header nor this service on.
"""

import hmac
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc

from services.api.patience import Context
from services.domain.errors import InvalidApiKey
from services.domain.usage import Record
from services.telemetry import say_each
from services.usage.ids import ids
from services.usage.otlp import told
from services.usage.recorder import Recorder

WORD_HEADER: Final = "x-cli2api-word"
GATHERED: Final = 0.35
"""Seconds after which Envoy has surely told of a call that has ended: it gathers what it tells for a fifth of a second."""

_log = logging.getLogger(__name__)


class Logs(logs_service_pb2_grpc.LogsServiceServicer):
    """Takes in what Envoy logs. `refused` is told, once for each batch, that MuleRun refused the credential."""

    def __init__(self, *, recorder: Recorder, word: str, refused: Callable[[], Awaitable[None]]) -> None:
        self._recorder = recorder
        self._word = word
        self._refused = refused
        self._ids = ids()

    async def Export(  # noqa: N802
        self, request: logs_service_pb2.ExportLogsServiceRequest, context: Context
    ) -> logs_service_pb2.ExportLogsServiceResponse:
        """Records each call. Raises InvalidApiKey for anybody but our Envoy."""
        words = [str(value) for name, value in context.invocation_metadata() or () if name == WORD_HEADER]
        if not any(hmac.compare_digest(word.encode(), self._word.encode()) for word in words):
            raise InvalidApiKey("this service is for the gateway's own Envoy")
        refused, lines = False, []
        for resource in request.resource_logs:
            for scope in resource.scope_logs:
                for line in scope.log_records:
                    call = told(line.body.string_value, record_id=next(self._ids), began_at=line.time_unix_nano / 1e9)
                    if call is None:  # of the edge, by a caller who named MuleRun's host as ours
                        continue
                    self._recorder.record(call.record)
                    lines.append(_line(call.record, line.trace_id))
                    refused = refused or call.refused
        say_each(_log, "call", lines)
        if refused:
            try:
                await self._refused()
            except OSError as error:
                # The calls are recorded; Envoy would only tell of them again.
                _log.error("the direct way cannot be closed after a refusal", extra={"why": error.strerror})
        return logs_service_pb2.ExportLogsServiceResponse()


def _line(record: Record, trace_id: bytes) -> dict[str, Any]:
    """What the one line of a call on the direct way says, as edge and core say it of those that they serve."""
    fields: dict[str, Any] = {
        "path": record.endpoint,
        "status": record.status,
        "ms": round(record.seconds * 1000, 1),
        "caller": record.caller,
        "request_id": record.request_id,
    }
    if trace_id:
        fields["trace_id"] = trace_id.hex()
    return fields

"""What the outside is told of a job's end: one signed message, the same at every try. Pure; the form is Standard Webhooks'."""

import base64
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

from services.domain.job import Job, JobState
from services.domain.model import Json

SCHEDULE: Final = (5.0, 300.0, 1800.0, 7200.0, 18000.0, 36000.0, 50400.0, 72000.0, 86400.0)
"""Seconds to wait after the first, second, ... try that failed; after the last of them a message is given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A message that is ready to be sent."""

    headers: Mapping[str, str]
    body: bytes


def notice(job: Job, document: Mapping[str, Json], *, secrets: Sequence[bytes], now: float) -> Notice:
    """The message that a terminal job has ended, sent at `now`. `document` is the job as its readers know it.

    It bears one signature for each of the secrets, so that its receiver may know any of them while they are being changed.
    """
    word = "job.succeeded" if job.state is JobState.SUCCEEDED else "job.failed"
    ended_at = datetime.fromtimestamp(job.completed_at or job.updated_at, UTC).isoformat(timespec="milliseconds")
    told = {"type": word, "timestamp": ended_at.replace("+00:00", "Z"), "data": document}
    body = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
    message_id, timestamp = f"msg_{job.id}", str(int(now))
    signatures = " ".join(sign(message_id, timestamp, body, secret=secret) for secret in secrets)
    headers = {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": signatures,
    }
    return Notice(headers=headers, body=body)


def sign(message_id: str, timestamp: str, body: bytes, *, secret: bytes) -> str:
    """One signature, as Standard Webhooks defines it."""
    digest = hmac.new(secret, b".".join((message_id.encode(), timestamp.encode(), body)), sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def rest(tries: int) -> float | None:
    """Seconds to the next try after `tries` that failed; None where there is none."""
    return SCHEDULE[tries - 1] if 0 < tries <= len(SCHEDULE) else None

"""Hears from MuleRun itself what became of tasks. Law: nothing in a delivery is looked at before its signature is found good."""

import hmac
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from services.domain.errors import InvalidRequest, Violation
from services.domain.job import Job, Task
from services.domain.ports import Clock
from services.jobs.engine import Engine

SKEW: Final = 300.0
"""Seconds that a delivery's time may differ from ours. What is older may be one that was caught and is played again."""
_SCHEME: Final = "v1="

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A webhook as it came in; nothing of it is known to be true."""

    id: str
    timestamp: str
    """Unix seconds, as written."""
    signature: str
    body: bytes


class Inbox:
    """Takes deliveries. One that comes twice finds its job settled, so nothing needs to be remembered of those before."""

    def __init__(self, *, engine: Engine, secret: str, read: Callable[[bytes], Task | None], clock: Clock) -> None:
        """`read` finds the task that a body speaks of, None where it speaks of none; it raises InvalidRequest."""
        self._engine = engine
        self._secret = secret
        self._read = read
        self._clock = clock

    async def receive(self, delivery: Delivery) -> Job | None:
        """The job that the delivery has settled, or None where it changed nothing. Raises InvalidRequest or StoreUnavailable."""
        check(delivery, secret=self._secret, now=self._clock.now())
        task = self._read(delivery.body)
        job = await self._engine.hear(task) if task else None
        if job is None:
            log.info("a delivery changed nothing", extra={"delivery_id": delivery.id, "task_id": task.id if task else ""})
        return job


def sign(delivery_id: str, timestamp: str, body: bytes, *, secret: str) -> str:
    """The signature that MuleRun puts on a delivery."""
    signed = b".".join((delivery_id.encode(), timestamp.encode(), body))
    return _SCHEME + hmac.new(secret.encode(), signed, sha256).hexdigest()


def check(delivery: Delivery, *, secret: str, now: float) -> None:
    """Returns where the delivery is MuleRun's and of now. Raises InvalidRequest, which names the field."""
    missing = [name for name in ("timestamp", "signature") if not getattr(delivery, name)]
    if missing:
        raise InvalidRequest.of(*(Violation(name, "is required") for name in missing))
    expected = sign(delivery.id, delivery.timestamp, delivery.body, secret=secret)
    # Bytes, because a foreign text need not be ASCII; in constant time, because the time taken must not tell how much was right.
    if not hmac.compare_digest(expected.encode(), delivery.signature.encode()):
        raise InvalidRequest.of(
            Violation("signature", "does not fit the delivery: CLI2API_WEBHOOK_SECRET has to be the secret that signed it")
        )
    if not re.fullmatch(r"\d{1,12}", delivery.timestamp, re.ASCII):
        raise InvalidRequest.of(Violation("timestamp", "has to be unix seconds"))
    if abs(now - int(delivery.timestamp)) > SKEW:
        raise InvalidRequest.of(
            Violation("timestamp", f"is more than {SKEW:.0f} s from now; if the delivery is new, a clock has to be set right")
        )

"""Compares this machine's clock with that of a store's server, since leases are compared between machines."""

import logging
import time
from typing import Final

SKEW_SECONDS: Final = 5.0
"""Clocks that differ by more are worth a word."""

log = logging.getLogger(__name__)


def compare(theirs: float, began: float) -> None:
    """Warns where the server's time differs from ours; it was asked at `began` and has just answered. Both in unix seconds."""
    skew = theirs - (began + time.time()) / 2
    if abs(skew) > SKEW_SECONDS:
        log.warning(
            "this machine's clock and that of the job store differ; let both follow a time server",
            extra={"seconds": round(skew, 1)},
        )

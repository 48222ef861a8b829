"""A failure in words for a caller that reads JSON: what a transcoder in front cannot read out of the status's details.

Law: only where it was asked for, since a client takes 8 KB of trailing metadata and no more. Each value is JSON in ASCII, so
that nobody who puts it into a document has to quote it.
"""

import json
import math
from typing import Final

from services.domain import call
from services.domain.errors import Failure

_LONGEST: Final = 300
"""Characters of the field's name."""


def plainly(failure: Failure, message: str) -> tuple[tuple[str, str], ...]:
    """Further trailing metadata of the failed call; none where nobody asked."""
    if not call.current().reads_json:
        return ()
    told = [("x-cli2api-reason", failure.reason), ("x-cli2api-message", json.dumps(message))]
    if failure.violations:
        told.append(("x-cli2api-param", json.dumps(failure.violations[0].field[:_LONGEST])))
    if code := failure.metadata.get("vendor_code"):
        told.append(("x-cli2api-code", json.dumps(code)))
    if job_id := failure.metadata.get("job_id"):
        told.append(("x-cli2api-job-id", job_id))
    if failure.retry_after is not None:
        told.append(("retry-after", str(max(1, math.ceil(failure.retry_after)))))
    return tuple(told)

"""A failure in words for a caller that reads JSON: what a transcoder in front cannot read out of the status's details.

Law: only where it was asked for, since a client takes 8 KB of trailing metadata and no more. Each value is JSON in ASCII, so
that nobody who puts it into a document has to quote it.
"""

import json
from typing import Final

from services.domain.errors import Failure
from services.interceptors.shapes import Rpc

WAY: Final = "x-cli2api-way"
"""Metadata by which Envoy says that its caller reads JSON. Nobody outside can send it."""
_LONGEST: Final = 300
"""Characters of the field's name."""


def plainly(rpc: Rpc, failure: Failure, message: str) -> tuple[tuple[str, str], ...]:
    """Further trailing metadata of the failed call; none where nobody asked."""
    if rpc.metadata.get(WAY) != "json":
        return ()
    told = [("x-cli2api-reason", failure.reason), ("x-cli2api-message", json.dumps(message))]
    if failure.violations:
        told.append(("x-cli2api-param", json.dumps(failure.violations[0].field[:_LONGEST])))
    if code := failure.metadata.get("vendor_code"):
        told.append(("x-cli2api-code", json.dumps(code)))
    return tuple(told)

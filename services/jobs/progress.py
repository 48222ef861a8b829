"""How far a running job may be: an estimate by the time that its kind usually takes, since the upstream tells none.

Law: it rises with time and stays below 99, because only a result is 100.
"""

import math
from typing import Final

from services.domain.model import ModelKind

TYPICAL_SECONDS: Final = {
    ModelKind.IMAGE: 40.0,
    ModelKind.IMAGE_EDIT: 60.0,
    ModelKind.VIDEO: 180.0,
    ModelKind.SPEECH: 10.0,
    ModelKind.MUSIC: 90.0,
}
CEILING: Final = 95


def estimate(kind: ModelKind, elapsed: float) -> int:
    """Percent from 0 to `CEILING` after `elapsed` seconds: about two thirds at the typical time, slower and slower after it."""
    share = max(0.0, elapsed) / TYPICAL_SECONDS[kind]
    return int(CEILING * (1 - math.exp(-1.1 * share)))

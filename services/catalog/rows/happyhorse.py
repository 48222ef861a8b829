"""Alibaba's happy-horse rows. Data only."""

from typing import Final

from services.catalog.rows.shared import (
    CATALOG_READ_AT,
    PICTURE_SOURCES,
    duration_between,
    prompt,
    resolution,
    seed,
    text,
)
from services.domain.model import Model, ModelKind, Transform

_TAIL: Final = (
    resolution("720P", "1080P", default="1080P", transform=Transform.UPPER),
    duration_between(3, 15, default=5),
    seed(),
)

VIDEOS: Final = (
    Model(
        id="happy-horse-1-0-t2v",
        kind=ModelKind.VIDEO,
        vendor="alibaba",
        paths=("/vendors/alibaba/v1/happy-horse-1-0-t2v/generation",),
        params=(prompt(2500), *_TAIL),
        aliases=("alibaba/happy-horse-1-0-t2v",),
        created=CATALOG_READ_AT,
        notes="The frame shape cannot be chosen; of a size only its height class counts.",
    ),
    Model(
        id="happy-horse-1-0-i2v",
        kind=ModelKind.VIDEO,
        vendor="alibaba",
        paths=("/vendors/alibaba/v1/happy-horse-1-0-i2v/generation",),
        params=(
            text("image", "First frame, URL or data URI.", sources=PICTURE_SOURCES, required=True),
            prompt(2500, required=False),
            *_TAIL,
        ),
        aliases=("alibaba/happy-horse-1-0-i2v",),
        created=CATALOG_READ_AT,
        notes="The frame shape follows the first frame.",
    ),
)

"""Midjourney's rows. What other models take as parameters goes into the prompt here, as -- flags. Data only."""

from dataclasses import replace
from typing import Final

from services.catalog.rows.shared import CATALOG_READ_AT, prompt
from services.domain.model import Model, ModelKind, Param, ParamType

_PROMPT: Final = replace(
    prompt(8192),
    min_length=1,
    description="Prompt in Midjourney's style; frame shape, version, speed and seed go in as -- flags.",
)

IMAGES: Final = (
    Model(
        id="midjourney",
        kind=ModelKind.IMAGE,
        vendor="midjourney",
        paths=("/vendors/midjourney/v1/tob/diffusion",),
        params=(_PROMPT,),
        aliases=("midjourney/diffusion",),
        created=CATALOG_READ_AT,
        notes="Makes four pictures a task.",
    ),
)

VIDEOS: Final = (
    Model(
        id="midjourney-video",
        kind=ModelKind.VIDEO,
        vendor="midjourney",
        paths=("/vendors/midjourney/v1/tob/video-diffusion",),
        params=(
            replace(_PROMPT, description="A picture's URL, then the words; first_frame is put in front of them."),
            Param(
                name="video_type",
                type=ParamType.INTEGER,
                description="0 is 480p, 1 is 720p; resolution says the same.",
                sources=("video_type",),
                enum=(0, 1),
                default=0,
            ),
        ),
        aliases=("midjourney/video",),
        created=CATALOG_READ_AT,
        notes="Needs a first frame, best as a URL: picture and words share 8192 characters.",
    ),
)

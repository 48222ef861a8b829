"""OpenAI's rows: pictures by gpt-image-2, clips by Sora. Data only."""

from typing import Final

from services.catalog.rows.shared import CATALOG_READ_AT, prompt, several, text
from services.domain.model import Model, ModelKind, Param, ParamType, Transform

_SIZE: Final = Param(
    name="size",
    type=ParamType.STRING,
    description="Width x height in pixels.",
    sources=("size",),
    enum=("1024x1024", "1536x1024", "1024x1536", "2048x2048", "2048x1152", "3840x2160", "2160x3840", "auto"),
    default="auto",
)
_N: Final = Param(
    name="n",
    type=ParamType.INTEGER,
    description="How many pictures; each is billed.",
    sources=("n",),
    minimum=1,
    maximum=4,
    default=1,
)
_FORMAT: Final = Param(
    name="format",
    type=ParamType.STRING,
    description="File type.",
    sources=("format", "output_format"),
    enum=("png", "jpeg", "webp"),
    default="png",
)
_QUALITY: Final = Param(
    name="quality",
    type=ParamType.STRING,
    description="How much effort is spent.",
    sources=("quality",),
    enum=("high", "medium", "low", "auto"),
    default="high",
)

IMAGES: Final = (
    Model(
        id="gpt-image-2",
        kind=ModelKind.IMAGE,
        vendor="openai",
        paths=("/vendors/openai/v1/gpt-image-2/generation",),
        params=(prompt(), _QUALITY, _SIZE, _N, _FORMAT),
        aliases=("openai/gpt-image-2/generation",),
        created=CATALOG_READ_AT,
        notes="Slow: 2 to 7 minutes a picture are normal.",
    ),
)

EDITS: Final = (
    Model(
        id="gpt-image-2-edit",
        kind=ModelKind.IMAGE_EDIT,
        vendor="openai",
        paths=("/vendors/openai/v1/gpt-image-2/edit",),
        params=(
            prompt(),
            several("images", "Pictures to edit, URL or data URI.", sources=("images", "image"), most=None, required=True),
            text("mask", "Picture that marks the area to change."),
            _SIZE,
            _N,
            _FORMAT,
        ),
        aliases=("openai/gpt-image-2/edit",),
        created=CATALOG_READ_AT,
        notes="Quality cannot be chosen for edits. No upper number of input pictures is published.",
    ),
)


def _seconds(default: str) -> Param:
    return Param(
        name="seconds",
        type=ParamType.STRING,
        description="Clip length in seconds, as a string.",
        sources=("seconds", "duration"),
        transform=Transform.STR,
        enum=("4", "8", "12"),
        default=default,
    )


def _sora_size(*allowed: str, default: str | None) -> Param:
    return Param(
        name="size",
        type=ParamType.STRING,
        description="Width x height in pixels.",
        sources=("size",),
        enum=allowed,
        default=default,
    )


_REFERENCE: Final = text(
    "input_reference",
    "First frame; its pixels should match size. Faces are refused.",
    sources=("input_reference", "image", "first_frame"),
)
_SORA_2: Final = (
    prompt(),
    _seconds("4"),
    _sora_size("720x1280", "1280x720", "1024x1792", "1792x1024", default=None),
    _REFERENCE,
)
_SORA_NOTES: Final = "Beta, and not offered to every account. Links to results live one hour at most."

VIDEOS: Final = (
    Model(
        id="sora",
        kind=ModelKind.VIDEO,
        vendor="openai",
        paths=("/vendors/openai/v1/sora/generation",),
        params=(
            prompt(),
            Param(
                name="model",
                type=ParamType.STRING,
                description="Which Sora answers.",
                sources=("upstream_model",),
                enum=("sora-2",),
                default="sora-2",
            ),
            _seconds("8"),
            _sora_size("720x1280", "1280x720", default="1280x720"),
            _REFERENCE,
        ),
        created=CATALOG_READ_AT,
        notes=_SORA_NOTES,
    ),
    Model(
        id="sora-2",
        kind=ModelKind.VIDEO,
        vendor="openai",
        paths=("/vendors/openai/v1/sora-2/generation",),
        params=_SORA_2,
        created=CATALOG_READ_AT,
        notes=_SORA_NOTES,
    ),
    Model(
        id="sora-2-pro",
        kind=ModelKind.VIDEO,
        vendor="openai",
        paths=("/vendors/openai/v1/sora-2-pro/generation",),
        params=_SORA_2,
        created=CATALOG_READ_AT,
        notes=_SORA_NOTES,
    ),
)

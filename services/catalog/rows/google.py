"""Google's rows: pictures by nano-banana, clips by Veo. Data only."""

from dataclasses import replace
from typing import Final

from services.catalog.rows.shared import (
    CATALOG_READ_AT,
    PICTURE_SOURCES,
    aspect_ratio,
    duration,
    negative_prompt,
    prompt,
    resolution,
    several,
    switch,
    text,
)
from services.domain.model import Model, ModelKind, Param, ParamType, Transform

_RATIO_10: Final = aspect_ratio("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9", default="1:1")
_RATIO_14: Final = aspect_ratio(
    *("1:1", "1:4", "1:8", "2:3", "3:2", "3:4", "4:1", "4:3", "4:5", "5:4", "8:1", "9:16", "16:9", "21:9"),
    default="1:1",
)
_SIZE_CLASS_PRO: Final = replace(
    resolution("1K", "2K", default="2K", transform=Transform.UPPER),
    description="Size class, with a capital K.",
)
_SIZE_CLASS_2: Final = replace(
    resolution("1K", "2K", "4K", default="1K", transform=Transform.UPPER),
    description="Size class, with a capital K.",
)
_WEB: Final = switch("web_search", "Ground the prompt with a web search.", default=False)


def _pictures(most: int) -> Param:
    return several(
        "images",
        "Pictures to edit, URL or data URI; JPEG, PNG, BMP or WEBP, at most 20 MB each.",
        sources=("images", "image"),
        most=most,
        required=True,
    )


_RATIO_NOTES: Final = (
    "The result has a text `description` too. Sources differ on the frame shapes; the vendor's page is followed."
)

IMAGES: Final = (
    Model(
        id="nano-banana",
        kind=ModelKind.IMAGE,
        vendor="google",
        paths=("/vendors/google/v1/nano-banana/generation",),
        params=(prompt(), _RATIO_10),
        aliases=("google/nano-banana/generation",),
        created=CATALOG_READ_AT,
        notes=_RATIO_NOTES,
    ),
    Model(
        id="nano-banana-pro",
        kind=ModelKind.IMAGE,
        vendor="google",
        paths=("/vendors/google/v1/nano-banana-pro/generation",),
        params=(prompt(), _RATIO_10, _SIZE_CLASS_PRO),
        aliases=("google/nano-banana-pro/generation",),
        created=CATALOG_READ_AT,
        notes="No 4K, unlike nano-banana-2. Not offered to every account.",
    ),
    Model(
        id="nano-banana-2",
        kind=ModelKind.IMAGE,
        vendor="google",
        paths=("/vendors/google/v1/nano-banana-2/generation",),
        params=(prompt(), _RATIO_14, _SIZE_CLASS_2, _WEB),
        aliases=("google/nano-banana-2/generation",),
        created=CATALOG_READ_AT,
    ),
)

EDITS: Final = (
    Model(
        id="nano-banana-edit",
        kind=ModelKind.IMAGE_EDIT,
        vendor="google",
        paths=("/vendors/google/v1/nano-banana/edit",),
        params=(prompt(), _pictures(10), _RATIO_10),
        aliases=("google/nano-banana/edit",),
        created=CATALOG_READ_AT,
        notes=_RATIO_NOTES,
    ),
    Model(
        id="nano-banana-pro-edit",
        kind=ModelKind.IMAGE_EDIT,
        vendor="google",
        paths=("/vendors/google/v1/nano-banana-pro/edit",),
        params=(prompt(), _pictures(10), _RATIO_10, _SIZE_CLASS_PRO),
        aliases=("google/nano-banana-pro/edit",),
        created=CATALOG_READ_AT,
        notes="The page speaks of 14 input pictures, its schema of 10; 10 is followed.",
    ),
    Model(
        id="nano-banana-2-edit",
        kind=ModelKind.IMAGE_EDIT,
        vendor="google",
        paths=("/vendors/google/v1/nano-banana-2/edit",),
        params=(prompt(), _pictures(14), _RATIO_14, _SIZE_CLASS_2, _WEB),
        aliases=("google/nano-banana-2/edit",),
        created=CATALOG_READ_AT,
        notes="Up to 10 objects and 4 characters among the input pictures.",
    ),
)

_IMAGE: Final = text("image", "First frame, URL or data URI.", sources=PICTURE_SOURCES)
_LAST: Final = text("last_frame", "End frame to move towards.", when="needs image")
_REFERENCES: Final = several(
    "reference_images",
    "Pictures that guide content or style.",
    sources=("reference_images", "images"),
    most=3,
    when="Veo 3.1 only; needs duration 8",
)
_RATIO: Final = aspect_ratio("16:9", "9:16", default="16:9")
_HD: Final = replace(resolution("720p", "1080p", default="720p", transform=Transform.LOWER), when="1080p needs duration 8")
_UHD: Final = replace(
    resolution("720p", "1080p", "4k", default="720p", transform=Transform.LOWER),
    when="1080p and 4k need duration 8",
)
_SECONDS: Final = duration(4, 6, 8, default=8)
_VEO_31: Final = (prompt(), negative_prompt(), _IMAGE, _LAST, _REFERENCES, _RATIO, _UHD, _SECONDS)

VIDEOS: Final = (
    Model(
        id="veo",
        kind=ModelKind.VIDEO,
        vendor="google",
        paths=("/vendors/google/v1/veo/generation",),
        params=(
            prompt(),
            negative_prompt(),
            Param(
                name="model",
                type=ParamType.STRING,
                description="Which Veo answers.",
                sources=("upstream_model",),
                enum=("veo-3.1", "veo-3.1-fast", "veo-3"),
                default="veo-3.1",
            ),
            _IMAGE,
            replace(_LAST, when="needs image; not for veo-3"),
            _REFERENCES,
            _RATIO,
            _HD,
            _SECONDS,
        ),
        aliases=("google/veo3",),
        created=CATALOG_READ_AT,
        notes="Stands for several Veos; extra.upstream_model picks one.",
    ),
    Model(
        id="veo3",
        kind=ModelKind.VIDEO,
        vendor="google",
        paths=("/vendors/google/v1/veo/generation",),
        params=(
            prompt(),
            negative_prompt(),
            Param(
                name="model", type=ParamType.STRING, description="Veo 3 on the path of all Veos.", required=True, const="veo-3"
            ),
            _IMAGE,
            _RATIO,
            _HD,
            _SECONDS,
        ),
        created=CATALOG_READ_AT,
        notes=(
            "Goes to the path of all Veos with model veo-3, since a path of its own is attested by one source only. "
            "Takes no end frame and no reference pictures, as Veo 3.0."
        ),
    ),
    Model(
        id="veo-3.0",
        kind=ModelKind.VIDEO,
        vendor="google",
        paths=("/vendors/google/v1/veo-3.0/generation",),
        params=(prompt(), negative_prompt(), _IMAGE, _RATIO, _UHD, _SECONDS),
        created=CATALOG_READ_AT,
        notes="Takes no end frame and no reference pictures.",
    ),
    Model(
        id="veo-3.1",
        kind=ModelKind.VIDEO,
        vendor="google",
        paths=("/vendors/google/v1/veo-3.1/generation",),
        params=_VEO_31,
        created=CATALOG_READ_AT,
    ),
    Model(
        id="veo-3.1-fast",
        kind=ModelKind.VIDEO,
        vendor="google",
        paths=("/vendors/google/v1/veo-3.1-fast/generation",),
        params=_VEO_31,
        created=CATALOG_READ_AT,
        notes="No page of its own is published; its parameters are taken to be those of veo-3.1.",
    ),
)

"""Alibaba's wan2.1-vace-plus: five functions on one path, each with its own keys. Data only."""

from typing import Final

from services.catalog.rows.shared import CATALOG_READ_AT, several, switch, text
from services.catalog.rows.wan import PROMPT_800, SAFETY, SECONDS_5, SEED
from services.domain.model import Model, ModelKind, Param, ParamType, Transform


def _words(name: str, description: str, *allowed: str, when: str, sources: tuple[str, ...] = ()) -> Param:
    return Param(
        name=name,
        type=ParamType.STRING,
        description=description,
        sources=sources or (name,),
        enum=allowed,
        when=when,
    )


def _share(name: str, description: str, *, default: float, when: str) -> Param:
    """A number from 0 to 1."""
    return Param(
        name=name,
        type=ParamType.NUMBER,
        description=description,
        sources=(name,),
        minimum=0,
        maximum=1,
        default=default,
        when=when,
    )


def _scale(side: str) -> Param:
    """How far the frame grows on one side."""
    return Param(
        name=f"{side}_scale",
        type=ParamType.NUMBER,
        description=f"How far the frame grows at the {side}; 1 leaves it.",
        sources=(f"{side}_scale",),
        minimum=1,
        maximum=2,
        default=1.0,
        when="video_outpainting",
    )


VIDEOS: Final = (
    Model(
        id="wan2.1-vace-plus",
        kind=ModelKind.VIDEO,
        vendor="alibaba",
        paths=("/vendors/alibaba/v1/wan2.1-vace-plus/generation",),
        aliases=("alibaba/wan2.1-vace-plus",),
        params=(
            Param(
                name="model",
                type=ParamType.STRING,
                description="Must be in the body although the path names it.",
                required=True,
                const="wan2.1-vace-plus",
            ),
            Param(
                name="function",
                type=ParamType.STRING,
                description="Which of five jobs to do; decides which other keys apply.",
                sources=("function",),
                required=True,
                enum=("image_reference", "video_repainting", "video_edit", "video_extension", "video_outpainting"),
            ),
            PROMPT_800,
            several(
                "images",
                "Links to reference pictures.",
                sources=("images", "reference_images", "image"),
                most=3,
                when="image_reference: 1 to 3; video_repainting and video_edit: at most 1",
            ),
            Param(
                name="obj_or_bg",
                type=ParamType.STRINGS,
                description="Whether each picture is an object or the background.",
                sources=("obj_or_bg",),
                enum=("obj", "bg"),
                max_items=3,
                when="image_reference: one for each of images, at most one bg",
            ),
            text(
                "video_url",
                "Link to the input clip; MP4, at most 50 MB and 5 s, 16 frames a second or more.",
                sources=("video", "video_url"),
                when="needed for video_repainting, video_edit and video_outpainting",
            ),
            _words(
                "control_condition",
                "What is taken from the clip.",
                *("posebodyface", "posebody", "depth", "scribble"),
                when=(
                    "video_repainting: needed; video_edit and video_extension: posebodyface or depth, "
                    "needed for an extension with video_url"
                ),
            ),
            _share("strength", "How strongly the taken feature binds.", default=1.0, when="video_repainting"),
            text(
                "mask_image_url",
                "Link to a mask picture; white is changed.",
                sources=("mask", "mask_image_url"),
                when="video_edit: exactly one of the two masks",
            ),
            text("mask_video_url", "Link to a mask clip.", when="video_edit: exactly one of the two masks"),
            Param(
                name="mask_frame_id",
                type=ParamType.INTEGER,
                description="Frame that the mask belongs to.",
                sources=("mask_frame_id",),
                minimum=1,
                default=1,
                when="video_edit",
            ),
            _words(
                "mask_type",
                "Whether the mask follows the subject or stays put.",
                *("tracking", "fixed"),
                when="video_edit with mask_image_url",
            ),
            _share("expand_ratio", "How far the mask grows.", default=0.05, when="mask_type tracking"),
            _words(
                "expand_mode",
                "Shape of the mask; the third word is misspelt by the service.",
                *("hull", "bbox", "orginal"),
                when="mask_type tracking",
            ),
            text(
                "first_frame_url",
                "Link to the opening frame.",
                sources=("first_frame", "first_frame_url"),
                when="video_extension",
            ),
            text(
                "last_frame_url",
                "Link to the closing frame.",
                sources=("last_frame", "last_frame_url"),
                when="video_extension",
            ),
            text("first_clip_url", "Link to the opening clip; MP4, at most 3 s and 50 MB.", when="video_extension"),
            text("last_clip_url", "Link to the closing clip; MP4, at most 3 s and 50 MB.", when="video_extension"),
            *(_scale(side) for side in ("top", "bottom", "left", "right")),
            Param(
                name="size",
                type=ParamType.STRING,
                description="Width*height in pixels.",
                sources=("size",),
                transform=Transform.X_TO_STAR,
                enum=("1280*720", "720*1280", "960*960", "832*1088", "1088*832"),
                default="1280*720",
                when="image_reference and video_edit",
            ),
            SECONDS_5,
            switch("prompt_extend", "Let the service rewrite the prompt.", default=False),
            SEED,
            SAFETY,
        ),
        created=CATALOG_READ_AT,
        notes=(
            "extra.function says which of five jobs to do. Silent clips of 5 s. Sources differ on the key of the pictures and on "
            "how size is written; images and width*height are sent."
        ),
    ),
)

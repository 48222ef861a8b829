"""Alibaba's rows: Wan pictures and clips, and the Wan clips that MuleRouter runs itself (spark). Data only."""

from dataclasses import replace
from typing import Final

from services.catalog.rows.shared import (
    CATALOG_READ_AT,
    PICTURE_SOURCES,
    duration,
    negative_prompt,
    prompt,
    resolution,
    seed,
    several,
    switch,
    text,
)
from services.domain.model import Model, ModelKind, Param, ParamType, Transform

PROMPT_2000: Final = prompt(2000)
PROMPT_800: Final = prompt(800)
NEGATIVE: Final = negative_prompt(500)
SEED: Final = seed(0, 2_147_483_647)
SAFETY: Final = switch("safety_filter", "Content filter.", default=True)
SECONDS_5: Final = duration(5, default=5)
_SECONDS_5_10: Final = duration(5, 10, default=5)
_SECONDS_5_15: Final = duration(5, 10, 15, default=5)
_EXTEND: Final = switch("prompt_extend", "Let the service rewrite a short prompt.", default=True)
_EXTEND_OFF: Final = switch("prompt_extend", "Let the service rewrite a short prompt.", default=False)

_PICTURE_SIZE: Final = Param(
    name="size",
    type=ParamType.STRING,
    description="Width*height in pixels: an area from 768*768 to 1440*1440, sides 1:4 to 4:1.",
    sources=("size",),
    transform=Transform.X_TO_STAR,
    default="1280*1280",
)
_N: Final = Param(
    name="n",
    type=ParamType.INTEGER,
    description="How many pictures; each is billed.",
    sources=("n",),
    minimum=1,
    maximum=4,
    default=1,
    send_default=True,
)
_N_NOTES: Final = "n is always sent, 1 by default: sources put the service's own default at 1 or 4, and each picture is billed."


def _pictures(most: int) -> Param:
    return several(
        "images",
        "Pictures to work from, URL or data URI; JPEG, PNG, BMP or WEBP, sides 384-5000 px, at most 10 MB each.",
        sources=("images", "image"),
        most=most,
        required=True,
    )


def _row(
    name: str,
    *params: Param,
    kind: ModelKind = ModelKind.VIDEO,
    path_name: str = "",
    notes: str = "",
) -> Model:
    return Model(
        id=name,
        kind=kind,
        vendor="alibaba",
        paths=(f"/vendors/alibaba/v1/{path_name or name}/generation",),
        params=params,
        aliases=(f"alibaba/{path_name or name}",),
        created=CATALOG_READ_AT,
        notes=notes,
    )


def _spark(name: str, *params: Param, notes: str = "") -> Model:
    return Model(
        id=name,
        kind=ModelKind.VIDEO,
        vendor="mulerouter",
        paths=(f"/vendors/mulerouter/v1/{name}/generation",),
        params=params,
        created=CATALOG_READ_AT,
        notes=notes,
    )


_IMAGE_TO_IMAGE: Final = (PROMPT_2000, _pictures(3), NEGATIVE, _PICTURE_SIZE, _N, SEED, _EXTEND_OFF, SAFETY)

IMAGES: Final = (
    _row(
        "wan2.6-t2i",
        PROMPT_2000,
        NEGATIVE,
        _PICTURE_SIZE,
        _N,
        _EXTEND_OFF,
        SEED,
        SAFETY,
        kind=ModelKind.IMAGE,
        notes=f"Fast, 10 to 30 seconds. {_N_NOTES}",
    ),
    _row(
        "wan2.6-image",
        PROMPT_2000,
        _pictures(2),
        NEGATIVE,
        _PICTURE_SIZE,
        _N,
        SEED,
        _EXTEND_OFF,
        SAFETY,
        kind=ModelKind.IMAGE,
        notes=f"Needs pictures to work from, so it serves edits too. {_N_NOTES}",
    ),
    _row(
        "wan2.5-t2i-preview",
        PROMPT_2000,
        NEGATIVE,
        _PICTURE_SIZE,
        _N,
        _EXTEND_OFF,
        SEED,
        SAFETY,
        kind=ModelKind.IMAGE,
        notes=_N_NOTES,
    ),
    _row("wan2.5-i2i-preview", *_IMAGE_TO_IMAGE, kind=ModelKind.IMAGE, notes=f"Needs pictures to work from. {_N_NOTES}"),
)

EDITS: Final = (
    _row(
        "wan2.5-i2i-preview-edit",
        *_IMAGE_TO_IMAGE,
        kind=ModelKind.IMAGE_EDIT,
        path_name="wan2.5-i2i-preview",
        notes=f"The same upstream path as wan2.5-i2i-preview. {_N_NOTES}",
    ),
)


def _clip_size(*allowed: str, default: str) -> Param:
    return Param(
        name="size",
        type=ParamType.STRING,
        description="Width*height in pixels.",
        sources=("size",),
        transform=Transform.X_TO_STAR,
        enum=allowed,
        default=default,
    )


def _height(*allowed: str, default: str) -> Param:
    return resolution(*allowed, default=default, transform=Transform.UPPER, sources=("resolution", "size"))


_SIZES_480P: Final = ("832*480", "480*832", "624*624")
_SIZES_720P: Final = ("1280*720", "720*1280", "960*960", "1088*832", "832*1088")
_SIZES_1080P: Final = ("1920*1080", "1080*1920", "1440*1440", "1632*1248", "1248*1632")

_IMAGE: Final = text(
    "image",
    "First frame, URL or data URI; JPEG, PNG without alpha, BMP or WEBP, sides 360-2000 px, at most 10 MB.",
    sources=PICTURE_SOURCES,
    required=True,
)
_LAST: Final = text("last_frame", "End frame, same rules as the first.")
_TEMPLATE: Final = text("template", "Name of a ready-made motion effect.")
_SHOT_TYPE: Final = Param(
    name="shot_type",
    type=ParamType.STRING,
    description="One shot or several.",
    sources=("shot_type",),
    enum=("single", "multi"),
    default="single",
    when="takes effect only with prompt_extend true",
)
_AUDIO: Final = switch(
    "audio",
    "Add a sound track made to fit the picture.",
    default=True,
    sources=("audio", "generate_audio"),
)
_SOUND: Final = (
    _AUDIO,
    text("audio_url", "Own sound track: WAV or MP3, 3-30 s, at most 15 MB; cut if longer than the clip, silence if shorter."),
)

_TAIL_26: Final = (_SECONDS_5_15, _EXTEND, _SHOT_TYPE, *_SOUND, SEED)
_TAIL_25: Final = (_SECONDS_5_10, _EXTEND, *_SOUND, SEED)
_TAIL_22: Final = (SECONDS_5, _EXTEND, SEED)
_T2V_25: Final = (
    PROMPT_2000,
    NEGATIVE,
    _clip_size(*_SIZES_480P, *_SIZES_720P, *_SIZES_1080P, default="1280*720"),
    *_TAIL_25,
    SAFETY,
)

VIDEOS: Final = (
    _row(
        "wan2.6-t2v",
        PROMPT_2000,
        NEGATIVE,
        _clip_size(*_SIZES_720P, *_SIZES_1080P, default="1280*720"),
        *_TAIL_26,
        SAFETY,
        notes="Sources differ on sizes, on shot_type and on whether there is sound by default; the vendor's page is followed.",
    ),
    _row(
        "wan2.6-i2v",
        PROMPT_2000,
        _IMAGE,
        _LAST,
        NEGATIVE,
        _height("720P", "1080P", default="720P"),
        *_TAIL_26,
        SAFETY,
        notes="Sources differ on shot_type and on whether there is sound by default; the vendor's page is followed.",
    ),
    _row(
        "wan2.5-t2v-preview",
        *_T2V_25,
        notes="Sources differ on whether there is sound by default.",
    ),
    _row(
        "wan2.5-i2v-preview",
        PROMPT_2000,
        _IMAGE,
        NEGATIVE,
        _height("480P", "720P", "1080P", default="720P"),
        *_TAIL_25,
        SAFETY,
        notes="Sources differ on whether there is sound by default.",
    ),
    _row(
        "wan2.2-t2v-plus",
        PROMPT_800,
        NEGATIVE,
        _clip_size(*_SIZES_480P, *_SIZES_1080P, default="1920*1080"),
        *_TAIL_22,
        SAFETY,
    ),
    _row(
        "wan2.2-i2v-plus",
        PROMPT_800,
        _IMAGE,
        _LAST,
        NEGATIVE,
        _height("480P", "1080P", default="1080P"),
        *_TAIL_22,
        SAFETY,
    ),
    _row(
        "wan2.2-i2v-flash",
        PROMPT_800,
        _IMAGE,
        NEGATIVE,
        _TEMPLATE,
        _height("480P", "720P", default="720P"),
        *_TAIL_22,
        SAFETY,
    ),
    _row(
        "wan2.1-kf2v-plus",
        PROMPT_800,
        _IMAGE,
        replace(_LAST, required=True),
        NEGATIVE,
        _TEMPLATE,
        _height("720P", default="720P"),
        *_TAIL_22,
        SAFETY,
        notes="Needs both frames.",
    ),
)

SPARK: Final = (
    _spark(
        "wan2.5-t2v-spark",
        *_T2V_25,
        notes="No page of its own is published; its parameters are taken to be those of wan2.5-t2v-preview.",
    ),
    _spark(
        "wan2.5-i2v-spark",
        PROMPT_2000,
        _IMAGE,
        NEGATIVE,
        _height("720P", "1080P", default="720P"),
        *_TAIL_25,
    ),
    _spark(
        "wan2.6-t2v-spark",
        PROMPT_2000,
        NEGATIVE,
        _clip_size(*_SIZES_1080P, default="1920*1080"),
        *_TAIL_26,
    ),
    _spark(
        "wan2.6-i2v-spark",
        PROMPT_2000,
        _IMAGE,
        _LAST,
        NEGATIVE,
        _height("1080P", default="1080P"),
        *_TAIL_26,
    ),
)

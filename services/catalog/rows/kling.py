"""Kling's rows, v2 and v3. Data only."""

from dataclasses import replace
from typing import Final

from services.catalog.rows.shared import (
    CATALOG_READ_AT,
    PICTURE_SOURCES,
    aspect_ratio,
    duration,
    duration_between,
    negative_prompt,
    prompt,
    several,
    switch,
    text,
)
from services.domain.model import Json, Model, ModelKind, Param, ParamType, Transform

_PROMPT: Final = prompt(2500)
_PROMPT_OPTIONAL: Final = prompt(2500, required=False)
_PROMPT_OR_SHOTS: Final = replace(
    _PROMPT_OPTIONAL,
    description="What to make; subjects are referred to as <<<element_1>>>.",
    when="needed unless multi_prompt is there",
)
_NEGATIVE: Final = negative_prompt(2500)
_RATIO: Final = aspect_ratio("16:9", "9:16", "1:1", default="16:9")
_SECONDS_5_10: Final = duration(5, 10, default=5)
_SECONDS_3_15: Final = duration_between(3, 15, default=5)


def _mode(default: str) -> Param:
    return Param(
        name="mode",
        type=ParamType.STRING,
        description="std is 720p, pro is 1080p; resolution says the same.",
        sources=("mode",),
        enum=("std", "pro"),
        default=default,
    )


_STD: Final = _mode("std")
_PRO: Final = _mode("pro")
_SOUND: Final = Param(
    name="sound",
    type=ParamType.STRING,
    description="Make a sound track too.",
    sources=("sound", "generate_audio"),
    transform=Transform.ON_OFF,
    enum=("on", "off"),
    default="off",
)
_CFG_SCALE: Final = Param(
    name="cfg_scale",
    type=ParamType.NUMBER,
    description="How closely to follow the prompt.",
    sources=("cfg_scale",),
    minimum=0,
    maximum=1,
    default=0.5,
)


def _objects(name: str, description: str, *, most: int | None = None, when: str = "") -> Param:
    return Param(name=name, type=ParamType.OBJECTS, description=description, sources=(name,), max_items=most, when=when)


_PICTURE_RULE: Final = "JPG or PNG, at most 10 MB, sides of at least 300 px, ratio 1:2.5 to 2.5:1."

_V2_TEXT: Final = (_PROMPT, _NEGATIVE, _STD, _RATIO, _SECONDS_5_10, _CFG_SCALE)
_V2_FRAMES: Final = (
    replace(
        text(
            "image",
            f"First frame, URL or bare base64 (a data URI is cut to that); {_PICTURE_RULE}",
            sources=PICTURE_SOURCES,
            when="at least one of image and image_tail",
        ),
        transform=Transform.BARE_BASE64,
    ),
    replace(
        text(
            "image_tail",
            f"End frame, URL or bare base64; {_PICTURE_RULE}",
            sources=("last_frame", "image_tail"),
            when="at least one of image and image_tail; not together with masks or camera_control",
        ),
        transform=Transform.BARE_BASE64,
    ),
)
_V2_MOVES: Final = (
    replace(text("static_mask", "Area that must not move."), transform=Transform.BARE_BASE64),
    _objects("dynamic_masks", "Areas with a path to move along: {mask, trajectories: [{x, y}]}."),
    Param(
        name="camera_control",
        type=ParamType.OBJECT,
        description="Camera move: {type, config: {horizontal, vertical, pan, tilt, roll, zoom}}.",
        sources=("camera_control",),
    ),
)
_V2_IMAGE: Final = (*_V2_FRAMES, _PROMPT_OPTIONAL, _NEGATIVE, _STD, _SECONDS_5_10, _CFG_SCALE, *_V2_MOVES)
_VOICES: Final = _objects(
    "voice_list",
    "Own voices, {voice_id} each; referred to as <<<voice_1>>> in the prompt.",
    most=2,
    when="needs sound on",
)

_SHOTS: Final = (
    Param(
        name="multi_shot",
        type=ParamType.STRING,
        description="Several shots in one clip.",
        sources=("multi_shot",),
        transform=Transform.BOOL_STR,
        enum=("true", "false"),
        default="false",
    ),
    Param(
        name="shot_type",
        type=ParamType.STRING,
        description="An own shot list, or one that the model plans.",
        sources=("shot_type",),
        enum=("customize", "intelligence"),
        default="customize",
        when="needed if multi_shot is true",
    ),
    Param(
        name="multi_prompt",
        type=ParamType.OBJECTS,
        description="The shot list: {prompt of at most 512 characters, duration of at least 1 second} each.",
        sources=("multi_prompt",),
        min_items=1,
        max_items=6,
        when="needed if shot_type is customize and multi_shot is true; the shots' durations add up to duration",
    ),
)
_FIRST: Final = text(
    "first_frame",
    f"Opening frame, URL or data URI; {_PICTURE_RULE}",
    sources=("first_frame", "image", "input_reference"),
)
_LAST: Final = text("last_frame", f"Closing frame, URL or data URI; {_PICTURE_RULE}")
_LAST_AFTER_FIRST: Final = replace(_LAST, when="needs first_frame")
_REFERENCES: Final = several(
    "images",
    "Reference pictures, URL or data URI.",
    sources=("images", "reference_images"),
    most=None,
)
_CLIP: Final = text(
    "video",
    "Input clip's URL; MP4 or MOV, 3-10 s, 720-2160 px, at most 200 MB. It is @Video1 in the prompt.",
    sources=("video", "video_url"),
    required=True,
)
_KEEP_AUDIO: Final = switch("keep_audio", "Keep the sound of the input clip.", default=False)


def _elements(most: int, *, when: str = "") -> Param:
    return _objects(
        "elements",
        "Subjects to keep recognisable: {type: image or video, frontal_image, reference_images of 1 to 3, reference_videos}.",
        most=most,
        when=when,
    )


_ELEMENTS_BESIDE_CLIP: Final = _elements(4, when="at most 4 elements and images together")


def _row(name: str, *params: Param, alias: str = "", strict: bool = False, notes: str = "") -> Model:
    """A row whose path is made of its id, model and action."""
    model, action = next(
        (name.removesuffix(f"-{action}"), action)
        for action in (
            "reference-image-to-video",
            "reference-video-to-video",
            "text-to-video",
            "image-to-video",
            "video-to-video-edit",
        )
        if name.endswith(f"-{action}")
    )
    verb = "edit" if action.endswith("-edit") else "generation"
    return Model(
        id=name,
        kind=ModelKind.VIDEO,
        vendor="klingai",
        paths=(f"/vendors/klingai/v1/{model}/{action.removesuffix('-edit')}/{verb}",),
        params=params,
        aliases=(f"klingai/{alias}",) if alias else (),
        strict=strict,
        created=CATALOG_READ_AT,
        notes=notes,
    )


def _always(param: Param, default: Json) -> Param:
    return replace(param, default=default, send_default=True)


_FRAME_NOTES: Final = "Sources differ on pictures as bare base64 or data URI; they are sent as they come."

VIDEOS: Final = (
    _row("kling-v2.1-master-text-to-video", *_V2_TEXT, notes="Makes no sound."),
    _row("kling-v2.1-master-image-to-video", *_V2_IMAGE, notes="Makes no sound."),
    _row("kling-v2.5-turbo-text-to-video", *_V2_TEXT, notes="Makes no sound."),
    _row("kling-v2.5-turbo-image-to-video", *_V2_IMAGE, notes="Makes no sound."),
    _row("kling-v2.6-text-to-video", *_V2_TEXT, _SOUND),
    _row(
        "kling-v2.6-image-to-video",
        *_V2_FRAMES,
        _PROMPT_OPTIONAL,
        _NEGATIVE,
        _STD,
        _SECONDS_5_10,
        _CFG_SCALE,
        _SOUND,
        _VOICES,
        *_V2_MOVES,
    ),
    _row(
        "kling-v3-text-to-video",
        _PROMPT_OR_SHOTS,
        _NEGATIVE,
        _STD,
        *_SHOTS,
        _RATIO,
        _SECONDS_3_15,
        _SOUND,
        alias="kling-v3-t2v",
        notes='multi_shot is sent as "true" or "false", though one page types it boolean.',
    ),
    _row(
        "kling-v3-image-to-video",
        replace(_FIRST, when="at least one of first_frame and last_frame"),
        replace(_LAST, when="at least one of first_frame and last_frame"),
        _elements(3),
        _PROMPT_OR_SHOTS,
        _NEGATIVE,
        _STD,
        *_SHOTS,
        _SECONDS_3_15,
        _SOUND,
        alias="kling-v3-i2v",
        notes=_FRAME_NOTES,
    ),
    _row(
        "kling-v3-omni-text-to-video",
        _PROMPT_OR_SHOTS,
        _NEGATIVE,
        _SOUND,
        _PRO,
        _RATIO,
        _SECONDS_3_15,
        *_SHOTS,
        alias="kling-v3-omni-t2v",
    ),
    _row(
        "kling-v3-omni-image-to-video",
        replace(_FIRST, required=True),
        _LAST_AFTER_FIRST,
        _REFERENCES,
        _PROMPT_OR_SHOTS,
        _NEGATIVE,
        _SOUND,
        _PRO,
        _SECONDS_3_15,
        replace(_RATIO, default=None),
        *_SHOTS,
        _elements(3),
        alias="kling-v3-omni-i2v",
        notes=(
            f"{_FRAME_NOTES} For reference pictures without a first frame take kling-v3-omni-reference-image-to-video. "
            "The frame shape follows the first frame."
        ),
    ),
    _row(
        "kling-v3-omni-reference-image-to-video",
        _PROMPT_OR_SHOTS,
        _NEGATIVE,
        _FIRST,
        _LAST_AFTER_FIRST,
        _REFERENCES,
        _elements(7, when="at most 7 elements, images and frames together"),
        _SOUND,
        _PRO,
        _RATIO,
        _SECONDS_3_15,
        *_SHOTS,
        alias="kling-v3-omni-ref2v",
        notes=_FRAME_NOTES,
    ),
    _row(
        "kling-v3-omni-reference-video-to-video",
        _PROMPT,
        _NEGATIVE,
        _CLIP,
        _KEEP_AUDIO,
        _REFERENCES,
        _ELEMENTS_BESIDE_CLIP,
        _PRO,
        _always(_RATIO, "16:9"),
        _SECONDS_3_15,
        alias="kling-v3-omni-v2v",
        strict=True,
        notes="Keys that are not listed here are refused, as the service does. aspect_ratio is always sent; 16:9 by default.",
    ),
    _row(
        "kling-v3-omni-video-to-video-edit",
        _PROMPT,
        _NEGATIVE,
        _CLIP,
        _KEEP_AUDIO,
        _REFERENCES,
        _ELEMENTS_BESIDE_CLIP,
        _PRO,
        alias="kling-v3-omni-v2v-edit",
        notes="Length and frame shape are those of the input clip.",
    ),
)

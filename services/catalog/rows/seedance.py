"""ByteDance's rows: Seedance 2.0 and its fast variant. The service takes the model from the path. Data only."""

from typing import Final

from services.catalog.rows.shared import (
    CATALOG_READ_AT,
    aspect_ratio,
    duration,
    prompt,
    resolution,
    seed,
    several,
    switch,
    text,
)
from services.domain.model import Model, ModelKind, Param, ParamType, Transform

_RESOLUTION: Final = resolution("480p", "720p", "1080p", default="720p", transform=Transform.LOWER)
_RESOLUTION_FAST: Final = resolution("480p", "720p", default="720p", transform=Transform.LOWER)
_RATIO: Final = aspect_ratio("16:9", "4:3", "1:1", "3:4", "9:16", "21:9", "adaptive", default="adaptive")
_SECONDS: Final = duration(-1, *range(4, 16), default=5)
_AUDIO: Final = switch("generate_audio", "Make a sound track too.", default=True)
_SEED: Final = seed(-1, 4_294_967_295)
_WEB: Final = switch("web_search", "Ground the prompt with a web search.", default=False)
_CAMERA: Final = switch("camera_fixed", "Hold the camera still.", default=False)
_WATERMARK: Final = switch("watermark", "Stamp a watermark.", default=False)


def _off(name: str) -> Param:
    """A switch that the fast variant refuses unless it is false."""
    return Param(
        name=name,
        type=ParamType.BOOLEAN,
        description="The fast variant has no such switch; only false is taken.",
        sources=(name,),
        enum=(False,),
        default=False,
    )


_FRAMES: Final = (
    text(
        "image",
        "First frame, URL or data URI.",
        sources=("first_frame", "image", "input_reference"),
        required=True,
    ),
    text("last_frame_image", "End frame, URL or data URI.", sources=("last_frame", "last_frame_image")),
)
_REFERENCES: Final = (
    several(
        "images",
        "Reference pictures, URL or data URI.",
        sources=("images", "reference_images"),
        most=9,
        when="images or videos must be there",
    ),
    several(
        "videos",
        "Reference clips; https URLs only.",
        sources=("videos", "video"),
        most=3,
        when="images or videos must be there",
    ),
    several(
        "audios",
        "Reference sound, URL or data URI.",
        sources=("audios", "audio_url"),
        most=3,
        when="never alone: images or videos must be there too",
    ),
)


def _row(model: str, action: str, *params: Param, notes: str = "") -> Model:
    return Model(
        id=f"{model}-{action}",
        kind=ModelKind.VIDEO,
        vendor="bytedance",
        paths=(f"/vendors/bytedance/v1/{model}/{action}/generation",),
        params=params,
        aliases=(f"bytedance/{model}/{action}",),
        created=CATALOG_READ_AT,
        notes=notes,
    )


_GUIDE: Final = prompt(required=False)
_END_STD: Final = (_RESOLUTION, _RATIO, _SECONDS, _AUDIO, _SEED)
_END_FAST: Final = (_RESOLUTION_FAST, _RATIO, _SECONDS, _AUDIO, _SEED)
_STD: Final = "seedance-2.0"
_FAST: Final = "seedance-2.0-fast"

VIDEOS: Final = (
    _row(_STD, "text-to-video", prompt(), *_END_STD, _WEB, _CAMERA, _WATERMARK),
    _row(_STD, "image-to-video", *_FRAMES, _GUIDE, *_END_STD),
    _row(_STD, "reference-to-video", _GUIDE, *_REFERENCES, *_END_STD, _WEB),
    _row(
        _FAST,
        "text-to-video",
        prompt(),
        *_END_FAST,
        _WEB,
        _off("camera_fixed"),
        _off("watermark"),
        notes="No 1080p; camera_fixed and watermark cannot be switched on.",
    ),
    _row(_FAST, "image-to-video", *_FRAMES, _GUIDE, *_END_FAST, notes="No 1080p."),
    _row(_FAST, "reference-to-video", _GUIDE, *_REFERENCES, *_END_FAST, _WEB, notes="No 1080p."),
)

"""Conditions between parameters: each breach is named, and what keeps them passes."""

from collections.abc import Callable
from typing import Final

import pytest

from services.catalog.catalog import Catalog
from services.catalog.conditions import CONDITIONS
from services.domain.model import Json

Body = dict[str, Json]
LINK: Final = "https://files.example/cat.png"
CLIP: Final = "https://files.example/cat.mp4"
WORDS: Final = "a cat on a mat"
SHOTS: Final[Json] = [{"prompt": "a cat", "duration": 2}, {"prompt": "a mat", "duration": "3"}]
SUBJECT: Final[Json] = {"type": "image", "frontal_image": LINK}

BREACHES: Final[tuple[tuple[str, Body, Body, str, str], ...]] = (
    ("veo-3.1", {"seconds": "4", "resolution": "1080p"}, {}, "seconds", "must be 8 for 1080p; got 4"),
    ("veo-3.0", {"seconds": "6", "resolution": "4k"}, {}, "seconds", "must be 8 for 4k; got 6"),
    ("veo-3.1", {"last_frame": LINK}, {}, "last_frame", "needs first_frame too"),
    ("veo-3.1", {"reference_images": [LINK], "seconds": "4"}, {}, "seconds", "must be 8 with reference_images; got 4"),
    (
        "veo",
        {"first_frame": LINK, "last_frame": LINK},
        {"upstream_model": "veo-3"},
        "last_frame",
        "is not taken by veo-3; choose veo-3.1",
    ),
    (
        "kling-v2.6-image-to-video",
        {},
        {},
        "first_frame",
        "is required by kling-v2.6-image-to-video, unless last_frame is there",
    ),
    (
        "kling-v2.6-image-to-video",
        {"last_frame": LINK},
        {"static_mask": LINK},
        "last_frame",
        "cannot go together with extra.static_mask",
    ),
    (
        "kling-v2.6-image-to-video",
        {"first_frame": LINK},
        {"voice_list": [{"voice_id": "v"}]},
        "extra.voice_list",
        "needs generate_audio on",
    ),
    (
        "kling-v3-image-to-video",
        {},
        {},
        "first_frame",
        "is required by kling-v3-image-to-video, unless last_frame is there",
    ),
    (
        "kling-v3-text-to-video",
        {},
        {"multi_shot": True},
        "extra.shot_type",
        "is required when multi_shot is true: customize or intelligence",
    ),
    (
        "kling-v3-text-to-video",
        {},
        {"multi_shot": "true", "shot_type": "customize"},
        "extra.multi_prompt",
        "is required when shot_type is customize",
    ),
    (
        "kling-v3-text-to-video",
        {"seconds": "6"},
        {"multi_prompt": SHOTS},
        "seconds",
        "must be the sum of the shots' durations: they add up to 5, the clip has 6",
    ),
    (
        "kling-v3-text-to-video",
        {},
        {"multi_prompt": [{"prompt": "x" * 513, "duration": 5}]},
        "extra.multi_prompt[0].prompt",
        "must be a string of 1 to 512 characters",
    ),
    (
        "kling-v3-text-to-video",
        {},
        {"multi_prompt": [{"prompt": "x", "duration": 0}]},
        "extra.multi_prompt[0].duration",
        "must be a whole number of at least 1; got 0",
    ),
    (
        "kling-v3-image-to-video",
        {"first_frame": LINK},
        {"elements": [{"type": ["image"]}]},
        "extra.elements[0].type",
        "must be one of image, video; got a list of 1",
    ),
    (
        "kling-v3-image-to-video",
        {"first_frame": LINK},
        {"elements": [{"type": "image", "reference_images": [LINK] * 4}]},
        "extra.elements[0].reference_images",
        "must be a list of 1 to 3; got a list of 4",
    ),
    (
        "kling-v3-image-to-video",
        {"first_frame": LINK},
        {"elements": [SUBJECT] * 4},
        "extra.elements",
        "must have at most 3; got 4",
    ),
    ("kling-v3-omni-reference-image-to-video", {"last_frame": LINK}, {}, "last_frame", "needs first_frame too"),
    (
        "kling-v3-omni-reference-image-to-video",
        {"first_frame": LINK, "reference_images": [LINK] * 5},
        {"elements": [SUBJECT] * 2},
        "extra.elements",
        "takes at most 7 of extra.elements or reference_images or first_frame or last_frame together; got 8",
    ),
    (
        "kling-v3-omni-video-to-video-edit",
        {"video": CLIP, "reference_images": [LINK] * 5},
        {},
        "reference_images",
        "takes at most 4 of extra.elements or reference_images together; got 5",
    ),
    (
        "seedance-2.0-reference-to-video",
        {},
        {"audios": [LINK]},
        "reference_images",
        "is required by seedance-2.0-reference-to-video, unless video is there",
    ),
    (
        "seedance-2.0-reference-to-video",
        {"video": "data:video/mp4;base64,AAAA"},
        {},
        "video",
        'must be an https URL; got "data:video/mp4;base64,AAAA"',
    ),
    ("wan2.1-vace-plus", {}, {"function": "image_reference"}, "reference_images", "is required for image_reference"),
    (
        "wan2.1-vace-plus",
        {"reference_images": [LINK, LINK]},
        {"function": "image_reference", "obj_or_bg": ["obj"]},
        "extra.obj_or_bg",
        "must have one word for each picture: 2 pictures, 1 words",
    ),
    (
        "wan2.1-vace-plus",
        {"reference_images": [LINK, LINK]},
        {"function": "image_reference", "obj_or_bg": ["bg", "bg"]},
        "extra.obj_or_bg",
        "must have at most one bg; got 2",
    ),
    (
        "wan2.1-vace-plus",
        {"reference_images": [LINK]},
        {"function": "image_reference", "obj_or_bg": ["sky"]},
        "extra.obj_or_bg",
        "must be one of obj, bg; got sky",
    ),
    (
        "wan2.1-vace-plus",
        {"video": CLIP},
        {"function": "video_repainting"},
        "extra.control_condition",
        "is required for video_repainting",
    ),
    (
        "wan2.1-vace-plus",
        {"video": CLIP, "reference_images": [LINK] * 2},
        {"function": "video_repainting", "control_condition": "depth"},
        "reference_images",
        "must have at most 1 for video_repainting; got 2",
    ),
    ("wan2.1-vace-plus", {}, {"function": "video_outpainting"}, "video", "is required for video_outpainting"),
    ("wan2.1-vace-plus", {"video": CLIP}, {"function": "video_edit"}, "extra.mask", "exactly one of them, is required"),
    (
        "wan2.1-vace-plus",
        {"video": CLIP, "mask": LINK},
        {"function": "video_edit", "mask_video_url": CLIP},
        "mask",
        "exactly one of them, is required",
    ),
    (
        "wan2.1-vace-plus",
        {"video": CLIP, "mask": LINK},
        {"function": "video_edit", "control_condition": "scribble"},
        "extra.control_condition",
        "must be one of posebodyface, depth for video_edit; got scribble",
    ),
    ("wan2.1-vace-plus", {}, {"function": "video_extension"}, "first_frame", "to extend from is required"),
    (
        "wan2.1-vace-plus",
        {"video": CLIP},
        {"function": "video_extension"},
        "extra.control_condition",
        "is required for video_extension",
    ),
    ("music-2.5", {}, {}, "lyrics", "is required by music-2.5, unless extra.lyrics_optimizer is true"),
)


@pytest.mark.parametrize(("model", "wish", "extra", "field", "told"), BREACHES)
def test_a_breach_is_refused(
    model: str, wish: Body, extra: Body, field: str, told: str, violations: Callable[..., dict[str, str]]
) -> None:
    refused = violations(model, {"prompt": WORDS, **wish}, **extra)
    assert list(refused) == [field]
    assert told in refused[field]


NO_FILES: Final = (
    ("wan2.6-i2v", {"first_frame": "cat.png"}, "first_frame", "must be an http(s) URL, a data URI or base64; got cat.png"),
    ("nano-banana-edit", {"images": [LINK, "./cat"]}, "images", "must be an http(s) URL, a data URI or base64; got ./cat"),
    ("kling-v3-omni-video-to-video-edit", {"video": "cat.mp4"}, "video", "must be an http(s) URL; got cat.mp4"),
    (
        "wan2.1-vace-plus",
        {"first_frame": "data:image/png;base64,iVBORw0KGgo="},
        "first_frame",
        'must be an http(s) URL; got "data:image/png;base64,iVBORw0KGgo="',
    ),
)


@pytest.mark.parametrize(("model", "wish", "field", "told"), NO_FILES)
def test_a_file_comes_as_a_link_or_as_its_content(
    model: str, wish: Body, field: str, told: str, violations: Callable[..., dict[str, str]]
) -> None:
    function: Body = {"function": "video_extension"} if model == "wan2.1-vace-plus" else {}
    assert violations(model, {"prompt": WORDS, **wish}, **function) == {field: told}


@pytest.mark.parametrize("picture", ["HTTPS://files.example/a", "data:image/png;base64,iVBORw0KGgo=", "iVBORw0KGgoAAAAN"])
def test_a_picture_may_be_a_link_a_data_uri_or_base64(picture: str, body: Callable[..., Body]) -> None:
    assert body("wan2.6-i2v", {"prompt": WORDS, "first_frame": picture})["image"] == picture


KEPT: Final[tuple[tuple[str, Body, Body], ...]] = (
    ("veo-3.1", {"resolution": "1080p"}, {}),
    ("veo-3.1", {"resolution": "4k", "seconds": "8", "reference_images": [LINK]}, {}),
    ("veo", {"first_frame": LINK, "last_frame": LINK}, {"upstream_model": "veo-3.1-fast"}),
    ("kling-v2.6-image-to-video", {"last_frame": LINK}, {}),
    ("kling-v2.6-image-to-video", {"first_frame": LINK, "generate_audio": True}, {"voice_list": [{"voice_id": "v"}]}),
    ("kling-v3-text-to-video", {}, {"multi_shot": True, "shot_type": "intelligence"}),
    ("kling-v3-text-to-video", {}, {"multi_shot": True, "shot_type": "customize", "multi_prompt": SHOTS}),
    ("kling-v3-omni-reference-image-to-video", {"reference_images": [LINK] * 7}, {}),
    ("wan2.1-vace-plus", {"video": CLIP}, {"function": "video_outpainting", "top_scale": 1.5}),
    ("wan2.1-vace-plus", {"first_frame": LINK}, {"function": "video_extension"}),
    ("wan2.1-vace-plus", {"reference_images": [LINK] * 2}, {"function": "image_reference", "obj_or_bg": ["obj", "bg"]}),
)


@pytest.mark.parametrize(("model", "wish", "extra"), KEPT)
def test_what_keeps_the_conditions_passes(model: str, wish: Body, extra: Body, body: Callable[..., Body]) -> None:
    assert body(model, {"prompt": WORDS, **wish}, **extra)["prompt"] == WORDS


def test_a_wrong_value_is_not_called_missing_as_well(violations: Callable[..., dict[str, str]]) -> None:
    refused = violations("music-2.5", {"prompt": WORDS, "lyrics": "short"})
    assert refused == {"lyrics": "must have at least 10 characters; got 5"}


def test_conditions_are_of_models_that_exist(catalog: Catalog) -> None:
    assert set(CONDITIONS) <= {model.id for model in catalog.models}

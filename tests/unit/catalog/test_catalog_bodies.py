"""For each media model, the least that a caller must say, and the body that comes of it."""

from collections.abc import Callable
from typing import Final

import pytest

from services.catalog.catalog import Catalog
from services.domain.model import Json, ModelKind

Body = dict[str, Json]
LINK: Final = "https://files.example/cat.png"
CLIP: Final = "https://files.example/cat.mp4"
WORDS: Final = "a cat on a mat"
SONG: Final = "[Verse] a cat sat on a mat"

FROM_WORDS: Final = (
    *("gpt-image-2", "nano-banana", "nano-banana-pro", "nano-banana-2", "midjourney"),
    *("sora", "sora-2", "sora-2-pro", "veo", "veo-3.0", "veo-3.1", "veo-3.1-fast"),
    *("kling-v2.1-master-text-to-video", "kling-v2.5-turbo-text-to-video", "kling-v2.6-text-to-video"),
    *("kling-v3-text-to-video", "kling-v3-omni-text-to-video", "kling-v3-omni-reference-image-to-video"),
    *("seedance-2.0-text-to-video", "seedance-2.0-fast-text-to-video"),
    *("wan2.6-t2v", "wan2.5-t2v-preview", "wan2.2-t2v-plus", "wan2.5-t2v-spark", "wan2.6-t2v-spark", "happy-horse-1-0-t2v"),
)
FROM_PICTURES: Final = ("gpt-image-2-edit", "nano-banana-edit", "nano-banana-pro-edit", "nano-banana-2-edit")
ONE_BY_DEFAULT: Final = ("wan2.6-t2i", "wan2.5-t2i-preview")
ONE_BY_DEFAULT_FROM_PICTURES: Final = ("wan2.6-image", "wan2.5-i2i-preview", "wan2.5-i2i-preview-edit")
WORDS_AND_FIRST_FRAME: Final = (
    *("wan2.6-i2v", "wan2.5-i2v-preview", "wan2.2-i2v-plus", "wan2.2-i2v-flash", "wan2.5-i2v-spark", "wan2.6-i2v-spark"),
)
FIRST_FRAME: Final = (
    *("kling-v2.1-master-image-to-video", "kling-v2.5-turbo-image-to-video", "kling-v2.6-image-to-video"),
    *("seedance-2.0-image-to-video", "seedance-2.0-fast-image-to-video", "happy-horse-1-0-i2v"),
)

LEAST: Final[dict[str, tuple[Body, Body, Body]]] = {
    **{model: ({"prompt": WORDS}, {}, {"prompt": WORDS}) for model in FROM_WORDS},
    **{model: ({"prompt": WORDS, "images": [LINK]}, {}, {"prompt": WORDS, "images": [LINK]}) for model in FROM_PICTURES},
    **{model: ({"prompt": WORDS}, {}, {"prompt": WORDS, "n": 1}) for model in ONE_BY_DEFAULT},
    **{
        model: ({"prompt": WORDS, "images": [LINK]}, {}, {"prompt": WORDS, "images": [LINK], "n": 1})
        for model in ONE_BY_DEFAULT_FROM_PICTURES
    },
    **{model: ({"prompt": WORDS, "first_frame": LINK}, {}, {"prompt": WORDS, "image": LINK}) for model in WORDS_AND_FIRST_FRAME},
    **{model: ({"first_frame": LINK}, {}, {"image": LINK}) for model in FIRST_FRAME},
    "veo3": ({"prompt": WORDS}, {}, {"prompt": WORDS, "model": "veo-3"}),
    "kling-v3-image-to-video": (
        {"prompt": WORDS, "first_frame": LINK},
        {},
        {"first_frame": LINK, "prompt": WORDS},
    ),
    "kling-v3-omni-image-to-video": (
        {"prompt": WORDS, "first_frame": LINK},
        {},
        {"first_frame": LINK, "prompt": WORDS},
    ),
    "kling-v3-omni-reference-video-to-video": (
        {"prompt": WORDS, "video": CLIP},
        {},
        {"prompt": WORDS, "video": CLIP, "aspect_ratio": "16:9"},
    ),
    "kling-v3-omni-video-to-video-edit": (
        {"prompt": WORDS, "video": CLIP},
        {},
        {"prompt": WORDS, "video": CLIP},
    ),
    "seedance-2.0-reference-to-video": ({"reference_images": [LINK]}, {}, {"images": [LINK]}),
    "seedance-2.0-fast-reference-to-video": ({"video": CLIP}, {}, {"videos": [CLIP]}),
    "wan2.1-kf2v-plus": (
        {"prompt": WORDS, "first_frame": LINK, "last_frame": LINK},
        {},
        {"prompt": WORDS, "image": LINK, "last_frame": LINK},
    ),
    "wan2.1-vace-plus": (
        {"prompt": WORDS, "reference_images": [LINK]},
        {"function": "image_reference"},
        {"model": "wan2.1-vace-plus", "function": "image_reference", "prompt": WORDS, "images": [LINK]},
    ),
    "midjourney-video": ({"prompt": WORDS, "first_frame": LINK}, {}, {"prompt": f"{LINK} {WORDS}"}),
    **{
        model: (
            {"prompt": WORDS},
            {},
            {"prompt": WORDS, "voice_setting": {"voice_id": "Wise_Woman"}, "output_format": "url"},
        )
        for model in ("speech-2.8-hd", "speech-2.8-turbo")
    },
    **{
        model: ({"prompt": WORDS, "lyrics": SONG}, {}, {"prompt": WORDS, "lyrics_prompt": SONG})
        for model in ("music-2.0", "music-2.5")
    },
}


def test_every_media_model_is_in_the_table(catalog: Catalog) -> None:
    assert set(LEAST) == {model.id for model in catalog.models if model.kind is not ModelKind.TEXT}


@pytest.mark.parametrize("model", LEAST)
def test_the_least_wish_gives_this_body(model: str, body: Callable[..., Body]) -> None:
    wish, extra, expected = LEAST[model]
    assert body(model, wish, **extra) == expected


FULL: Final[tuple[tuple[str, Body, Body, Body], ...]] = (
    (
        "gpt-image-2",
        {"prompt": WORDS, "n": 2, "size": "1536*1024", "quality": "low", "output_format": "webp"},
        {},
        {"prompt": WORDS, "quality": "low", "size": "1536x1024", "n": 2, "format": "webp"},
    ),
    (
        "gpt-image-2-edit",
        {"prompt": WORDS, "images": [LINK, LINK], "mask": LINK, "size": "auto", "quality": "auto"},
        {},
        {"prompt": WORDS, "images": [LINK, LINK], "mask": LINK, "size": "auto"},
    ),
    (
        "nano-banana-2",
        {"prompt": WORDS, "aspect_ratio": "21:9", "resolution": "4k", "n": 1},
        {"web_search": True},
        {"prompt": WORDS, "aspect_ratio": "21:9", "resolution": "4K", "web_search": True},
    ),
    (
        "wan2.6-t2i",
        {"prompt": WORDS, "negative_prompt": "dogs", "size": "1024x1024", "n": 4, "seed": 7},
        {"prompt_extend": True, "safety_filter": False},
        {
            "prompt": WORDS,
            "negative_prompt": "dogs",
            "size": "1024*1024",
            "n": 4,
            "prompt_extend": True,
            "seed": 7,
            "safety_filter": False,
        },
    ),
    (
        "sora-2",
        {"prompt": WORDS, "seconds": "8", "size": "720x1280", "first_frame": LINK},
        {},
        {"prompt": WORDS, "seconds": "8", "size": "720x1280", "input_reference": LINK},
    ),
    ("sora", {"prompt": WORDS, "seconds": 4}, {"upstream_model": "sora-2"}, {"prompt": WORDS, "model": "sora-2", "seconds": "4"}),
    (
        "veo-3.1",
        {"prompt": WORDS, "seconds": "8", "resolution": "1080P", "first_frame": LINK, "last_frame": LINK},
        {},
        {"prompt": WORDS, "image": LINK, "last_frame": LINK, "resolution": "1080p", "duration": 8},
    ),
    (
        "kling-v2.6-text-to-video",
        {"prompt": WORDS, "seconds": "10", "generate_audio": True, "aspect_ratio": "1:1"},
        {"cfg_scale": 0.25, "mode": "pro"},
        {"prompt": WORDS, "mode": "pro", "aspect_ratio": "1:1", "duration": 10, "cfg_scale": 0.25, "sound": "on"},
    ),
    (
        "kling-v2.5-turbo-image-to-video",
        {"first_frame": "data:image/png;base64,iVBORw0KGgo=", "last_frame": LINK},
        {},
        {"image": "iVBORw0KGgo=", "image_tail": LINK},
    ),
    (
        "kling-v3-text-to-video",
        {"seconds": "8"},
        {
            "multi_shot": True,
            "shot_type": "customize",
            "multi_prompt": [{"prompt": "a cat", "duration": 3.0}, {"prompt": "a mat", "duration": 5.0}],
        },
        {
            "multi_shot": "true",
            "shot_type": "customize",
            "multi_prompt": [{"prompt": "a cat", "duration": 3}, {"prompt": "a mat", "duration": 5}],
            "duration": 8,
        },
    ),
    (
        "kling-v3-image-to-video",
        {"prompt": WORDS, "last_frame": LINK},
        {"elements": [{"type": "image", "frontal_image": LINK}]},
        {"last_frame": LINK, "elements": [{"type": "image", "frontal_image": LINK}], "prompt": WORDS},
    ),
    (
        "seedance-2.0-image-to-video",
        {"first_frame": LINK, "last_frame": LINK, "resolution": "1080P", "seconds": "-1", "generate_audio": False, "seed": -1},
        {},
        {
            "image": LINK,
            "last_frame_image": LINK,
            "resolution": "1080p",
            "duration": -1,
            "generate_audio": False,
            "seed": -1,
        },
    ),
    (
        "seedance-2.0-reference-to-video",
        {"prompt": WORDS, "reference_images": [LINK], "video": CLIP},
        {"audio_url": "https://files.example/cat.mp3"},
        {"prompt": WORDS, "images": [LINK], "videos": [CLIP], "audios": ["https://files.example/cat.mp3"]},
    ),
    ("seedance-2.0-fast-text-to-video", {"prompt": WORDS}, {"watermark": False}, {"prompt": WORDS, "watermark": False}),
    (
        "wan2.6-t2v",
        {"prompt": WORDS, "size": "1920x1080", "seconds": "15", "generate_audio": False},
        {"shot_type": "multi"},
        {"prompt": WORDS, "size": "1920*1080", "duration": 15, "shot_type": "multi", "audio": False},
    ),
    (
        "wan2.1-vace-plus",
        {"prompt": WORDS, "video": CLIP, "mask": LINK},
        {"function": "video_edit", "control_condition": "depth", "mask_type": "tracking", "expand_mode": "orginal"},
        {
            "model": "wan2.1-vace-plus",
            "function": "video_edit",
            "prompt": WORDS,
            "video_url": CLIP,
            "control_condition": "depth",
            "mask_image_url": LINK,
            "mask_type": "tracking",
            "expand_mode": "orginal",
        },
    ),
    (
        "speech-2.8-hd",
        {"prompt": WORDS, "voice": "Deep_Voice_Man", "speed": 1.5, "response_format": "flac", "sample_rate": 44100},
        {"emotion": "happy", "voice_setting": {"pitch": 2.0}, "audio_setting": {"channel": 1}, "language_boost": "auto"},
        {
            "prompt": WORDS,
            "voice_setting": {"voice_id": "Deep_Voice_Man", "speed": 1.5, "pitch": 2, "emotion": "happy"},
            "language_boost": "auto",
            "audio_setting": {"format": "flac", "sample_rate": 44100, "channel": 1},
            "output_format": "url",
        },
    ),
    (
        "music-2.5",
        {"prompt": WORDS, "response_format": "pcm", "sample_rate": 32000, "bitrate": 64000},
        {"lyrics_optimizer": True},
        {
            "prompt": WORDS,
            "lyrics_optimizer": True,
            "audio_setting": {"format": "pcm", "sample_rate": 32000, "bitrate": 64000},
        },
    ),
)


@pytest.mark.parametrize(("model", "wish", "extra", "expected"), FULL, ids=[row[0] for row in FULL])
def test_a_fuller_wish_gives_this_body(model: str, wish: Body, extra: Body, expected: Body, body: Callable[..., Body]) -> None:
    assert body(model, wish, **extra) == expected


def test_unknown_extra_keys_pass_on_as_they_are(body: Callable[..., Body]) -> None:
    made = body("veo-3.1", {"prompt": WORDS}, person_generation="allow_all", deep={"list": [1.0, 2.5, None]})
    assert made["person_generation"] == "allow_all"
    assert made["deep"] == {"list": [1, 2.5, None]}


def test_unknown_keys_of_a_nested_object_stay_inside_it(body: Callable[..., Body]) -> None:
    made = body("speech-2.8-hd", {"prompt": WORDS}, voice_setting={"timbre": "warm"})
    assert made["voice_setting"] == {"voice_id": "Wise_Woman", "timbre": "warm"}


def test_a_dotted_extra_key_names_the_same_parameter(body: Callable[..., Body]) -> None:
    assert body("speech-2.8-hd", {"prompt": WORDS}, **{"voice_setting.vol": 2})["voice_setting"] == {
        "voice_id": "Wise_Woman",
        "vol": 2,
    }


def test_fields_that_are_none_count_as_absent(body: Callable[..., Body]) -> None:
    assert body("nano-banana", {"prompt": WORDS, "seed": None, "size": None}, aspect_ratio=None) == {"prompt": WORDS}


def test_a_fixed_value_may_be_repeated(body: Callable[..., Body]) -> None:
    assert body("speech-2.8-hd", {"prompt": WORDS}, output_format="url")["output_format"] == "url"


def test_a_wish_is_never_changed_in_place(body: Callable[..., Body]) -> None:
    wish: Body = {"prompt": WORDS, "first_frame": LINK}
    body("midjourney-video", wish)
    assert wish == {"prompt": WORDS, "first_frame": LINK}

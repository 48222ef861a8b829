"""What is known to fail is refused before it is paid for, under the name that the caller used."""

from collections.abc import Callable
from typing import Final

import pytest

from services.catalog.catalog import Catalog
from services.catalog.shape import shape
from services.domain.errors import InvalidRequest
from services.domain.model import Json

Refused = Callable[..., dict[str, str]]
Body = dict[str, Json]
LINK: Final = "https://files.example/cat.png"
WORDS: Final = "a cat on a mat"

BOUNDS: Final[tuple[tuple[str, Body, Body, str, str], ...]] = (
    ("sora-2", {"seconds": "7"}, {}, "seconds", "must be one of 4, 8, 12; got 7"),
    ("sora-2", {"size": "1x1"}, {}, "size", "must be one of 720x1280, 1280x720, 1024x1792, 1792x1024; got 1x1"),
    ("veo-3.1", {"seconds": "7"}, {}, "seconds", "must be one of 4, 6, 8; got 7"),
    ("veo-3.1", {"seconds": "8.5"}, {}, "seconds", "must be a whole number; got 8.5"),
    ("veo-3.1", {"seconds": "soon"}, {}, "seconds", "must be a whole number; got soon"),
    ("veo", {"resolution": "4k"}, {}, "resolution", "must be one of 720p, 1080p; got 4k"),
    ("kling-v3-text-to-video", {"seconds": "2"}, {}, "seconds", "must be between 3 and 15; got 2"),
    ("kling-v2.6-text-to-video", {}, {"cfg_scale": 7}, "extra.cfg_scale", "must be between 0 and 1; got 7"),
    ("kling-v2.6-text-to-video", {}, {"mode": "ultra"}, "extra.mode", "must be one of std, pro; got ultra"),
    ("nano-banana-pro", {"resolution": "4K"}, {}, "resolution", "must be one of 1K, 2K; got 4K"),
    ("gpt-image-2", {"n": 5}, {}, "n", "must be between 1 and 4; got 5"),
    ("gpt-image-2", {"n": 0}, {}, "n", "must be between 1 and 4; got 0"),
    ("gpt-image-2", {"n": 1.5}, {}, "n", "must be a whole number; got 1.5"),
    ("gpt-image-2", {"n": True}, {}, "n", "must be a whole number; got true"),
    ("gpt-image-2", {"output_format": "gif"}, {}, "output_format", "must be one of png, jpeg, webp; got gif"),
    ("wan2.6-t2v", {"size": "1000x10"}, {}, "size", "got 1000x10"),
    ("wan2.6-t2v", {"negative_prompt": "x" * 501}, {}, "negative_prompt", "must have at most 500 characters; got 501"),
    ("wan2.2-t2v-plus", {"prompt": "x" * 801}, {}, "prompt", "must have at most 800 characters; got 801"),
    ("wan2.2-t2v-plus", {"seconds": "10"}, {}, "seconds", "must be 5; got 10"),
    ("wan2.6-t2v", {"seed": -1}, {}, "seed", "must be between 0 and 2147483647; got -1"),
    ("wan2.6-t2v", {"generate_audio": "yes"}, {}, "generate_audio", "must be true or false; got yes"),
    ("seedance-2.0-fast-text-to-video", {"resolution": "1080p"}, {}, "resolution", "must be one of 480p, 720p; got 1080p"),
    ("seedance-2.0-fast-text-to-video", {}, {"watermark": True}, "extra.watermark", "must be false; got true"),
    ("speech-2.8-hd", {"speed": 0.25}, {}, "speed", "must be between 0.5 and 2; got 0.25"),
    ("speech-2.8-hd", {"speed": float("nan")}, {}, "speed", "must be a number"),
    ("speech-2.8-hd", {"response_format": "opus"}, {}, "response_format", "must be one of mp3, pcm, flac; got opus"),
    ("speech-2.8-hd", {"response_format": "aac"}, {}, "response_format", "must be one of mp3, pcm, flac; got aac"),
    (
        "speech-2.8-hd",
        {},
        {"voice_setting": {"vol": 99}},
        "extra.voice_setting.vol",
        "must be between 0.01 and 10; got 99",
    ),
    ("speech-2.8-hd", {}, {"voice_setting": "loud"}, "extra.voice_setting", "must be an object"),
    ("speech-2.8-hd", {}, {"output_format": "hex"}, "extra.output_format", "is always url"),
    ("speech-2.8-hd", {}, {"odd": float("inf")}, "extra.odd", "infinite"),
    ("music-2.0", {"prompt": "short", "lyrics": "[Verse] a cat"}, {}, "prompt", "must have at least 10 characters; got 5"),
)


@pytest.mark.parametrize(("model", "wish", "extra", "field", "told"), BOUNDS)
def test_a_value_out_of_bounds_is_refused_with_what_would_do(
    model: str, wish: Body, extra: Body, field: str, told: str, violations: Refused
) -> None:
    assert told in violations(model, {"prompt": WORDS, **wish}, **extra)[field]


PICTURES: Final[tuple[tuple[str, int, str], ...]] = (
    ("nano-banana-edit", 11, "must have at most 10; got 11"),
    ("nano-banana-2-edit", 15, "must have at most 14; got 15"),
    ("wan2.6-image", 3, "must have at most 2; got 3"),
    ("wan2.5-i2i-preview", 4, "must have at most 3; got 4"),
    ("wan2.5-i2i-preview-edit", 0, "must have at least 1; got 0"),
)


@pytest.mark.parametrize(("model", "count", "told"), PICTURES)
def test_too_many_or_too_few_pictures_are_refused(model: str, count: int, told: str, violations: Refused) -> None:
    assert violations(model, {"prompt": WORDS, "images": [LINK] * count}) == {"images": told}


MISSING: Final[tuple[tuple[str, Body, str], ...]] = (
    ("nano-banana", {}, "prompt"),
    ("nano-banana", {"prompt": "  "}, "prompt"),
    ("gpt-image-2-edit", {"prompt": WORDS}, "images"),
    ("wan2.6-i2v", {"prompt": WORDS}, "first_frame"),
    ("wan2.1-kf2v-plus", {"prompt": WORDS, "first_frame": LINK}, "last_frame"),
    ("wan2.1-vace-plus", {"prompt": WORDS}, "extra.function"),
    ("kling-v3-omni-video-to-video-edit", {"prompt": WORDS}, "video"),
    ("kling-v3-omni-image-to-video", {"prompt": WORDS}, "first_frame"),
    ("seedance-2.0-image-to-video", {"prompt": WORDS}, "first_frame"),
    ("music-2.0", {"prompt": WORDS}, "lyrics"),
    ("midjourney-video", {"prompt": WORDS}, "first_frame"),
)


@pytest.mark.parametrize(("model", "wish", "field"), MISSING)
def test_a_missing_field_is_named_as_the_caller_would_set_it(model: str, wish: Body, field: str, violations: Refused) -> None:
    told = violations(model, wish)
    assert list(told) == [field]
    assert f"is required by {model}" in told[field]


NOT_TAKEN: Final[tuple[tuple[str, Body, str], ...]] = (
    ("nano-banana", {"seed": 1}, "nano-banana takes no seed; it takes prompt, aspect_ratio, size"),
    ("veo-3.0", {"last_frame": LINK}, "veo-3.0 takes no last_frame"),
    ("veo-3.0", {"reference_images": [LINK]}, "veo-3.0 takes no reference_images"),
    ("veo3", {"reference_images": [LINK]}, "veo3 takes no reference_images"),
    ("kling-v2.1-master-text-to-video", {"generate_audio": True}, "takes no generate_audio"),
    ("kling-v2.5-turbo-text-to-video", {"generate_audio": True}, "takes no generate_audio"),
    ("kling-v3-omni-video-to-video-edit", {"seconds": "5"}, "takes no seconds"),
    ("gpt-image-2-edit", {"quality": "high"}, "takes no quality"),
    ("midjourney", {"size": "1024x1024"}, "midjourney takes no size; it takes prompt"),
    ("wan2.1-vace-plus", {"negative_prompt": "dogs"}, "takes no negative_prompt"),
)


@pytest.mark.parametrize(("model", "wish", "told"), NOT_TAKEN)
def test_a_field_that_the_model_does_not_take_is_refused(model: str, wish: Body, told: str, violations: Refused) -> None:
    assert told in violations(model, {"prompt": WORDS, **wish})[next(iter(wish))]


def test_a_strict_model_refuses_unknown_extra_keys(violations: Refused) -> None:
    told = violations("kling-v3-omni-reference-video-to-video", {"prompt": WORDS, "video": LINK}, sound="on", first_frame=LINK)
    assert set(told) == {"extra.sound", "extra.first_frame"}


@pytest.mark.parametrize(
    ("model", "slip", "meant"),
    [
        ("gpt-image-2", "sise", "size"),
        ("gpt-image-2", "Qualty", "quality"),
        ("nano-banana", "aspectRatio", "aspect_ratio"),
        ("sora-2", "second", "seconds"),
        ("sora-2", "negative_promt", "negative_prompt"),
        ("kling-v2.6-text-to-video", "cfg_scal", "cfg_scale"),
        ("speech-2.8-hd", "voice_seting", "voice_setting"),
        ("speech-2.8-hd", "voice_setting.pich", "voice_setting.pitch"),
    ],
)
def test_a_misspelt_key_is_refused_with_the_one_that_was_meant(model: str, slip: str, meant: str, violations: Refused) -> None:
    told = violations(model, {"prompt": WORDS}, **{slip: "x"})
    assert told == {f"extra.{slip}": f"is no parameter of {model}; did you mean {meant}?"}


def test_a_key_inside_a_nested_object_is_compared_with_its_neighbours(violations: Refused) -> None:
    told = violations("speech-2.8-hd", {"prompt": WORDS}, voice_setting={"pich": 1})
    assert told == {"extra.voice_setting.pich": "is no parameter of speech-2.8-hd; did you mean voice_setting.pitch?"}


@pytest.mark.parametrize(
    ("model", "wish", "key"),
    [
        pytest.param("gpt-image-2", {}, "person_generation", id="nothing is like it"),
        pytest.param("gpt-image-2", {}, "speed", id="like seed, but a word of other models"),
        pytest.param("gpt-image-2", {}, "image", id="like images, but a word of other models"),
        pytest.param("gpt-image-2", {"size": "1024x1024"}, "size2", id="what it is like is set already"),
        pytest.param("sora-2", {"seconds": "8"}, "durations", id="what it is like is set under another name"),
    ],
)
def test_a_key_that_may_be_new_upstream_passes_on(model: str, wish: Body, key: str, body: Callable[..., Body]) -> None:
    assert body(model, {"prompt": WORDS, **wish}, **{key: "x"})[key] == "x"


def test_a_key_set_by_a_typed_field_and_by_extra_is_refused(violations: Refused) -> None:
    assert violations("sora-2", {"prompt": WORDS, "seconds": "8"}, duration=8) == {
        "extra.duration": "says the same as seconds; send one of them"
    }


def test_every_violation_is_named_at_once(violations: Refused) -> None:
    told = violations("speech-2.8-hd", {"voice": "alloy", "speed": 4, "response_format": "opus", "seed": 1}, pitch=20)
    assert set(told) == {"prompt", "voice", "speed", "response_format", "seed", "extra.pitch"}


def test_the_message_is_the_first_violation_and_counts_the_rest(catalog: Catalog) -> None:
    row = catalog.find("sora-2")
    assert row is not None
    with pytest.raises(InvalidRequest) as caught:
        shape(row, {"seconds": "7"}, {"size": 3})
    assert caught.value.message == "prompt: is required by sora-2 (and 2 more)"


def test_long_values_are_cut_in_messages(violations: Refused) -> None:
    told = violations("gpt-image-2", {"prompt": WORDS, "quality": "x" * 100_000})["quality"]
    assert len(told) < 200


@pytest.mark.parametrize(
    "voice",
    ["alloy", "ash", "ballad", "coral", "echo", "fable", "onyx", "nova", "sage", "shimmer", "verse", "marin", "cedar", "Alloy"],
)
def test_voices_of_openai_are_refused_with_the_default_named(voice: str, violations: Refused) -> None:
    told = violations("speech-2.8-turbo", {"prompt": WORDS, "voice": voice})["voice"]
    assert told == (f"{voice} is a voice of OpenAI; speech-2.8-turbo takes voice ids of MiniMax, as in Wise_Woman, its default")

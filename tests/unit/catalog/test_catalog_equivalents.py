"""Typed fields that a model takes under another name, and sizes above all."""

from collections.abc import Callable
from typing import Final

import pytest

from services.domain.model import Json

Body = dict[str, Json]
LINK: Final = "https://files.example/cat.png"
WORDS: Final = "a cat on a mat"

SIZES: Final[tuple[tuple[str, str, Body], ...]] = (
    ("nano-banana", "1024x1024", {"aspect_ratio": "1:1"}),
    ("nano-banana", "1536*1024", {"aspect_ratio": "3:2"}),
    ("nano-banana", "auto", {}),
    ("nano-banana-pro", "1024x1024", {"aspect_ratio": "1:1", "resolution": "1K"}),
    ("nano-banana-pro", "1536x1024", {"aspect_ratio": "3:2", "resolution": "2K"}),
    ("nano-banana-2", "3840x2160", {"aspect_ratio": "16:9", "resolution": "4K"}),
    ("veo-3.1", "1280x720", {"aspect_ratio": "16:9", "resolution": "720p"}),
    ("veo-3.1", "2160x3840", {"aspect_ratio": "9:16", "resolution": "4k"}),
    ("seedance-2.0-text-to-video", "1920x1080", {"aspect_ratio": "16:9", "resolution": "1080p"}),
    ("seedance-2.0-text-to-video", "1680x720", {"aspect_ratio": "21:9", "resolution": "720p"}),
    ("seedance-2.0-text-to-video", "1024x1024", {"aspect_ratio": "1:1"}),
    ("happy-horse-1-0-t2v", "1280x720", {"resolution": "720P"}),
    ("kling-v3-text-to-video", "1920x1080", {"aspect_ratio": "16:9", "mode": "pro"}),
    ("kling-v3-text-to-video", "1024x1024", {"aspect_ratio": "1:1"}),
    ("sora-2", "1280*720", {"size": "1280x720"}),
    ("sora-2", "auto", {}),
    ("gpt-image-2", "auto", {"size": "auto"}),
    ("wan2.6-t2v", "1280x720", {"size": "1280*720"}),
)


@pytest.mark.parametrize(("model", "size", "expected"), SIZES)
def test_a_size_becomes_what_the_model_takes(model: str, size: str, expected: Body, body: Callable[..., Body]) -> None:
    assert body(model, {"prompt": WORDS, "size": size}) == {"prompt": WORDS, **expected}


@pytest.mark.parametrize("size", ["720x1280", "1280*720", "720p", "720P"])
def test_a_size_or_a_name_chooses_the_resolution_of_wan(size: str, body: Callable[..., Body]) -> None:
    made = body("wan2.6-i2v", {"prompt": WORDS, "first_frame": LINK, "size": size})
    assert made["resolution"] == "720P"


WRONG_SIZES: Final = (
    ("nano-banana", "1792x1024", "1792x1024 has the shape 7:4; nano-banana makes 1:1, 2:3, 3:2"),
    ("nano-banana", "large", "must be width x height, as in 1280x720; got large"),
    ("nano-banana-pro", "4096x4096", "4096x4096 is 4K; nano-banana-pro makes 1K, 2K"),
    ("nano-banana-2", "8192x8192", "8192x8192 is no resolution that has a name; nano-banana-2 makes 1K, 2K, 4K"),
    ("veo", "3840x2160", "3840x2160 is 4k; veo makes 720p, 1080p"),
    ("happy-horse-1-0-t2v", "1024x1024", "1024x1024 is no resolution that has a name; happy-horse-1-0-t2v makes 720p, 1080p"),
    ("wan2.6-t2i", "100x100", "must have an area from 768x768 to 1440x1440 and sides from 1:4 to 4:1; got 100x100"),
    ("wan2.6-t2i", "3000x500", "must have an area from 768x768 to 1440x1440 and sides from 1:4 to 4:1; got 3000x500"),
    ("wan2.6-t2i", "big", "got big"),
)


@pytest.mark.parametrize(("model", "size", "told"), WRONG_SIZES)
def test_a_size_that_the_model_cannot_make_is_refused(
    model: str, size: str, told: str, violations: Callable[..., dict[str, str]]
) -> None:
    assert told in violations(model, {"prompt": WORDS, "size": size})["size"]


def test_a_size_may_agree_with_what_follows_from_it(body: Callable[..., Body]) -> None:
    made = body("veo-3.1", {"prompt": WORDS, "size": "1280x720", "aspect_ratio": "16:9", "resolution": "720p"})
    assert made == {"prompt": WORDS, "aspect_ratio": "16:9", "resolution": "720p"}


def test_a_size_may_not_contradict_the_frame_shape(violations: Callable[..., dict[str, str]]) -> None:
    assert violations("veo-3.1", {"prompt": WORDS, "size": "1280x720", "aspect_ratio": "9:16"}) == {
        "aspect_ratio": "contradicts size; send one of them"
    }


def test_a_resolution_chooses_the_mode_of_kling(body: Callable[..., Body]) -> None:
    assert body("kling-v3-text-to-video", {"prompt": WORDS, "resolution": "1080P"})["mode"] == "pro"


def test_a_resolution_that_kling_has_no_mode_for_is_refused(violations: Callable[..., dict[str, str]]) -> None:
    told = violations("kling-v3-text-to-video", {"prompt": WORDS, "resolution": "480p"})
    assert told == {"resolution": "must be one of 720p, 1080p; got 480p"}


@pytest.mark.parametrize(("resolution", "video_type"), [("480p", 0), ("720p", 1)])
def test_a_resolution_chooses_the_video_type_of_midjourney(resolution: str, video_type: int, body: Callable[..., Body]) -> None:
    made = body("midjourney-video", {"prompt": WORDS, "first_frame": LINK, "resolution": resolution})
    assert made == {"prompt": f"{LINK} {WORDS}", "video_type": video_type}


def test_a_prompt_that_begins_with_a_picture_needs_no_first_frame(body: Callable[..., Body]) -> None:
    assert body("midjourney-video", {"prompt": f"{LINK} run"}) == {"prompt": f"{LINK} run"}


def test_a_picture_alone_makes_a_prompt_for_midjourney(body: Callable[..., Body]) -> None:
    assert body("midjourney-video", {"first_frame": LINK}) == {"prompt": LINK}


def test_a_file_too_large_for_midjourneys_prompt_is_refused(violations: Callable[..., dict[str, str]]) -> None:
    told = violations("midjourney-video", {"prompt": WORDS, "first_frame": "data:image/png;base64," + "A" * 9000})
    assert told == {
        "first_frame": (
            "midjourney-video takes picture and words together, at most 8192 characters, got 9037; send the picture's URL"
        )
    }


@pytest.mark.parametrize("n", [1, 4])
def test_midjourney_makes_four_pictures_and_may_be_asked_for_them(n: int, body: Callable[..., Body]) -> None:
    assert body("midjourney", {"prompt": WORDS, "n": n}) == {"prompt": WORDS}


@pytest.mark.parametrize(
    ("model", "n", "told"),
    [
        ("midjourney", 2, "midjourney makes 4 pictures a call; got 2"),
        ("nano-banana", 2, "nano-banana makes one picture a call; got 2"),
    ],
)
def test_a_number_that_the_model_does_not_make_is_refused(
    model: str, n: int, told: str, violations: Callable[..., dict[str, str]]
) -> None:
    assert violations(model, {"prompt": WORDS, "n": n}) == {"n": told}


@pytest.mark.parametrize("quality", ["auto", "standard"])
def test_no_particular_quality_is_no_wish(quality: str, body: Callable[..., Body]) -> None:
    assert body("nano-banana", {"prompt": WORDS, "quality": quality}) == {"prompt": WORDS}

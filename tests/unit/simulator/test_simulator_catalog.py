from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.assets import assets_for
from simulator.catalog import load
from simulator.check import complaints, unknown_keys
from simulator.conditions import CONDITIONS

VENDORS = load().endpoints
PICTURE = "https://example.com/cat.png"
CLIP = "https://example.com/cat.mp4"


def judge(tail: str, body: dict[str, Any]) -> list[str]:
    return complaints(VENDORS[f"/vendors/{tail}"], body)


def test_every_path_is_there_once_and_names_conditions_that_exist() -> None:
    assert len(VENDORS) == 59
    assert {rule for endpoint in VENDORS.values() for rule in endpoint.rules} == CONDITIONS.keys()


def test_text_models_are_served_where_they_are() -> None:
    catalog = load()
    assert "gpt-5.3-codex" in catalog.responses - catalog.chat
    assert catalog.messages == {"claude-sonnet-4-6", "claude-haiku-4-5", "claude-opus-4-7"}


@pytest.mark.parametrize(
    ("tail", "body"),
    [
        ("openai/v1/gpt-image-2/generation", {"prompt": "x"}),
        ("openai/v1/gpt-image-2/edit", {"prompt": "x", "images": ["data:image/png;base64,AAAA", PICTURE, "iVBORw0KGgo="]}),
        ("openai/v1/sora-2/generation", {"prompt": "x", "seconds": "8"}),
        ("google/v1/veo/generation", {"prompt": "x", "duration": "8"}),
        ("google/v1/veo-3.1/generation", {"prompt": "x", "duration": 8, "resolution": "4k"}),
        ("klingai/v1/kling-v2.6/image-to-video/generation", {"image_tail": PICTURE}),
        ("klingai/v1/kling-v3/text-to-video/generation", {"prompt": "x", "multi_shot": False}),
        (
            "klingai/v1/kling-v3/text-to-video/generation",
            {
                "multi_shot": "true",
                "shot_type": "customize",
                "duration": 7,
                "multi_prompt": [{"prompt": "a", "duration": 3}, {"prompt": "b", "duration": 4}],
            },
        ),
        ("klingai/v1/kling-v3-omni/reference-video-to-video/generation", {"prompt": "x", "video": CLIP}),
        ("bytedance/v1/seedance-2.0/image-to-video/generation", {"image": PICTURE, "last_frame_image": PICTURE}),
        ("bytedance/v1/seedance-2.0/reference-to-video/generation", {"videos": [CLIP]}),
        ("alibaba/v1/wan2.6-t2i/generation", {"prompt": "x", "size": "1280*1280", "n": 1}),
        ("alibaba/v1/wan2.1-kf2v-plus/generation", {"prompt": "x", "image": PICTURE, "last_frame": PICTURE}),
        (
            "alibaba/v1/wan2.1-vace-plus/generation",
            {
                "model": "wan2.1-vace-plus",
                "function": "image_reference",
                "prompt": "x",
                "images": [PICTURE],
                "obj_or_bg": ["obj"],
            },
        ),
        ("midjourney/v1/tob/video-diffusion", {"prompt": f"{PICTURE} a cat runs"}),
        ("minimax/v1/music-2.5/text-to-music/generation", {"prompt": "slow blues", "lyrics_optimizer": True}),
    ],
)
def test_a_good_body_is_taken(tail: str, body: dict[str, Any]) -> None:
    assert judge(tail, body) == []


@pytest.mark.parametrize(
    ("tail", "body", "complaint"),
    [
        ("openai/v1/gpt-image-2/generation", {}, "prompt: field required"),
        ("openai/v1/gpt-image-2/generation", {"prompt": 5}, "prompt: must be string, got int"),
        ("openai/v1/gpt-image-2/generation", {"prompt": "x", "n": 5}, "n: must be at most 4"),
        ("openai/v1/gpt-image-2/generation", {"prompt": "x", "n": "2"}, "n: must be integer, got str"),
        ("openai/v1/gpt-image-2/generation", {"prompt": "x", "n": True}, "n: must be integer, got bool"),
        ("openai/v1/gpt-image-2/edit", {"prompt": "x", "image": PICTURE}, "images: field required"),
        ("openai/v1/gpt-image-2/edit", {"prompt": "x", "images": ["cat.png"]}, "images[0]: must be a URL, a data URI or base64"),
        ("openai/v1/sora-2/generation", {"prompt": "x", "seconds": 8}, "seconds: must be string, got int"),
        ("google/v1/nano-banana-2/generation", {"prompt": "x", "resolution": "2k"}, "resolution: must be one of 1K, 2K, 4K"),
        ("google/v1/nano-banana/edit", {"prompt": "x", "images": [PICTURE] * 11}, "images: at most 10 allowed, got 11"),
        ("google/v1/veo-3.1/generation", {"prompt": "x", "resolution": "1080p", "duration": 4}, "duration: 1080p needs 8"),
        ("google/v1/veo-3.1/generation", {"prompt": "x", "last_frame": PICTURE}, "last_frame: needs image"),
        ("klingai/v1/kling-v2.6/image-to-video/generation", {"prompt": "x"}, "image: field required (or image_tail)"),
        ("klingai/v1/kling-v3/text-to-video/generation", {}, "prompt: field required unless multi_prompt carries the shots"),
        (
            "klingai/v1/kling-v3/text-to-video/generation",
            {"multi_prompt": [{"prompt": "a", "duration": 3}]},
            "multi_prompt: shots last 3 s together, duration is 5 s",
        ),
        (
            "klingai/v1/kling-v3-omni/reference-video-to-video/generation",
            {"prompt": "x", "video": CLIP, "sound": "on"},
            "sound: unknown parameter",
        ),
        (
            "klingai/v1/kling-v3-omni/reference-video-to-video/generation",
            {"prompt": "x", "video": "data:video/mp4;base64,AAAA"},
            "video: must be an http(s) URL",
        ),
        ("bytedance/v1/seedance-2.0/reference-to-video/generation", {"audios": [CLIP]}, "images: field required (or videos)"),
        (
            "bytedance/v1/seedance-2.0/reference-to-video/generation",
            {"videos": ["http://example.com/cat.mp4"]},
            "videos[0]: must be an https URL",
        ),
        (
            "bytedance/v1/seedance-2.0-fast/text-to-video/generation",
            {"prompt": "x", "watermark": True},
            "watermark: not supported by the fast variant",
        ),
        ("alibaba/v1/wan2.6-t2i/generation", {"prompt": "x", "size": "1024x1024"}, "size: must be written as W*H"),
        (
            "alibaba/v1/wan2.6-t2i/generation",
            {"prompt": "x", "size": "100*100"},
            "size: area must lie between 768*768 and 1440*1440",
        ),
        (
            "alibaba/v1/wan2.6-i2v/generation",
            {"prompt": "x", "image": PICTURE, "resolution": "720p"},
            "resolution: must be one of 720P, 1080P",
        ),
        ("alibaba/v1/wan2.6-image/generation", {"prompt": "x", "image": PICTURE}, "images: field required"),
        ("alibaba/v1/wan2.2-t2v-plus/generation", {"prompt": "x" * 801}, "prompt: at most 800 characters allowed, got 801"),
        ("alibaba/v1/wan2.1-vace-plus/generation", {"prompt": "x", "model": "wan2.1-vace-plus"}, "function: field required"),
        (
            "alibaba/v1/wan2.1-vace-plus/generation",
            {"prompt": "x", "model": "wan2.1-vace-plus", "function": "video_edit", "video_url": CLIP},
            "mask_image_url: exactly one of mask_image_url and mask_video_url",
        ),
        ("midjourney/v1/tob/video-diffusion", {"prompt": "a cat runs"}, "prompt: must begin with a picture URL or base64"),
        ("minimax/v1/speech-2.8-hd/text-to-speech/generation", {"prompt": "x"}, "voice_setting.voice_id: field required"),
        (
            "minimax/v1/speech-2.8-hd/text-to-speech/generation",
            {"prompt": "x", "voice_setting": {"voice_id": "alloy"}},
            "voice_setting.voice_id: voice alloy does not exist",
        ),
        (
            "minimax/v1/speech-2.8-hd/text-to-speech/generation",
            {"prompt": "x", "voice_setting": {"voice_id": "Wise_Woman", "speed": 4}},
            "voice_setting.speed: must be at most 2",
        ),
        (
            "minimax/v1/music-2.5/text-to-music/generation",
            {"prompt": "slow blues"},
            "lyrics_prompt: field required unless lyrics_optimizer is true",
        ),
    ],
)
def test_a_bad_body_is_refused_by_name(tail: str, body: dict[str, Any], complaint: str) -> None:
    assert judge(tail, body) == [complaint]


def test_every_complaint_is_told_at_once() -> None:
    assert len(judge("openai/v1/gpt-image-2/generation", {"n": 0, "size": "big", "quality": "best"})) == 4


def test_unknown_keys_are_named_where_they_are_dropped() -> None:
    endpoint = VENDORS["/vendors/minimax/v1/speech-2.8-hd/text-to-speech/generation"]
    body = {"prompt": "x", "seed": 1, "voice_setting": {"voice_id": "Wise_Woman", "mood": "happy"}}
    assert unknown_keys(endpoint, body) == ("seed", "voice_setting.mood")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5) | st.just(PICTURE),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["prompt", "duration", "voice_id", "format"]), inner)
    ),
    max_leaves=3,
)
_NAMES = sorted({field.name.partition(".")[0] for endpoint in VENDORS.values() for field in endpoint.fields})


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(path=st.sampled_from(sorted(VENDORS)), body=st.dictionaries(st.sampled_from(_NAMES), _JSON, max_size=6))
def test_any_body_is_judged_and_what_is_taken_makes_something(path: str, body: dict[str, Any]) -> None:
    if not complaints(VENDORS[path], body):
        assert assets_for(VENDORS[path], body)

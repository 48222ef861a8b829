"""What holds between parameters of one body: each condition is pure and says what is wrong, or nothing."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from simulator.wire import Body

Condition: TypeAlias = Callable[[Body], Iterator[str]]

_PICTURE_FIRST = re.compile(r"\s*(https?://\S+|data:image/\S+|[A-Za-z0-9+/]{64,}={0,2}(\s|$))")
_MIN_AREA, _MAX_AREA, _MAX_RATIO = 768 * 768, 1440 * 1440, 4


def _count(body: Body, key: str) -> int:
    value = body.get(key)
    return len(value) if isinstance(value, list) else 0


def kling_a_frame(body: Body) -> Iterator[str]:
    """Kling 2 animates a first or a last frame."""
    if not (body.get("image") or body.get("image_tail")):
        yield "image: field required (or image_tail)"


def kling_tail_alone(body: Body) -> Iterator[str]:
    """Kling 2 takes an end frame, masks or a camera move, not two of them."""
    if body.get("image_tail") and any(body.get(key) for key in ("static_mask", "dynamic_masks", "camera_control")):
        yield "image_tail: not together with static_mask, dynamic_masks or camera_control"


def kling_voices_need_sound(body: Body) -> Iterator[str]:
    """Own voices are heard only where there is sound."""
    if body.get("voice_list") and body.get("sound") != "on":
        yield "voice_list: needs sound on"


def kling_shots(body: Body) -> Iterator[str]:
    """Kling 3 wants one prompt, or several shots whose lengths add up."""
    shots = body.get("multi_prompt")
    several = body.get("multi_shot") in {True, "true"}
    if several and not body.get("shot_type"):
        yield "shot_type: field required when multi_shot is true"
    if several and body.get("shot_type") == "customize" and not shots:
        yield "multi_prompt: field required when shot_type is customize"
    if not shots:
        if not body.get("prompt"):
            yield "prompt: field required unless multi_prompt carries the shots"
        return
    lengths = []
    for index, shot in enumerate(shots):
        if not isinstance(shot.get("prompt"), str) or len(shot["prompt"]) > 512:
            yield f"multi_prompt[{index}].prompt: text of at most 512 characters required"
        length = shot.get("duration")
        if isinstance(length, bool) or not isinstance(length, int) or length < 1:
            yield f"multi_prompt[{index}].duration: whole seconds of at least 1 required"
        else:
            lengths.append(length)
    if len(lengths) == len(shots) and sum(lengths) != body.get("duration", 5):
        yield f"multi_prompt: shots last {sum(lengths)} s together, duration is {body.get('duration', 5)} s"


def kling_first_or_last(body: Body) -> Iterator[str]:
    """Kling 3 animates a first or a last frame."""
    if not (body.get("first_frame") or body.get("last_frame")):
        yield "first_frame: field required (or last_frame)"


def kling_last_needs_first(body: Body) -> Iterator[str]:
    """Kling 3 omni takes an end frame only beside an opening one."""
    if body.get("last_frame") and not body.get("first_frame"):
        yield "last_frame: needs first_frame"


def kling_ratio_without_first(body: Body) -> Iterator[str]:
    """Without an opening frame nothing else tells the frame's shape."""
    if not body.get("first_frame") and not body.get("aspect_ratio"):
        yield "aspect_ratio: field required without first_frame"


def kling_seven_references(body: Body) -> Iterator[str]:
    """Elements, pictures and frames together."""
    frames = sum(1 for key in ("first_frame", "last_frame") if body.get(key))
    if _count(body, "elements") + _count(body, "images") + frames > 7:
        yield "elements: at most 7 elements, images and frames together"


def kling_four_references(body: Body) -> Iterator[str]:
    """Elements and pictures beside a clip."""
    if _count(body, "elements") + _count(body, "images") > 4:
        yield "elements: at most 4 elements and images beside a video"


def veo_height_needs_eight_seconds(body: Body) -> Iterator[str]:
    """Veo makes its larger pictures only at full length."""
    if body.get("resolution") in {"1080p", "4k"} and str(body.get("duration", 8)) != "8":
        yield f"duration: {body['resolution']} needs 8"


def veo_last_needs_image(body: Body) -> Iterator[str]:
    """Veo interpolates between two frames, never towards one."""
    if body.get("last_frame") and not body.get("image"):
        yield "last_frame: needs image"


def veo_references(body: Body) -> Iterator[str]:
    """Reference pictures are Veo 3.1's and last 8 s."""
    if not body.get("reference_images"):
        return
    if body.get("model") == "veo-3":
        yield "reference_images: veo-3 takes none"
    if str(body.get("duration", 8)) != "8":
        yield "duration: reference_images need 8"


def seedance_references(body: Body) -> Iterator[str]:
    """Sound never comes alone."""
    if not (body.get("images") or body.get("videos")):
        yield "images: field required (or videos)"


def seedance_fast_refuses(body: Body) -> Iterator[str]:
    """The fast variant has no fixed camera and no watermark."""
    for key in ("camera_fixed", "watermark"):
        if body.get(key):
            yield f"{key}: not supported by the fast variant"


def vace(body: Body) -> Iterator[str]:
    """Each of the five jobs of VACE has its own inputs."""
    function = body["function"]
    images = _count(body, "images")
    control = body.get("control_condition")
    if function == "image_reference":
        if not images:
            yield "images: field required for image_reference"
        roles = body.get("obj_or_bg")
        if roles is not None and (len(roles) != images or roles.count("bg") > 1):
            yield "obj_or_bg: one role for each image, at most one bg"
    elif function in {"video_repainting", "video_edit", "video_outpainting"} and not body.get("video_url"):
        yield f"video_url: field required for {function}"
    if function in {"video_repainting", "video_edit"} and images > 1:
        yield f"images: at most 1 allowed for {function}"
    if function == "video_repainting" and not control:
        yield "control_condition: field required for video_repainting"
    if function == "video_extension" and body.get("video_url") and not control:
        yield "control_condition: field required for video_extension with video_url"
    if function in {"video_edit", "video_extension"} and control not in {None, "posebodyface", "depth"}:
        yield f"control_condition: must be posebodyface or depth for {function}"
    if function == "video_edit" and bool(body.get("mask_image_url")) == bool(body.get("mask_video_url")):
        yield "mask_image_url: exactly one of mask_image_url and mask_video_url"


def wan_picture_size(body: Body) -> Iterator[str]:
    """Wan draws any size within an area and a ratio, written with a star."""
    size = body.get("size")
    if size is None:
        return
    match = re.fullmatch(r"(\d{1,5})\*(\d{1,5})", size)
    if match is None:
        yield "size: must be written as W*H"
        return
    width, height = int(match[1]), int(match[2])
    if not _MIN_AREA <= width * height <= _MAX_AREA:
        yield "size: area must lie between 768*768 and 1440*1440"
    elif max(width, height) > _MAX_RATIO * min(width, height):
        yield "size: ratio must lie between 1:4 and 4:1"


def music_words(body: Body) -> Iterator[str]:
    """A song has words, its own or the model's."""
    if not body.get("lyrics_prompt") and not body.get("lyrics_optimizer"):
        yield "lyrics_prompt: field required unless lyrics_optimizer is true"


def speech_voice_exists(body: Body) -> Iterator[str]:
    """OpenAI's voices do not exist here."""
    if body["voice_setting"]["voice_id"] in {
        "alloy",
        "ash",
        "ballad",
        "coral",
        "echo",
        "fable",
        "onyx",
        "nova",
        "sage",
        "shimmer",
        "verse",
    }:
        yield f"voice_setting.voice_id: voice {body['voice_setting']['voice_id']} does not exist"


def midjourney_begins_with_picture(body: Body) -> Iterator[str]:
    """Midjourney animates the picture that its prompt begins with."""
    if not _PICTURE_FIRST.match(body["prompt"]):
        yield "prompt: must begin with a picture URL or base64"


CONDITIONS: Mapping[str, Condition] = {
    condition.__name__: condition
    for condition in (
        kling_a_frame,
        kling_tail_alone,
        kling_voices_need_sound,
        kling_shots,
        kling_first_or_last,
        kling_last_needs_first,
        kling_ratio_without_first,
        kling_seven_references,
        kling_four_references,
        veo_height_needs_eight_seconds,
        veo_last_needs_image,
        veo_references,
        seedance_references,
        seedance_fast_refuses,
        vace,
        wan_picture_size,
        music_words,
        speech_voice_exists,
        midjourney_begins_with_picture,
    )
}
"""Every condition by the name that `catalog.json` calls it."""

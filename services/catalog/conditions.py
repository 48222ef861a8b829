"""Conditions between the parameters of a row, as a table of named pure predicates: what each alone cannot show to be wrong.

Law: only what is known to fail is refused. A predicate yields a violation for each breach, in the caller's own names.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeAlias

from services.catalog import files, shots, vace
from services.catalog.asked import Asked
from services.catalog.check import listed, shown
from services.catalog.size import Size
from services.domain.errors import Violation

Condition: TypeAlias = Callable[[Asked], Iterator[Violation]]

_OPENAI_VOICES: Final = frozenset(
    ["alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer", "verse"],
)
_PICTURE_MARKS: Final = ("http://", "https://", "data:image/")
_PICTURE_HEADS: Final = ("iVBOR", "/9j/", "UklGR", "R0lGOD", "Qk")
"""How the base64 of PNG, JPEG, WEBP, GIF and BMP begins."""


def broken(asked: Asked) -> Iterator[Violation]:
    """A violation for each condition of the model that the request does not keep."""
    for condition in (files.handed_in, *CONDITIONS.get(asked.model.id, ())):
        yield from condition(asked)


def one_of(*keys: str) -> Condition:
    """At least one of `keys` is there."""

    def check(asked: Asked) -> Iterator[Violation]:
        if not any(map(asked.has, keys)):
            yield asked.violation(keys[0], f"is required by {asked.model.id}, unless {_or(asked, keys[1:])} is there")

    return check


def needs(key: str, other: str) -> Condition:
    """`key` only beside `other`."""

    def check(asked: Asked) -> Iterator[Violation]:
        if asked.has(key) and not asked.has(other):
            yield asked.violation(key, f"needs {asked.name(other)} too")

    return check


def never_with(key: str, *others: str) -> Condition:
    """`key` never beside any of `others`."""

    def check(asked: Asked) -> Iterator[Violation]:
        for other in others:
            if asked.has(key) and asked.has(other):
                yield asked.violation(key, f"cannot go together with {asked.name(other)}")

    return check


def at_most(most: int, *keys: str) -> Condition:
    """No more than `most` things in `keys` together; a list counts by its length."""

    def check(asked: Asked) -> Iterator[Violation]:
        count = sum(asked.count(key) for key in keys)
        if count > most:
            first = next(key for key in keys if asked.count(key))
            yield asked.violation(first, f"{asked.model.id} takes at most {most} of {_or(asked, keys)} together; got {count}")

    return check


def picture_area(asked: Asked) -> Iterator[Violation]:
    """Wan's free sizes: an area from 768*768 to 1440*1440 and sides from 1:4 to 4:1."""
    written = asked.value("size")
    size = Size.parse(written)
    if written is None or (size and 768**2 <= size.width * size.height <= 1440**2 and _within_four(size)):
        return
    yield asked.violation(
        "size", f"must have an area from 768x768 to 1440x1440 and sides from 1:4 to 4:1; got {shown(written)}".replace("*", "x")
    )


def _within_four(size: Size) -> bool:
    return size.width <= 4 * size.height and size.height <= 4 * size.width


def eight_seconds_when_sharp(asked: Asked) -> Iterator[Violation]:
    """Veo makes 1080p and 4k in clips of 8 seconds only."""
    if asked.value("resolution") in ("1080p", "4k") and asked.value("duration") not in (None, 8):
        yield asked.violation("duration", f"must be 8 for {asked.value('resolution')}; got {asked.value('duration')}")


def eight_seconds_with_references(asked: Asked) -> Iterator[Violation]:
    """Veo follows reference pictures in clips of 8 seconds only."""
    if asked.has("reference_images") and asked.value("duration") not in (None, 8):
        name = asked.name("reference_images")
        yield asked.violation("duration", f"must be 8 with {name}; got {asked.value('duration')}")


def neither_for_veo_3(asked: Asked) -> Iterator[Violation]:
    """Veo 3, unlike 3.1, knows neither end frame nor reference pictures."""
    if asked.value("model") != "veo-3":
        return
    for key in ("last_frame", "reference_images"):
        if asked.has(key):
            yield asked.violation(key, "is not taken by veo-3; choose veo-3.1")


def sound_for_voices(asked: Asked) -> Iterator[Violation]:
    """Kling speaks only where there is sound."""
    if asked.has("voice_list") and asked.value("sound") == "off":
        yield asked.violation("voice_list", f"needs {asked.name('sound')} on")


def lyrics_or_optimizer(asked: Asked) -> Iterator[Violation]:
    """music-2.5 needs words unless it writes them."""
    if not asked.has("lyrics_prompt") and asked.value("lyrics_optimizer") is False:
        name = asked.name("lyrics_optimizer")
        yield asked.violation("lyrics_prompt", f"is required by {asked.model.id}, unless {name} is true")


def vendor_voice(asked: Asked) -> Iterator[Violation]:
    """OpenAI's voices do not exist at MiniMax, and none is put in their place without a word."""
    voice = asked.value("voice_setting.voice_id")
    if isinstance(voice, str) and voice.lower() in _OPENAI_VOICES:
        default = next(param.default for param in asked.model.params if param.name == "voice_setting.voice_id")
        told = f"{shown(voice)} is a voice of OpenAI; {asked.model.id} takes voice ids of MiniMax, as in {default}, its default"
        yield asked.violation("voice_setting.voice_id", told)


def picture_in_prompt(asked: Asked) -> Iterator[Violation]:
    """Midjourney's clips begin with a picture, which it takes inside the prompt."""
    prompt = asked.value("prompt")
    if not isinstance(prompt, str) or any(mark in prompt for mark in _PICTURE_MARKS) or prompt.startswith(_PICTURE_HEADS):
        return
    yield Violation("first_frame", f"is required by {asked.model.id}, unless the prompt begins with a picture's URL")


def _or(asked: Asked, keys: tuple[str, ...]) -> str:
    return listed(tuple(asked.name(key) for key in keys)).replace(", ", " or ")


_WAN_PICTURES: Final = (picture_area,)
_KLING_V2: Final = (
    one_of("image", "image_tail"),
    never_with("image_tail", "static_mask", "dynamic_masks", "camera_control"),
)
_SHOTS: Final = (one_of("prompt", "multi_prompt"), shots.shot_list)
_BESIDE_CLIP: Final = (shots.subjects, at_most(4, "elements", "images"))
_REFERENCES: Final = (one_of("images", "videos"), files.https_only)
_VEO: Final = (needs("last_frame", "image"), eight_seconds_when_sharp, eight_seconds_with_references)

CONDITIONS: Final[Mapping[str, tuple[Condition, ...]]] = {
    "wan2.6-t2i": _WAN_PICTURES,
    "wan2.6-image": _WAN_PICTURES,
    "wan2.5-t2i-preview": _WAN_PICTURES,
    "wan2.5-i2i-preview": _WAN_PICTURES,
    "wan2.5-i2i-preview-edit": _WAN_PICTURES,
    "veo": (*_VEO, neither_for_veo_3),
    "veo3": (eight_seconds_when_sharp,),
    "veo-3.0": (eight_seconds_when_sharp,),
    "veo-3.1": _VEO,
    "veo-3.1-fast": _VEO,
    "kling-v2.1-master-image-to-video": _KLING_V2,
    "kling-v2.5-turbo-image-to-video": _KLING_V2,
    "kling-v2.6-image-to-video": (*_KLING_V2, sound_for_voices),
    "kling-v3-text-to-video": _SHOTS,
    "kling-v3-image-to-video": (one_of("first_frame", "last_frame"), *_SHOTS, shots.subjects),
    "kling-v3-omni-text-to-video": _SHOTS,
    "kling-v3-omni-image-to-video": (*_SHOTS, shots.subjects),
    "kling-v3-omni-reference-image-to-video": (
        needs("last_frame", "first_frame"),
        at_most(7, "elements", "images", "first_frame", "last_frame"),
        *_SHOTS,
        shots.subjects,
    ),
    "kling-v3-omni-reference-video-to-video": _BESIDE_CLIP,
    "kling-v3-omni-video-to-video-edit": _BESIDE_CLIP,
    "seedance-2.0-reference-to-video": _REFERENCES,
    "seedance-2.0-fast-reference-to-video": _REFERENCES,
    "wan2.1-vace-plus": vace.FUNCTIONS,
    "midjourney-video": (picture_in_prompt,),
    "speech-2.8-hd": (vendor_voice,),
    "speech-2.8-turbo": (vendor_voice,),
    "music-2.5": (lyrics_or_optimizer,),
}
"""What each model asks beyond its parameters' own bounds."""

"""Kling's lists of objects: shots of one clip, and subjects to keep recognisable. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from services.catalog.asked import Asked
from services.catalog.check import is_list, shown
from services.domain.errors import Violation
from services.domain.model import Json

_LONGEST_SHOT_PROMPT: Final = 512
_MOST_SUBJECT_PICTURES: Final = 3
_DIGITS: Final = re.compile(r"[1-9][0-9]{0,3}")


def shot_list(asked: Asked) -> Iterator[Violation]:
    """Several shots need a way to plan them; an own list needs shots whose lengths add up to the clip's."""
    if asked.value("multi_shot") == "true":
        if not asked.has("shot_type"):
            yield asked.violation("shot_type", "is required when multi_shot is true: customize or intelligence")
        elif asked.value("shot_type") == "customize" and not asked.has("multi_prompt"):
            yield asked.violation("multi_prompt", "is required when shot_type is customize")
    shots = _objects(asked.value("multi_prompt"))
    lengths: list[int] = []
    for number, shot in enumerate(shots):
        prompt, seconds = shot.get("prompt"), _whole(shot.get("duration"))
        name = f"{asked.name('multi_prompt')}[{number}]"
        if not isinstance(prompt, str) or not 0 < len(prompt) <= _LONGEST_SHOT_PROMPT:
            yield Violation(f"{name}.prompt", f"must be a string of 1 to {_LONGEST_SHOT_PROMPT} characters")
        if seconds is None:
            yield Violation(f"{name}.duration", f"must be a whole number of at least 1; got {shown(shot.get('duration'))}")
        else:
            lengths.append(seconds)
    clip = asked.value("duration")
    if shots and len(lengths) == len(shots) and isinstance(clip, int) and sum(lengths) != clip:
        told = f"must be the sum of the shots' durations: they add up to {sum(lengths)}, the clip has {clip}"
        yield asked.violation("duration", told)


def subjects(asked: Asked) -> Iterator[Violation]:
    """Each element says what it is, and brings 1 to 3 further pictures if any."""
    for number, element in enumerate(_objects(asked.value("elements"))):
        name = f"{asked.name('elements')}[{number}]"
        if element.get("type") not in ("image", "video"):
            yield Violation(f"{name}.type", f"must be one of image, video; got {shown(element.get('type'))}")
        pictures = element.get("reference_images")
        if pictures is not None and not (is_list(pictures) and 1 <= len(pictures) <= _MOST_SUBJECT_PICTURES):
            yield Violation(f"{name}.reference_images", f"must be a list of 1 to {_MOST_SUBJECT_PICTURES}; got {shown(pictures)}")


def _objects(value: Json) -> Sequence[Mapping[str, Json]]:
    return [item for item in value if isinstance(item, Mapping)] if is_list(value) else ()


def _whole(value: Json) -> int | None:
    """Seconds of a shot; sources differ on whether they are a number or a string, so both are taken."""
    if isinstance(value, str):
        return int(value) if _DIGITS.fullmatch(value) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 1 else None

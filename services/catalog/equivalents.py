"""What a typed request field means to a model that has no parameter of that name. Pure.

A size is a frame shape and a resolution to most clip models, a resolution is a mode to Kling, and a first frame is the head of
the prompt to Midjourney. Nothing is guessed: where a model cannot make what was asked for, that is said.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from services.catalog.check import listed, shown
from services.catalog.size import Size
from services.domain.errors import Violation
from services.domain.model import Json, Model, Param, Transform

MIDJOURNEY_VIDEO: Final = "midjourney-video"

_RESOLUTIONS: Final[Mapping[str, Mapping[str, Json]]] = {
    "mode": {"720p": "std", "1080p": "pro"},
    "video_type": {"480p": 0, "720p": 1},
}
"""Parameters that choose a resolution under another name, and their words for it."""

_PICTURES_A_CALL: Final = {"midjourney": 4}
_NO_PARTICULAR_QUALITY: Final = frozenset({"auto", "standard"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """Which parameters a field sets, or in words why it cannot; neither where it asks for what happens anyway."""

    sets: Mapping[str, Json] = field(default_factory=dict)
    wrong: str = ""
    follows: bool = False
    """The parameters have fields of their own, with which this one may agree."""


def key_of(model: Model, name: str) -> str | None:
    """Upstream key of the parameter that takes the field `name`, or None."""
    return next((param.name for param in model.params if name in param.sources), None)


def meaning(model: Model, name: str, value: Json) -> Meaning | None:
    """What a typed field means to the model; None where the model has nothing like it."""
    if name == "size":
        return _size(model, value)
    if key := key_of(model, name):
        return Meaning(sets={key: value})
    if name == "resolution":
        return _resolution(model, value)
    if name == "n":
        return _number(model, value)
    if name == "quality" and isinstance(value, str) and value in _NO_PARTICULAR_QUALITY:
        return Meaning()
    return None


def equivalent_fields(model: Model) -> tuple[str, ...]:
    """The typed fields that the model takes although no parameter of it names them."""
    place = _place_of_resolution(model)
    size = key_of(model, "size") is None and (place or _shape_of(model))
    resolution = key_of(model, "resolution") is None and place
    names = {"size": size, "resolution": resolution, "first_frame": model.id == MIDJOURNEY_VIDEO}
    return tuple(name for name, taken in names.items() if taken)


def picture_before_words(model: Model, wish: Mapping[str, Json]) -> tuple[Mapping[str, Json], tuple[Violation, ...]]:
    """The wish as midjourney-video takes it: the first frame in front of the prompt. Other models' wishes stay as they are."""
    if model.id != MIDJOURNEY_VIDEO or wish.get("first_frame") is None:
        return wish, ()
    picture, words = wish["first_frame"], wish.get("prompt")
    rest = {name: value for name, value in wish.items() if name != "first_frame"}
    if not isinstance(picture, str):
        return rest, (Violation("first_frame", f"must be a string; got {shown(picture)}"),)
    if not isinstance(words, str | None):
        return rest, ()
    joined = f"{picture} {words or ''}".rstrip()
    most = next(param.max_length for param in model.params if param.name == "prompt")
    if most is not None and len(joined) > most:
        told = (
            f"{model.id} takes picture and words together, at most {most} characters, got {len(joined)}; send the picture's URL"
        )
        return rest, (Violation("first_frame", told),)
    return {**rest, "prompt": joined}, ()


def _size(model: Model, value: Json) -> Meaning | None:
    key = key_of(model, "size")
    own = next((param for param in model.params if param.name == "size" and key == "size"), None)
    size = Size.parse(value)
    if value == "auto" and (own is None or "auto" not in own.enum):
        return Meaning()
    if own:
        return Meaning(sets={"size": size.written("*" if own.transform is Transform.X_TO_STAR else "x") if size else value})
    shape = _shape_of(model)
    place = _place_of_resolution(model)
    if shape is None and place is None:
        return None
    if size is None:
        # Models of Wan take a resolution's name as size too; what is neither is named by the check of that parameter.
        told = f"must be width x height, as in 1280x720; got {shown(value)}"
        return Meaning(sets={key: value}, follows=True) if key else Meaning(wrong=told)
    return _shape_and_resolution(model, size, shape, place)


def _shape_and_resolution(model: Model, size: Size, shape: Param | None, place: tuple[str, Mapping[str, Json]] | None) -> Meaning:
    sets: dict[str, Json] = {}
    asked = size.written("x")
    if shape:
        ratio = size.shape_among(shape.enum)
        if ratio is None:
            return Meaning(wrong=f"{asked} has the shape {size.ratio}; {model.id} makes {listed(shape.enum)}")
        sets["aspect_ratio"] = ratio
    if place:
        key, words = place
        name = size.length_class if "1K" in words else size.height_class
        # A size between the named resolutions, as in 1024x1024 for a clip, still says the shape; the resolution is the model's.
        if name and name in words:
            sets[key] = words[name]
        elif name or not shape or "1K" in words:
            what = f"{asked} is {name}" if name else f"{asked} is no resolution that has a name"
            return Meaning(wrong=f"{what}; {model.id} makes {listed(tuple(words))}")
    return Meaning(sets=sets, follows=True)


def _shape_of(model: Model) -> Param | None:
    return next((param for param in model.params if param.name == "aspect_ratio"), None)


def _resolution(model: Model, value: Json) -> Meaning | None:
    place = _place_of_resolution(model)
    if place is None:
        return None
    key, words = place
    name = value.lower() if isinstance(value, str) else ""
    if name not in words:
        return Meaning(wrong=f"must be one of {listed(tuple(words))}; got {shown(value)}")
    return Meaning(sets={key: words[name]}, follows=True)


def _place_of_resolution(model: Model) -> tuple[str, Mapping[str, Json]] | None:
    """The key that chooses the resolution, and its words by the names 480p, 720p, 1080p, 4k or 1K, 2K, 4K."""
    for param in model.params:
        if param.name == "resolution":
            words = [word for word in param.enum if isinstance(word, str)]
            return param.name, {word if word.endswith("K") else word.lower(): word for word in words}
        if param.name in _RESOLUTIONS:
            return param.name, _RESOLUTIONS[param.name]
    return None


def _number(model: Model, value: Json) -> Meaning:
    makes = _PICTURES_A_CALL.get(model.id, 1)
    if value in (1, makes):
        return Meaning()
    count = "one picture" if makes == 1 else f"{makes} pictures"
    return Meaning(wrong=f"{model.id} makes {count} a call; got {shown(value)}")

"""The typed fields of media requests, by what is asked for, and what a caller calls each parameter of a model. Pure."""

from collections.abc import Mapping
from typing import Final

from services.catalog.equivalents import equivalent_fields
from services.domain.model import Model, ModelKind, Param

_PICTURES: Final = (
    *("prompt", "n", "size", "aspect_ratio", "resolution", "quality", "output_format", "negative_prompt", "seed", "images"),
)

TYPED: Final[Mapping[ModelKind, tuple[str, ...]]] = {
    ModelKind.IMAGE: _PICTURES,
    ModelKind.IMAGE_EDIT: (*_PICTURES, "mask"),
    ModelKind.VIDEO: (
        *("prompt", "seconds", "size", "aspect_ratio", "resolution", "first_frame", "last_frame", "reference_images", "video"),
        *("negative_prompt", "seed", "generate_audio"),
    ),
    ModelKind.SPEECH: ("prompt", "voice", "speed", "response_format", "sample_rate"),
    ModelKind.MUSIC: ("prompt", "lyrics", "response_format", "sample_rate", "bitrate"),
}
"""What a model takes beside these comes in `extra`."""


def name_for_callers(model: Model, param: Param) -> str:
    """The typed field that sets the parameter, else its place in `extra`."""
    typed = next((source for source in param.sources if source in TYPED[model.kind]), None)
    return typed or f"extra.{param.sources[0] if param.sources else param.name}"


def fields(model: Model) -> tuple[str, ...]:
    """Everything that a caller may set of a media model."""
    own = (name_for_callers(model, param) for param in model.params if param.const is None)
    return (*own, *equivalent_fields(model))

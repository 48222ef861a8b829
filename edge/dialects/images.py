"""OpenAI's image endpoints: bodies and forms to GenerateImagesRequest and EditImagesRequest, and a finished job back to JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeAlias, TypeVar

from cli2api.v1 import job_pb2, media_pb2

from edge.dialects.tables import Field, Neutral, Table, Takes

Request = TypeVar("Request", media_pb2.GenerateImagesRequest, media_pb2.EditImagesRequest)

_WHEN_DONE: Final = "MuleRun gives pictures only when they are done"
_NOBODY: Final = "no model of MuleRun takes it"
_MODEL: Final = "the name of an image model; GET /v1/models lists them"
_FRAME: Final = (
    Field(name="n", takes=Takes.WHOLE, about="how many pictures, as far as the model allows; each is billed"),
    Field(
        name="size", about='as in "1024x1024", or "auto"; turned into what the model takes, a size or a shape and a resolution'
    ),
    Field(name="aspect_ratio", about='as in "16:9"'),
    Field(name="resolution", about='as in "2K"'),
    Field(name="quality", about='"high", "medium", "low" or "auto", where the model knows it'),
    Field(name="output_format", about='"png", "jpeg" or "webp", where the model knows it'),
    Field(name="negative_prompt", about="what to keep out of the picture"),
    Field(name="seed", takes=Takes.WHOLE_64, about="asks for a repeatable picture"),
    Field(name="response_format", to=None, choices=("url", "b64_json"), about="links, or the pictures themselves in base64"),
)
_NEUTRAL: Final = (
    Neutral(name="stream", harmless=(False,), why=_WHEN_DONE),
    Neutral(name="partial_images", harmless=(0,), why=_WHEN_DONE),
    Neutral(name="background", harmless=("auto",), why=_NOBODY),
    Neutral(name="moderation", harmless=("auto",), why=_NOBODY),
    Neutral(name="output_compression", harmless=(100,), why=_NOBODY),
    Neutral(name="style", why=f"{_NOBODY}; say it in the prompt"),
)
GENERATION: Final = Table(
    request=media_pb2.GenerateImagesRequest,
    fields=(
        Field(name="model", required=True, about=_MODEL),
        Field(name="prompt", required=True, about="what to make"),
        *_FRAME,
        Field(name="images", also=("image",), takes=Takes.FILES, about="pictures to work from, for models that need them"),
    ),
    neutral=_NEUTRAL,
    ignored=("user",),
)
EDIT: Final = Table(
    request=media_pb2.EditImagesRequest,
    fields=(
        Field(name="model", required=True, about="the name of an image editing model; GET /v1/models lists them"),
        Field(name="prompt", required=True, about="what to change"),
        Field(
            name="image",
            to="images",
            also=("images",),
            takes=Takes.FILES,
            required=True,
            about="one or more pictures to work from, as files of a form, links or data URLs",
        ),
        Field(name="mask", takes=Takes.FILE, about="marks the area to change, where the model knows it"),
        *_FRAME,
    ),
    neutral=(*_NEUTRAL, Neutral(name="input_fidelity", harmless=("low",), why=_NOBODY)),
    ignored=("user",),
)
"""Of POST /v1/images/edits, which is sent as a form or as JSON."""

_ECHOED: Final[Mapping[str, frozenset[str]]] = {
    "output_format": frozenset({"png", "jpeg", "webp"}),
    "quality": frozenset({"low", "medium", "high"}),
    "size": frozenset({"1024x1024", "1024x1536", "1536x1024"}),
}
"""What OpenAI's answer may say of the pictures; words outside of it would not parse everywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageOrder(Generic[Request]):
    """A request in the contract's words, and how its answer has to look."""

    request: Request
    as_base64: bool
    """The pictures themselves, and not their links."""


AnyOrder: TypeAlias = "ImageOrder[media_pb2.GenerateImagesRequest] | ImageOrder[media_pb2.EditImagesRequest]"


def order(table: Table[Request], body: Mapping[str, Any], idempotency_key: str, *, form: bool = False) -> ImageOrder[Request]:
    """What a body asks for. Raises WrongField."""
    read = table.read(body, idempotency_key, form=form)
    return ImageOrder(request=read.request, as_base64=read.kept["response_format"] == "b64_json")


def answer(
    job: job_pb2.Job,
    request: media_pb2.GenerateImagesRequest | media_pb2.EditImagesRequest,
    encoded: Sequence[str],
) -> dict[str, Any]:
    """OpenAI's answer; with links, or with the pictures in base64 where `encoded` has one for each asset."""
    made = [{"b64_json": each} for each in encoded] or [{"url": asset.url} for asset in job.assets]
    asked = {name: getattr(request, name) for name in _ECHOED}
    echo = {name: word for name, word in asked.items() if word in _ECHOED[name]}
    return {"created": job.create_time.seconds, "data": made, **echo}

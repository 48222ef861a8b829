"""OpenAI's image generation: JSON to GenerateImagesRequest, and a finished job back to JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cli2api.v1 import job_pb2, media_pb2

from edge.dialects.fields import Fields

CALLERS_WORDS: Final[Mapping[str, str]] = {"request_id": "idempotency-key"}
"""The contract's field names that this dialect calls otherwise."""

_ECHOED: Final[Mapping[str, frozenset[str]]] = {
    "output_format": frozenset({"png", "jpeg", "webp"}),
    "quality": frozenset({"low", "medium", "high"}),
    "size": frozenset({"1024x1024", "1024x1536", "1536x1024"}),
}
"""What OpenAI's answer may say of the pictures; words outside of it would not parse everywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageOrder:
    """A request in the contract's words, and how its answer has to look."""

    request: media_pb2.GenerateImagesRequest
    as_base64: bool
    """The pictures themselves, and not their links."""


def order(body: Mapping[str, Any], idempotency_key: str) -> ImageOrder:
    """What a body of POST /v1/images/generations asks for. Raises WrongField."""
    fields = Fields(body)
    as_base64 = fields.choice("response_format", "url", "b64_json") == "b64_json"
    _refuse_what_has_no_counterpart(fields)
    request = media_pb2.GenerateImagesRequest(
        model=fields.required("model", "the name of an image model; GET /v1/models lists them"),
        prompt=fields.required("prompt", "what to make"),
        n=fields.whole("n"),
        size=fields.text("size"),
        aspect_ratio=fields.text("aspect_ratio"),
        resolution=fields.text("resolution"),
        quality=fields.text("quality"),
        output_format=fields.text("output_format"),
        negative_prompt=fields.text("negative_prompt"),
        seed=fields.whole("seed", bits=64),
        images=fields.medias("images", "image"),
        request_id=idempotency_key,
    )
    request.extra.CopyFrom(fields.rest())
    return ImageOrder(request=request, as_base64=as_base64)


def _refuse_what_has_no_counterpart(fields: Fields) -> None:
    fields.ignore("user")
    fields.neutral("stream", False, why="MuleRun gives pictures only when they are done")
    fields.neutral("partial_images", 0, why="MuleRun gives pictures only when they are done")
    fields.neutral("background", "auto", why="no model of MuleRun takes it")
    fields.neutral("moderation", "auto", why="no model of MuleRun takes it")
    fields.neutral("output_compression", 100, why="no model of MuleRun takes it")
    fields.neutral("style", why="no model of MuleRun takes it; say it in the prompt")


def answer(job: job_pb2.Job, request: media_pb2.GenerateImagesRequest, encoded: Sequence[str]) -> dict[str, Any]:
    """OpenAI's answer; with links, or with the pictures in base64 where `encoded` has one for each asset."""
    made = [{"b64_json": each} for each in encoded] or [{"url": asset.url} for asset in job.assets]
    asked = {name: getattr(request, name) for name in _ECHOED}
    echo = {name: word for name, word in asked.items() if word in _ECHOED[name]}
    return {"created": job.create_time.seconds, "data": made, **echo}

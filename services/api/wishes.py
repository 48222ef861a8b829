"""Media requests become wishes: typed fields under the names of the catalog, and what is plainly wrong with them. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from cli2api.v1 import media_pb2

from services.api.convert import json_of
from services.api.inputs import upstream_form, upstream_forms
from services.domain.errors import InvalidRequest, Violation
from services.domain.job import Job
from services.domain.model import Json, ModelKind

MAX_REQUEST_ID: Final = 255
SPEECH_FORMATS: Final = ("mp3", "flac", "pcm", "wav")
MUSIC_FORMATS: Final = ("mp3", "flac", "pcm")
FRAME: Final = frozenset({"size", "aspect_ratio", "resolution"})
"""Different words for one thing: a remix that says one of them means none of the others that its source said."""

Pictures: TypeAlias = media_pb2.GenerateImagesRequest | media_pb2.EditImagesRequest
Sound: TypeAlias = media_pb2.SynthesizeSpeechRequest | media_pb2.CreateMusicRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a caller asks one media model for."""

    model: str
    fields: Mapping[str, Json]
    """Only what the caller set."""
    extra: Mapping[str, Json]
    request_id: str
    violations: Sequence[Violation] = ()
    """What is wrong whatever the model; the catalog finds the rest."""
    called: Mapping[str, str] = field(default_factory=dict)
    """The request's own name of a field, where it differs from the catalog's."""
    remix_of_id: str = ""

    def word(self, name: str) -> str:
        """A field as text; empty where the caller did not set it."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else ""

    def settings(self) -> dict[str, Json]:
        """What a remix of this starts from: every field, without files."""
        kept: dict[str, Json] = {name: value for name, value in self.fields.items() if not _holds_file(value)}
        extra = {name: value for name, value in self.extra.items() if not _holds_file(value)}
        return {**kept, "extra": extra} if extra else kept


def images(request: media_pb2.GenerateImagesRequest) -> Wish:
    """Pictures from words."""
    violations = _common(request)
    fields = _pictures(request)
    if request.images:
        fields["images"] = upstream_forms(request.images, "images", violations)
    return _wish(request, fields, violations)


def edits(request: media_pb2.EditImagesRequest) -> Wish:
    """Pictures from pictures."""
    violations = _common(request)
    fields = _pictures(request)
    if request.images:
        fields["images"] = upstream_forms(request.images, "images", violations)
    else:
        violations.append(Violation("images", "needs at least one picture to work from"))
    if request.HasField("mask"):
        fields["mask"] = upstream_form(request.mask, "mask", violations)
    return _wish(request, fields, violations)


def speech(request: media_pb2.SynthesizeSpeechRequest) -> Wish:
    """Spoken words. The gateway makes wav from pcm, so that is what it asks for."""
    violations = _common(request, SPEECH_FORMATS)
    fields: dict[str, Json] = _given(prompt=request.prompt, voice=request.voice)
    fields |= _given(response_format="pcm" if request.format == "wav" else request.format)
    fields |= _set(request, "speed", "sample_rate")
    return _wish(request, fields, violations)


def music(request: media_pb2.CreateMusicRequest) -> Wish:
    """A song."""
    violations = _common(request, MUSIC_FORMATS)
    fields: dict[str, Json] = _given(prompt=request.prompt, lyrics=request.lyrics, response_format=request.format)
    fields |= _set(request, "sample_rate", "bitrate")
    return _wish(request, fields, violations)


def video(request: media_pb2.CreateVideoRequest) -> Wish:
    """A clip."""
    violations = [*_request_id(request.request_id)]
    words = ("prompt", "seconds", "size", "aspect_ratio", "resolution", "negative_prompt")
    fields: dict[str, Json] = _given(**{name: getattr(request, name) for name in words})
    for name in ("first_frame", "last_frame", "video"):
        if request.HasField(name):
            fields[name] = upstream_form(getattr(request, name), name, violations)
    if request.reference_images:
        fields["reference_images"] = upstream_forms(request.reference_images, "reference_images", violations)
    fields |= _set(request, "seed", "generate_audio")
    return replace(_wish(request, fields, violations), remix_of_id=request.remix_of_id)


def remixed(wish: Wish, source: Job) -> Wish:
    """The wish on top of what its source was asked with. Raises InvalidRequest where the source is no clip."""
    if source.kind is not ModelKind.VIDEO:
        raise InvalidRequest.of(Violation("remix_of_id", f"must name a video job; {source.id} makes {source.kind.value}"))
    start = dict(source.settings)
    extra = start.pop("extra", {})
    if FRAME & wish.fields.keys():
        start = {name: value for name, value in start.items() if name not in FRAME}
    return replace(
        wish,
        model=wish.model or source.model,
        fields={**start, **wish.fields},
        extra={**(extra if isinstance(extra, Mapping) else {}), **wish.extra},
    )


def _wish(
    request: Pictures | Sound | media_pb2.CreateVideoRequest, fields: Mapping[str, Json], violations: list[Violation]
) -> Wish:
    return Wish(
        model=request.model,
        fields=fields,
        extra=json_of(request.extra),
        request_id=request.request_id,
        violations=violations,
        called={"response_format": "format"} if isinstance(request, Sound) else {},
    )


def _pictures(request: Pictures) -> dict[str, Json]:
    words = ("prompt", "size", "aspect_ratio", "resolution", "quality", "output_format", "negative_prompt")
    return _given(**{name: getattr(request, name) for name in words}) | _set(request, "n", "seed")


def _given(**fields: Json) -> dict[str, Json]:
    return {name: value for name, value in fields.items() if value}


def _set(request: Pictures | Sound | media_pb2.CreateVideoRequest, *names: str) -> dict[str, Json]:
    """The fields that keep absent and zero apart."""
    return {name: getattr(request, name) for name in names if request.HasField(name)}  # type: ignore[arg-type]


def _common(request: Pictures | Sound, formats: Sequence[str] = ()) -> list[Violation]:
    violations = [*_request_id(request.request_id)]
    if not request.prompt.strip():
        violations.append(Violation("prompt", "is required"))
    if isinstance(request, Sound) and request.format and request.format not in formats:
        violations.append(Violation("format", f'must be one of {", ".join(formats)}; got "{request.format[:40]}"'))
    return violations


def _request_id(request_id: str) -> Sequence[Violation]:
    if len(request_id) <= MAX_REQUEST_ID:
        return ()
    return (Violation("request_id", f"must have at most {MAX_REQUEST_ID} characters; got {len(request_id)}"),)


def _holds_file(value: Json) -> bool:
    if isinstance(value, str):
        return value.startswith("data:")
    if isinstance(value, Mapping):
        return any(_holds_file(each) for each in value.values())
    return isinstance(value, Sequence) and any(_holds_file(each) for each in value)

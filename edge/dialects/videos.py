"""OpenAI's videos: a body or form to CreateVideoRequest, and jobs back to Video objects."""

from dataclasses import replace
from typing import Any, Final

from cli2api.v1 import job_pb2, media_pb2

from edge.dialects import jobs
from edge.dialects.tables import Field, Table, Takes

DEFAULT_MODEL: Final = "sora-2"
"""What OpenAI's API means by a request without a model."""

_PROMPT: Final = Field(name="prompt", about="what to make")
_SCENE: Final = (
    Field(name="seconds", takes=Takes.SECONDS, about='length, as in "8", as far as the model allows'),
    Field(name="size", about='as in "1280x720"; turned into what the model takes, a size or a shape and a resolution'),
    Field(name="aspect_ratio", about='as in "16:9"'),
    Field(name="resolution", about='as in "720p"'),
    Field(
        name="input_reference",
        to="first_frame",
        also=("first_frame", "image"),
        takes=Takes.FILE,
        about="the clip begins with this picture",
    ),
    Field(name="last_frame", takes=Takes.FILE, about="the clip ends with this picture"),
    Field(name="reference_images", also=("images",), takes=Takes.FILES, about="pictures that guide content or style"),
    Field(name="video", takes=Takes.FILE, about="a clip to work from"),
    Field(name="negative_prompt", about="what to keep out of the clip"),
    Field(name="seed", takes=Takes.WHOLE_64, about="asks for a repeatable clip"),
    Field(name="generate_audio", takes=Takes.FLAG, about="make sound too, where the model can"),
)
CREATION: Final = Table(
    request=media_pb2.CreateVideoRequest,
    fields=(
        Field(name="model", default=DEFAULT_MODEL, about="the name of a video model; GET /v1/models lists them"),
        _PROMPT,
        *_SCENE,
    ),
)
REMIX: Final = Table(
    request=media_pb2.CreateVideoRequest,
    fields=(
        replace(_PROMPT, required=True, about="what to make of the clip"),
        Field(name="model", about="another video model; that of the clip when absent"),
        *_SCENE,
    ),
)
"""Of POST /v1/videos/{id}/remix: what it does not say is as the clip was asked for."""


def video(job: job_pb2.Job) -> dict[str, Any]:
    """OpenAI's Video object; a finished one has the links in `videos` beside."""
    shown = {
        "id": job.id,
        "object": "video",
        **jobs.course(job),
        "size": job.size,
        "seconds": job.seconds,
        "remixed_from_video_id": job.remix_of_id or None,
    }
    if job.state == job_pb2.JOB_STATE_SUCCEEDED:
        shown["videos"] = [asset.url for asset in job.assets if asset.kind != job_pb2.ASSET_KIND_IMAGE]
    return shown


NOUN: Final = jobs.Noun(
    kind=job_pb2.JOB_KIND_VIDEO,
    word="video",
    path="/v1/videos",
    show=video,
    extras={"thumbnail": job_pb2.ASSET_KIND_IMAGE},
)

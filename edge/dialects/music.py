"""Songs, in the shape of OpenAI's videos: a body to CreateMusicRequest, and jobs back to music objects."""

from typing import Any, Final

from cli2api.v1 import job_pb2, media_pb2

from edge.dialects import jobs
from edge.dialects.tables import Field, Table, Takes

CREATION: Final = Table(
    request=media_pb2.CreateMusicRequest,
    fields=(
        Field(name="model", required=True, about="the name of a music model; GET /v1/models lists them"),
        Field(name="prompt", required=True, about="style, mood and scene"),
        Field(name="lyrics", about="the words, a line each; [Verse], [Chorus] and the like mark parts"),
        Field(name="response_format", to="format", choices=("mp3", "flac", "pcm"), about="encoding of the sound"),
        Field(name="sample_rate", takes=Takes.WHOLE, about="samples a second"),
        Field(name="bitrate", takes=Takes.WHOLE, about="bits a second"),
    ),
)


def music(job: job_pb2.Job) -> dict[str, Any]:
    """A song; a finished one has the links in `audios` and its length in `seconds`, where that is known."""
    shown = {"id": job.id, "object": "music", **jobs.course(job)}
    if job.state == job_pb2.JOB_STATE_SUCCEEDED:
        shown["audios"] = [asset.url for asset in job.assets]
        shown["seconds"] = _seconds(job)
    return shown


def _seconds(job: job_pb2.Job) -> str | None:
    known = [asset.duration for asset in job.assets if asset.HasField("duration")]
    return f"{known[0].ToTimedelta().total_seconds():g}" if known else None


NOUN: Final = jobs.Noun(kind=job_pb2.JOB_KIND_MUSIC, word="music", path="/v1/audio/music", show=music)

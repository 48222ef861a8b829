"""OpenAI's speech: JSON to SynthesizeSpeechRequest. The answer is sound as it is, or OpenAI's events with the sound in them."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cli2api.v1 import media_pb2

from edge.dialects.tables import Field, Neutral, Table, Takes

SPEECH: Final = Table(
    request=media_pb2.SynthesizeSpeechRequest,
    fields=(
        Field(name="model", required=True, about="the name of a speech model; GET /v1/models lists them"),
        Field(name="input", to="prompt", required=True, about="the words to speak"),
        Field(
            name="voice", takes=Takes.VOICE, about='a voice of the vendor, as in "Wise_Woman"; OpenAI\'s names do not exist there'
        ),
        Field(name="speed", takes=Takes.NUMBER, about="speaking rate; 1 is normal"),
        Field(
            name="response_format",
            to="format",
            choices=("mp3", "flac", "pcm", "wav"),
            about="encoding of the sound; the gateway makes wav from pcm",
        ),
        Field(name="sample_rate", takes=Takes.WHOLE, about="samples a second"),
        Field(name="stream_format", to=None, choices=("audio", "sse"), about="the sound itself, or events with pieces of it"),
    ),
    neutral=(
        Neutral(
            name="instructions", harmless=("",), why="no model of MuleRun takes it; say it in the input or use voice settings"
        ),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechOrder:
    """A request in the contract's words, and how its answer has to look."""

    request: media_pb2.SynthesizeSpeechRequest
    as_events: bool
    """Server-sent events, and not the bytes of the file."""


def order(body: Mapping[str, Any], idempotency_key: str) -> SpeechOrder:
    """What a body of POST /v1/audio/speech asks for. Raises WrongField."""
    read = SPEECH.read(body, idempotency_key)
    return SpeechOrder(request=read.request, as_events=read.kept["stream_format"] == "sse")


def delta(chunk: bytes) -> dict[str, Any]:
    """One piece of the sound as OpenAI's event."""
    return {"type": "speech.audio.delta", "audio": b64encode(chunk).decode()}


def done() -> dict[str, Any]:
    """OpenAI's last event. Its counts must be there; MuleRun bills speech by the job and counts no tokens."""
    return {"type": "speech.audio.done", "usage": {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}}

"""OpenAI's speech: JSON to SynthesizeSpeechRequest. The answer is sound, which needs no mapping."""

from collections.abc import Mapping
from typing import Any, Final

from cli2api.v1 import media_pb2

from edge.dialects.fields import Fields, WrongField

CALLERS_WORDS: Final[Mapping[str, str]] = {
    "prompt": "input",
    "format": "response_format",
    "request_id": "idempotency-key",
}
"""The contract's field names that this dialect calls otherwise."""


def speech(body: Mapping[str, Any], idempotency_key: str) -> media_pb2.SynthesizeSpeechRequest:
    """What a body of POST /v1/audio/speech asks for. Raises WrongField."""
    fields = Fields(body)
    fields.neutral("instructions", "", why="no model of MuleRun takes it; say it in the input or use voice settings")
    fields.neutral("stream_format", "audio", why="MuleRun gives sound only as a file")
    request = media_pb2.SynthesizeSpeechRequest(
        model=fields.required("model", "the name of a speech model; GET /v1/models lists them"),
        prompt=fields.required("input", "the words to speak"),
        voice=_voice(fields, body.get("voice")),
        speed=fields.number("speed"),
        format=fields.choice("response_format", "mp3", "flac", "pcm", "wav"),
        sample_rate=fields.whole("sample_rate"),
        request_id=idempotency_key,
    )
    request.extra.CopyFrom(fields.rest())
    return request


def _voice(fields: Fields, voice: Any) -> str:
    """A voice id, plain or as OpenAI's custom voice `{"id": ...}`."""
    if not isinstance(voice, Mapping):
        return fields.text("voice")
    fields.ignore("voice")
    if not isinstance(voice.get("id"), str):
        raise WrongField("voice", 'takes a voice id, or an object {"id": ...}')
    return str(voice["id"])

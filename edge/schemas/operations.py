"""What each endpoint takes and answers, by method and path. Data only: the bodies are the tables that read them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from cli2api.v1 import catalog_pb2, job_pb2
from google.protobuf.descriptor import Descriptor

from edge import body
from edge.dialects import audio, images, jobs, music, usage, videos
from edge.dialects.tables import Table
from edge.schemas import messages
from edge.schemas.answers import SCHEMAS, TEXT, ref

JSON: Final = "application/json"
EVENTS: Final = "text/event-stream"
FORM: Final = "multipart/form-data"
_ANY: Final = "*/*"
_FILE: Final[Mapping[str, Any]] = {"type": "string", "format": "binary"}

Content = Mapping[str, Mapping[str, Any]]
"""Schemas by media type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path."""

    tag: str
    summary: str
    answer: Content
    body: Content = field(default_factory=dict)
    query: tuple[Mapping[str, Any], ...] = ()
    error: str = "Error"
    """The schema of every failure."""
    paid: bool = False
    """Takes an Idempotency-Key: the same key and request give the same job and are paid once."""
    ranges: bool = False
    needs_key: bool = True


COMPONENTS: Final[dict[str, Any]] = {name: dict(schema) for name, schema in SCHEMAS.items()}
"""Every schema that has a name."""


def _told(name: str) -> Content:
    return {JSON: ref(name)}


def _message(message: Descriptor, media_type: str = JSON) -> Content:
    return {media_type: messages.answer(message, COMPONENTS)}


def _both(table: Table[Any]) -> Content:
    return {JSON: table.schema(), FORM: table.schema(form=True)}


def _question(head: type[body.TextHead], **required: Any) -> Content:
    """A body of which only a part is read and the rest is passed on, for MuleRun to judge."""
    (_,), found = msgspec.json.schema_components([head])
    read: dict[str, Any] = found[head.__name__]
    properties = {**read["properties"], **required}
    return {
        JSON: {
            "type": "object",
            "description": "In the dialect's own words; what is not listed here is passed on as it is.",
            "required": [*read["required"], *required],
            "properties": properties,
            "additionalProperties": True,
        }
    }


def _parameter(name: str, about: str, **schema: Any) -> Mapping[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": about, "schema": schema}


_ANSWERED: Final[Content] = {JSON: {"type": "object"}, EVENTS: TEXT}
_PAGE: Final = (
    _parameter("limit", "How many.", type="integer", minimum=1, maximum=jobs.MOST, default=20),
    _parameter("order", "Newest or oldest first.", enum=list(jobs.ORDERS), default="desc"),
    _parameter("after", "Start behind the one with this id.", type="string"),
)


_USAGE: Final = (
    _parameter("from", "The first moment counted, as `to`; a day before it where it is absent.", type="string"),
    _parameter("to", "The first moment not counted: unix seconds or RFC 3339; now where it is absent.", type="string"),
    _parameter("group_by", "What a row stands for; days and hours are UTC.", enum=list(usage.GROUPS), default="model"),
    _parameter("model", "Only calls of this model.", type="string"),
    _parameter("endpoint", "Only calls of this endpoint, as in /v1/chat/completions.", type="string"),
)


def _variant(noun: jobs.Noun) -> Mapping[str, Any]:
    return _parameter("variant", "What of it.", enum=[noun.word, *noun.extras], default=noun.word)


def _lifecycle(noun: jobs.Noun, tag: str, name: str) -> Mapping[tuple[str, str], Operation]:
    one = f"{noun.path}/{{id}}"
    return {
        ("GET", noun.path): Operation(tag=tag, summary="List them in pages", query=_PAGE, answer=_told(f"{name}List")),
        ("GET", one): Operation(tag=tag, summary="Tell how one stands", answer=_told(name)),
        ("DELETE", one): Operation(
            tag=tag, summary="Forget one; what MuleRun has begun, it finishes and bills", answer=_told(f"{name}Deleted")
        ),
        ("GET", f"{one}/content"): Operation(
            tag=tag, summary="Download one, whole or in ranges", query=(_variant(noun),), answer={_ANY: _FILE}, ranges=True
        ),
    }


def _text(summary: str, head: type[body.TextHead], error: str = "Error", **required: Any) -> Operation:
    return Operation(tag="Text", summary=summary, body=_question(head, **required), answer=_ANSWERED, error=error)


_PROMPT: Final = {"anyOf": [{"type": "string"}, {"type": "array"}]}
_JOB: Final = job_pb2.Job.DESCRIPTOR

OPERATIONS: Final[Mapping[tuple[str, str], Operation]] = {
    ("POST", "/v1/chat/completions"): _text("Answer a chat, as OpenAI does", body.ConversationHead),
    ("POST", "/v1/completions"): _text("Go on with a prompt, as OpenAI did", body.TextHead, prompt=_PROMPT),
    ("POST", "/v1/responses"): _text("Answer with OpenAI's Responses", body.TextHead),
    ("POST", "/v1/messages"): _text("Answer with Anthropic's Messages", body.ConversationHead, "AnthropicError"),
    ("POST", "/v1/messages/count_tokens"): _text("Count the tokens of a question", body.ConversationHead, "AnthropicError"),
    ("POST", "/v1/images/generations"): Operation(
        tag="Images", summary="Make pictures and wait for them", body=_both(images.GENERATION), answer=_told("Images"), paid=True
    ),
    ("POST", "/v1/images/edits"): Operation(
        tag="Images", summary="Make pictures from pictures", body=_both(images.EDIT), answer=_told("Images"), paid=True
    ),
    ("POST", "/v1/audio/speech"): Operation(
        tag="Speech",
        summary="Speak words; the sound is streamed as it is downloaded",
        body={JSON: audio.SPEECH.schema()},
        answer={"audio/mpeg": _FILE, "audio/flac": _FILE, "audio/wav": _FILE, "audio/pcm": _FILE, EVENTS: ref("SpeechEvent")},
        paid=True,
    ),
    ("POST", "/v1/videos"): Operation(
        tag="Videos", summary="Begin a clip", body=_both(videos.CREATION), answer=_told("Video"), paid=True
    ),
    **_lifecycle(videos.NOUN, "Videos", "Video"),
    ("POST", "/v1/videos/{id}/remix"): Operation(
        tag="Videos",
        summary="Begin a clip that changes another; what is not said is as that one was asked for",
        body=_both(videos.REMIX),
        answer=_told("Video"),
        paid=True,
    ),
    ("POST", "/v1/audio/music"): Operation(
        tag="Music", summary="Begin a song", body={JSON: music.CREATION.schema()}, answer=_told("Music"), paid=True
    ),
    **_lifecycle(music.NOUN, "Music", "Music"),
    ("GET", "/v1/jobs"): Operation(
        tag="Jobs",
        summary="List jobs of any kind, also those behind waited calls",
        query=tuple(messages.parameters(job_pb2.ListJobsRequest.DESCRIPTOR)),
        answer=_message(job_pb2.ListJobsResponse.DESCRIPTOR),
    ),
    ("GET", "/v1/jobs/{id}"): Operation(tag="Jobs", summary="Tell how a job stands", answer=_message(_JOB)),
    ("DELETE", "/v1/jobs/{id}"): Operation(
        tag="Jobs",
        summary="Forget a job; what MuleRun has begun, it finishes and bills",
        answer=_message(job_pb2.DeleteJobResponse.DESCRIPTOR),
    ),
    ("GET", "/v1/jobs/{id}:watch"): Operation(
        tag="Jobs",
        summary="Stream a job as it stands and at each change, to the end",
        query=tuple(messages.parameters(job_pb2.WatchJobRequest.DESCRIPTOR, "id")),
        answer=_message(_JOB, EVENTS),
    ),
    ("GET", "/v1/jobs/{id}:wait"): Operation(
        tag="Jobs",
        summary="Answer when a job is done, or as it stands when the time is up",
        query=tuple(messages.parameters(job_pb2.WaitJobRequest.DESCRIPTOR, "id")),
        answer=_message(_JOB),
    ),
    ("POST", "/v1/jobs/{id}:redeliver"): Operation(
        tag="Jobs", summary="Tell the gateway's receiver once more that a job has ended", answer=_message(_JOB)
    ),
    ("GET", "/v1/jobs/{id}/content"): Operation(
        tag="Jobs",
        summary="Download one file of a job",
        query=(_parameter("index", "Which of its assets, from 0.", type="integer", format="int32", minimum=0, default=0),),
        answer={_ANY: _FILE},
        ranges=True,
    ),
    ("GET", "/v1/models"): Operation(tag="Models", summary="List every model and its aliases", answer=_told("ModelList")),
    ("GET", "/v1/catalog/models/{id}"): Operation(
        tag="Models", summary="One model as the contract has it", answer=_message(catalog_pb2.Model.DESCRIPTOR)
    ),
    ("GET", "/v1/models/{id}"): Operation(
        tag="Models", summary="Tell one model and what it takes; an id may have slashes", answer=_told("Model")
    ),
    ("GET", "/v1/usage"): Operation(tag="Usage", summary="Sum up calls and tokens", query=_USAGE, answer=_told("Usage")),
    ("POST", "/v1/webhooks/mulerun"): Operation(
        tag="Gateway",
        summary="Hear from MuleRun what became of a task; its signature is its key",
        body={JSON: {"type": "object"}},
        answer=_told("Received"),
        needs_key=False,
    ),
    ("GET", "/healthz"): Operation(tag="Gateway", summary="Whether it runs", answer=_told("Health"), needs_key=False),
    ("GET", "/readyz"): Operation(
        tag="Gateway", summary="Whether it can serve", answer=_told("Health"), error="Health", needs_key=False
    ),
    ("GET", "/openapi.json"): Operation(
        tag="Gateway", summary="This description", answer={JSON: {"type": "object"}}, needs_key=False
    ),
    ("GET", "/docs"): Operation(
        tag="Gateway", summary="This description, for people", answer={"text/html": TEXT}, needs_key=False
    ),
}

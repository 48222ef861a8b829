"""A conversation, its answer and the events of a streamed answer: the one hub between the dialects."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from services.domain.model import Json


class Role(StrEnum):
    """Who speaks in a message."""

    SYSTEM = "system"
    DEVELOPER = "developer"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


class FinishReason(StrEnum):
    """Why the model stopped."""

    STOP = "stop"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    CONTENT_FILTER = "content_filter"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Text:
    """Words."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A picture, as an http(s) or data URL."""

    url: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audio:
    """Sound; `format` is "wav" or "mp3"."""

    content: bytes
    format: str


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A document."""

    content: bytes
    mime_type: str
    filename: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A call that the model wants made; the arguments are its own text, byte for byte."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """What a tool call came to."""

    tool_call_id: str
    text: str
    images: tuple[Image, ...] = ()
    is_error: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasoning:
    """What the model thought before it spoke."""

    text: str = ""
    signature: str = ""
    sealed: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The assistant's refusal, in words."""

    text: str


Part: TypeAlias = Text | Image | Audio | File | ToolCall | ToolResult | Reasoning | Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn."""

    role: Role
    parts: tuple[Part, ...]
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A function that the model may call; the schema is JSON text, because the order of its properties matters."""

    name: str
    description: str = ""
    parameters: str = ""
    strict: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolChoice:
    """By rule ("auto", "none", "required"), or one tool by name; exactly one is set."""

    mode: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseFormat:
    """Any JSON object when `schema` is empty, else JSON that fits it."""

    name: str = ""
    schema: str = ""
    description: str = ""
    strict: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """What a model is asked. None and empty mean: leave it to the upstream."""

    model: str
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    effort: str = ""
    budget_tokens: int | None = None
    reasoning_summary: str = ""
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    n: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    service_tier: str = ""
    extra: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenUsage:
    """Tokens that a call cost; None is not known, which is not zero."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One answer of a call."""

    index: int
    message: Message
    finish_reason: FinishReason
    finish_detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The whole answer."""

    id: str
    model: str
    created: float | None
    candidates: tuple[Candidate, ...]
    usage: TokenUsage | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """The stream's first event."""

    id: str
    model: str
    created: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDelta:
    """More words."""

    index: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasoningDelta:
    """More reasoning."""

    index: int
    text: str = ""
    signature: str = ""
    sealed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalDelta:
    """More words of a refusal."""

    index: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallDelta:
    """A piece of one tool call; only a call's first piece has id and name."""

    index: int
    tool_index: int
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """One answer has ended."""

    index: int
    finish_reason: FinishReason
    finish_detail: str = ""


Event: TypeAlias = Started | TextDelta | ReasoningDelta | RefusalDelta | ToolCallDelta | Finished | TokenUsage

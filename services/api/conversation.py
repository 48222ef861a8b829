"""A text request becomes a conversation. Pure.

A request is read to its end before anything is refused, so that its caller hears of every wrong field at once.
"""

import base64
import json
import math
import re
from collections.abc import Mapping
from typing import Final, TypeAlias

from cli2api.v1 import text_pb2

from services.api.convert import json_of
from services.domain.errors import InvalidRequest, Violation
from services.domain.model import Json
from services.domain.text import (
    Audio,
    Conversation,
    File,
    Image,
    Message,
    Part,
    Reasoning,
    Refusal,
    ResponseFormat,
    Role,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)

Request: TypeAlias = text_pb2.GenerateRequest | text_pb2.StreamGenerateRequest

ROLES: Final[Mapping[Role, text_pb2.Role.ValueType]] = {
    Role.SYSTEM: text_pb2.ROLE_SYSTEM,
    Role.DEVELOPER: text_pb2.ROLE_DEVELOPER,
    Role.USER: text_pb2.ROLE_USER,
    Role.ASSISTANT: text_pb2.ROLE_ASSISTANT,
    Role.TOOL: text_pb2.ROLE_TOOL,
}
_ROLES_BACK: Final[Mapping[int, Role]] = {number: role for role, number in ROLES.items()}
_DETAILS: Final[Mapping[int, str]] = {text_pb2.IMAGE_DETAIL_LOW: "low", text_pb2.IMAGE_DETAIL_HIGH: "high"}
_MODES: Final[Mapping[int, str]] = {
    text_pb2.ToolChoice.MODE_AUTO: "auto",
    text_pb2.ToolChoice.MODE_NONE: "none",
    text_pb2.ToolChoice.MODE_REQUIRED: "required",
}
_TOOL_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_RANGES: Final[Mapping[str, tuple[float, float]]] = {
    "max_output_tokens": (1, math.inf),
    "temperature": (0, 2),
    "top_p": (0, 1),
    "top_k": (1, math.inf),
    "presence_penalty": (-2, 2),
    "frequency_penalty": (-2, 2),
    "n": (1, math.inf),
}
_OPTIONAL: Final = (*_RANGES, "parallel_tool_calls", "seed")
"""Fields that keep absent and zero apart."""


def conversation(request: Request) -> Conversation:
    """What the request asks. Raises InvalidRequest with everything that is wrong."""
    found = _Reading()
    if not request.model:
        found.wrong("model", "is required; the catalog lists those there are, and other names reach the upstream as they are")
    if not request.messages:
        found.wrong("messages", "needs at least one message")
    messages = tuple(found.message(each, f"messages[{index}]") for index, each in enumerate(request.messages))
    tools = tuple(found.tool(each, f"tools[{index}]") for index, each in enumerate(request.tools))
    given = {name: getattr(request, name) for name in _OPTIONAL if request.HasField(name)}  # type: ignore[arg-type]
    for name, (lowest, highest) in _RANGES.items():
        if name in given and not lowest <= given[name] <= highest:
            most = f" to {highest:g}" if math.isfinite(highest) else " or more"
            found.wrong(name, f"must be {lowest:g}{most}; got {given[name]:g}")
    has_form, has_choice = request.HasField("response_format"), request.HasField("tool_choice")
    has_budget = request.reasoning.HasField("budget_tokens")
    asked = Conversation(
        model=request.model,
        messages=messages,
        tools=tools,
        tool_choice=found.tool_choice(request.tool_choice) if has_choice else None,
        response_format=found.response_format(request.response_format) if has_form else None,
        effort=request.reasoning.effort,
        budget_tokens=request.reasoning.budget_tokens if has_budget else None,
        reasoning_summary=request.reasoning.summary,
        stop=tuple(request.stop),
        metadata=dict(request.metadata),
        user=request.user,
        service_tier=request.service_tier,
        extra=found.loose(request),
        **given,
    )
    if found.violations:
        raise InvalidRequest.of(*found.violations)
    return asked


class _Reading:
    """Reads the parts of one request and remembers what is wrong with them."""

    def __init__(self) -> None:
        self.violations: list[Violation] = []

    def wrong(self, field: str, description: str) -> None:
        self.violations.append(Violation(field, description))

    def message(self, given: text_pb2.Message, field: str) -> Message:
        role = _ROLES_BACK.get(given.role)
        if role is None:
            self.wrong(f"{field}.role", "is required: system, developer, user, assistant or tool")
        if not given.parts:
            self.wrong(f"{field}.parts", "needs at least one part")
        parts = [self.part(each, f"{field}.parts[{index}]", given.role) for index, each in enumerate(given.parts)]
        return Message(role=role or Role.USER, parts=tuple(filter(None, parts)), name=given.name)

    def part(self, given: text_pb2.Part, field: str, role: int) -> Part | None:
        match given.WhichOneof("kind"):
            case "text":
                return Text(given.text)
            case "image":
                return self.image(given.image, f"{field}.image")
            case "audio":
                self.filled(given.audio.content, f"{field}.audio.content")
                if given.audio.format not in {"wav", "mp3"}:
                    self.wrong(f"{field}.audio.format", 'must be "wav" or "mp3"')
                return Audio(content=given.audio.content, format=given.audio.format)
            case "file":
                self.filled(given.file.content, f"{field}.file.content")
                self.filled(given.file.mime_type, f"{field}.file.mime_type")
                return File(content=given.file.content, mime_type=given.file.mime_type, filename=given.file.filename)
            case "tool_call":
                self.filled(given.tool_call.id, f"{field}.tool_call.id")
                self.filled(given.tool_call.name, f"{field}.tool_call.name")
                return ToolCall(id=given.tool_call.id, name=given.tool_call.name, arguments=given.tool_call.arguments_json)
            case "tool_result":
                return self.tool_result(given.tool_result, f"{field}.tool_result", role)
            case "reasoning":
                told = given.reasoning
                return Reasoning(text=told.text, signature=told.signature, sealed=told.sealed)
            case "refusal":
                return Refusal(given.refusal)
            case _:
                self.wrong(field, "is empty: set text, image, audio, file, tool_call, tool_result, reasoning or refusal")
                return None

    def image(self, given: text_pb2.ImagePart, field: str) -> Image:
        detail = _DETAILS.get(given.detail, "")
        if given.WhichOneof("source") == "url":
            if not given.url.startswith(("https://", "http://", "data:")):
                self.wrong(f"{field}.url", "must be an http, https or data URL; send a file's bytes as `content`")
            return Image(url=given.url, detail=detail)
        self.filled(given.content, f"{field}.content")
        if not given.mime_type.startswith("image/"):
            self.wrong(f"{field}.mime_type", 'is required with content, as in "image/png"')
        return Image(url=f"data:{given.mime_type};base64,{base64.b64encode(given.content).decode('ascii')}", detail=detail)

    def tool_result(self, given: text_pb2.ToolResult, field: str, role: int) -> ToolResult:
        self.filled(given.tool_call_id, f"{field}.tool_call_id")
        if role != text_pb2.ROLE_TOOL:
            self.wrong(field, "belongs into a message of the role tool")
        images = tuple(self.image(each, f"{field}.images[{index}]") for index, each in enumerate(given.images))
        return ToolResult(tool_call_id=given.tool_call_id, text=given.text, images=images, is_error=given.is_error)

    def tool(self, given: text_pb2.Tool, field: str) -> Tool:
        if not _TOOL_NAME.fullmatch(given.name):
            self.wrong(f"{field}.name", "must have 1 to 64 letters, digits, underscores and dashes")
        if given.parameters_json:
            self.schema(given.parameters_json, f"{field}.parameters_json")
        return Tool(
            name=given.name,
            description=given.description,
            parameters=given.parameters_json,
            strict=given.strict if given.HasField("strict") else None,
        )

    def tool_choice(self, given: text_pb2.ToolChoice) -> ToolChoice | None:
        if given.WhichOneof("choice") == "name":
            self.filled(given.name, "tool_choice.name")
            return ToolChoice(name=given.name)
        # Neither a rule nor a name is the upstream's default, as is no choice at all.
        mode = _MODES.get(given.mode, "")
        return ToolChoice(mode=mode) if mode else None

    def response_format(self, given: text_pb2.ResponseFormat) -> ResponseFormat | None:
        form = given.WhichOneof("form")
        if form is None:
            self.wrong("response_format", "is empty: set json_object or json_schema")
            return None
        if form == "json_object":
            return ResponseFormat()
        told = given.json_schema
        self.filled(told.name, "response_format.json_schema.name")
        self.schema(told.schema_json, "response_format.json_schema.schema_json")
        strict = told.strict if told.HasField("strict") else None
        return ResponseFormat(name=told.name, schema=told.schema_json, description=told.description, strict=strict)

    def schema(self, written: str, field: str) -> None:
        try:
            good = isinstance(json.loads(written), dict)
        except (ValueError, RecursionError):
            good = False
        if not good:
            self.wrong(field, "must be a JSON Schema, as the text of a JSON object")

    def filled(self, value: str | bytes, field: str) -> None:
        if not value:
            self.wrong(field, "is required")

    def loose(self, request: Request) -> Mapping[str, Json]:
        try:
            return json_of(request.extra)
        except InvalidRequest as refused:
            self.violations += refused.violations
            return {}

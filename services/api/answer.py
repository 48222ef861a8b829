"""Answers and the events of a streamed answer become messages. Pure."""

from collections.abc import Mapping
from typing import Final, assert_never

from cli2api.v1 import text_pb2

from services.api.conversation import ROLES
from services.api.convert import timestamp
from services.domain import text

FINISHES: Final[Mapping[text.FinishReason, text_pb2.FinishReason.ValueType]] = {
    text.FinishReason.STOP: text_pb2.FINISH_REASON_STOP,
    text.FinishReason.LENGTH: text_pb2.FINISH_REASON_LENGTH,
    text.FinishReason.TOOL_CALLS: text_pb2.FINISH_REASON_TOOL_CALLS,
    text.FinishReason.CONTENT_FILTER: text_pb2.FINISH_REASON_CONTENT_FILTER,
    text.FinishReason.OTHER: text_pb2.FINISH_REASON_OTHER,
}


def answer_to_proto(value: text.Answer) -> text_pb2.GenerateResponse:
    """The whole answer."""
    told = text_pb2.GenerateResponse(id=value.id, model=value.model, candidates=[_candidate(each) for each in value.candidates])
    if value.created is not None:
        told.create_time.CopyFrom(timestamp(value.created))
    if value.usage is not None:
        told.usage.CopyFrom(_usage(value.usage))
    return told


def event_to_proto(value: text.Event) -> text_pb2.StreamGenerateResponse:
    """One event of a streamed answer."""
    match value:
        case text.Started():
            started = text_pb2.AnswerStarted(id=value.id, model=value.model)
            if value.created is not None:
                started.create_time.CopyFrom(timestamp(value.created))
            return text_pb2.StreamGenerateResponse(started=started)
        case text.TextDelta():
            return text_pb2.StreamGenerateResponse(text=text_pb2.TextDelta(index=value.index, text=value.text))
        case text.ReasoningDelta():
            delta = text_pb2.ReasoningDelta(index=value.index, text=value.text, signature=value.signature, sealed=value.sealed)
            return text_pb2.StreamGenerateResponse(reasoning=delta)
        case text.RefusalDelta():
            return text_pb2.StreamGenerateResponse(refusal=text_pb2.RefusalDelta(index=value.index, text=value.text))
        case text.ToolCallDelta():
            piece = text_pb2.ToolCallDelta(
                index=value.index,
                tool_index=value.tool_index,
                id=value.id,
                name=value.name,
                arguments_json=value.arguments,
            )
            return text_pb2.StreamGenerateResponse(tool_call=piece)
        case text.Finished():
            finished = text_pb2.AnswerFinished(
                index=value.index, finish_reason=FINISHES[value.finish_reason], finish_detail=value.finish_detail
            )
            return text_pb2.StreamGenerateResponse(finished=finished)
        case text.TokenUsage():
            return text_pb2.StreamGenerateResponse(usage=_usage(value))
        case _:
            assert_never(value)


def _usage(value: text.TokenUsage) -> text_pb2.TokenUsage:
    return text_pb2.TokenUsage(
        prompt_tokens=value.prompt_tokens,
        completion_tokens=value.completion_tokens,
        total_tokens=value.total_tokens,
        cached_tokens=value.cached_tokens,
        cache_write_tokens=value.cache_write_tokens,
        reasoning_tokens=value.reasoning_tokens,
    )


def _candidate(value: text.Candidate) -> text_pb2.Candidate:
    message = text_pb2.Message(
        role=ROLES[value.message.role], parts=[_part(each) for each in value.message.parts], name=value.message.name
    )
    return text_pb2.Candidate(
        index=value.index,
        message=message,
        finish_reason=FINISHES[value.finish_reason],
        finish_detail=value.finish_detail,
    )


def _part(value: text.Part) -> text_pb2.Part:
    match value:
        case text.Text():
            return text_pb2.Part(text=value.text)
        case text.Refusal():
            return text_pb2.Part(refusal=value.text)
        case text.Image():
            return text_pb2.Part(image=_image(value))
        case text.Audio():
            return text_pb2.Part(audio=text_pb2.AudioPart(content=value.content, format=value.format))
        case text.File():
            told = text_pb2.FilePart(content=value.content, mime_type=value.mime_type, filename=value.filename)
            return text_pb2.Part(file=told)
        case text.ToolCall():
            call = text_pb2.ToolCall(id=value.id, name=value.name, arguments_json=value.arguments)
            return text_pb2.Part(tool_call=call)
        case text.ToolResult():
            result = text_pb2.ToolResult(
                tool_call_id=value.tool_call_id,
                text=value.text,
                images=[_image(each) for each in value.images],
                is_error=value.is_error,
            )
            return text_pb2.Part(tool_result=result)
        case text.Reasoning():
            reasoning = text_pb2.Reasoning(text=value.text, signature=value.signature, sealed=value.sealed)
            return text_pb2.Part(reasoning=reasoning)
        case _:
            assert_never(value)


def _image(value: text.Image) -> text_pb2.ImagePart:
    return text_pb2.ImagePart(url=value.url)

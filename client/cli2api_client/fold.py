"""Folds a streamed answer into the one that `Generate` would have given. Pure.

Its law: pieces keep the order in which they began; words that follow one another are one piece.
"""

from collections.abc import AsyncIterable, Iterable

from cli2api.v1 import text_pb2


class Fold:
    """The answer as far as its events have come in."""

    def __init__(self) -> None:
        self._answer = text_pb2.GenerateResponse()
        self._candidates: dict[int, text_pb2.Candidate] = {}
        self._calls: dict[tuple[int, int], text_pb2.ToolCall] = {}

    def add(self, event: text_pb2.StreamGenerateResponse) -> None:
        """Takes the next event."""
        match event.WhichOneof("event"):
            case "started":
                self._answer.id, self._answer.model = event.started.id, event.started.model
                if event.started.HasField("create_time"):
                    self._answer.create_time.CopyFrom(event.started.create_time)
            case "text":
                self._last(event.text.index, "text").text += event.text.text
            case "refusal":
                self._last(event.refusal.index, "refusal").refusal += event.refusal.text
            case "reasoning":
                self._reason(event.reasoning)
            case "tool_call":
                self._call(event.tool_call)
            case "finished":
                candidate = self._candidate(event.finished.index)
                candidate.finish_reason = event.finished.finish_reason
                candidate.finish_detail = event.finished.finish_detail
            case "usage":
                self._answer.usage.CopyFrom(event.usage)

    def answer(self) -> text_pb2.GenerateResponse:
        """The answer so far; whole after the last event."""
        whole = text_pb2.GenerateResponse()
        whole.CopyFrom(self._answer)
        whole.candidates.extend(self._candidates[index] for index in sorted(self._candidates))
        return whole

    def _candidate(self, index: int) -> text_pb2.Candidate:
        if index not in self._candidates:
            message = text_pb2.Message(role=text_pb2.ROLE_ASSISTANT)
            self._candidates[index] = text_pb2.Candidate(index=index, message=message)
        return self._candidates[index]

    def _last(self, index: int, kind: str) -> text_pb2.Part:
        """The candidate's last piece where it is of that kind, else a new one."""
        parts = self._candidate(index).message.parts
        return parts[-1] if parts and parts[-1].WhichOneof("kind") == kind else parts.add()

    def _reason(self, delta: text_pb2.ReasoningDelta) -> None:
        part = self._last(delta.index, "reasoning").reasoning
        # A signature closes the text that it proves. A seal closes too; one that bears a signature belongs to the text before it.
        signed = part.signature and (delta.text or delta.sealed)
        if part.sealed or signed or (part.text and delta.sealed and not delta.signature):
            part = self._candidate(delta.index).message.parts.add().reasoning
        part.text += delta.text
        part.signature += delta.signature
        part.sealed += delta.sealed

    def _call(self, delta: text_pb2.ToolCallDelta) -> None:
        place = delta.index, delta.tool_index
        if place not in self._calls:
            self._calls[place] = self._candidate(delta.index).message.parts.add().tool_call
        call = self._calls[place]
        call.id += delta.id
        call.name += delta.name
        call.arguments_json += delta.arguments_json


def fold(events: Iterable[text_pb2.StreamGenerateResponse]) -> text_pb2.GenerateResponse:
    """The whole answer of a stream. Raises what the stream raises."""
    folded = Fold()
    for event in events:
        folded.add(event)
    return folded.answer()


async def afold(events: AsyncIterable[text_pb2.StreamGenerateResponse]) -> text_pb2.GenerateResponse:
    """The whole answer of an asynchronous stream. Raises what the stream raises."""
    folded = Fold()
    async for event in events:
        folded.add(event)
    return folded.answer()

"""A streamed answer as the numbered events of OpenAI's Responses; pure.

Laws: `sequence_number` rises by one from 0; an item keeps its id and its place; what was announced is always completed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cli2api.v1 import text_pb2

from edge.dialects import responses_answer as whole
from edge.dialects.question import Question
from edge.dialects.telling import Moment, Said, own_id


@dataclass(slots=True, kw_only=True)
class _Item:
    """An item that is being told."""

    kind: str
    """text, refusal, reasoning or tool_call."""
    id: str
    place: int
    call_id: str = ""
    name: str = ""
    words: str = ""
    signature: str = ""
    sealed: str = ""


class ResponseStory:
    """Tells one streamed answer. Words and thoughts end where something else begins; calls stay open to the end, side by side."""

    def __init__(self, asked: Question, moment: Moment) -> None:
        self._asked = asked
        self._moment = moment
        self._frame = whole.frame(text_pb2.AnswerStarted(), asked, moment)
        self._core = moment.request_id
        self._number = 0
        self._place = 0
        self._spoken: _Item | None = None
        self._calls: dict[int, _Item] = {}
        self._output: dict[int, dict[str, Any]] = {}
        self._reason = text_pb2.FINISH_REASON_UNSPECIFIED
        self._usage = text_pb2.TokenUsage()

    def tell(self, piece: text_pb2.StreamGenerateResponse) -> Iterator[Said]:
        """The events of one event of the contract."""
        match piece.WhichOneof("event"):
            case "started":
                self._frame = whole.frame(piece.started, self._asked, self._moment)
                self._core = own_id("", piece.started.id, self._moment)
                yield self._event("response.created", response=self._frame)
                yield self._event("response.in_progress", response=self._frame)
            case "text" if piece.text.text:
                yield from self._speak("text", piece.text.text)
            case "refusal" if piece.refusal.text:
                yield from self._speak("refusal", piece.refusal.text)
            case "reasoning":
                yield from self._speak("reasoning", piece.reasoning.text)
                if self._spoken is not None:
                    self._spoken.signature += piece.reasoning.signature
                    self._spoken.sealed = piece.reasoning.sealed or self._spoken.sealed
            case "tool_call":
                yield from self._call(piece.tool_call)
            case "finished":
                self._reason = piece.finished.finish_reason
            case "usage":
                self._usage = piece.usage

    def end(self) -> Iterator[Said]:
        """Completes what is open, then the response."""
        yield from self._close()
        for item in self._calls.values():
            yield from self._close_call(item)
        last = whole.finished(self._frame, self._items(), self._reason, self._usage)
        yield self._event(f"response.{last['status']}", response=last)

    def fail(self, error: Any) -> Iterator[Said]:
        """The response as far as it came, failed."""
        told = {"code": error["error"]["code"] or "server_error", "message": error["error"]["message"]}
        yield self._event("response.failed", response={**self._frame, "status": "failed", "error": told, "output": self._items()})

    def _items(self) -> list[dict[str, Any]]:
        return [self._output[place] for place in sorted(self._output)]

    def _speak(self, kind: str, words: str) -> Iterator[Said]:
        if self._spoken is None or self._spoken.kind != kind:
            yield from self._close()
            self._spoken = self._open(kind)
            yield from self._announce(self._spoken)
        item = self._spoken
        if not words:
            return
        where = _where(item)
        if kind == "reasoning":
            if not item.words:
                part = {"type": "summary_text", "text": ""}
                yield self._event("response.reasoning_summary_part.added", **where, summary_index=0, part=part)
            yield self._event("response.reasoning_summary_text.delta", **where, summary_index=0, delta=words)
        elif kind == "refusal":
            yield self._event("response.refusal.delta", **where, content_index=0, delta=words)
        else:
            yield self._event("response.output_text.delta", **where, content_index=0, delta=words, logprobs=[])
        item.words += words

    def _open(self, kind: str) -> _Item:
        prefix = {"reasoning": "rs", "tool_call": "fc"}.get(kind, "msg")
        item = _Item(kind=kind, id=f"{prefix}_{self._core}_{self._place}", place=self._place)
        self._place += 1
        return item

    def _announce(self, item: _Item) -> Iterator[Said]:
        if item.kind == "reasoning":
            shown = whole.reasoning_item(item.id, text_pb2.Reasoning(), self._asked)
        else:
            shown = whole.message_item(item.id, [], status="in_progress")
        yield self._event("response.output_item.added", output_index=item.place, item=shown)
        if item.kind != "reasoning":
            yield self._event("response.content_part.added", **_where(item), content_index=0, part=_part(item.kind, ""))

    def _close(self) -> Iterator[Said]:
        item, self._spoken = self._spoken, None
        if item is None:
            return
        where = _where(item)
        match item.kind:
            case "reasoning":
                if item.words:
                    yield self._event("response.reasoning_summary_text.done", **where, summary_index=0, text=item.words)
                    part = {"type": "summary_text", "text": item.words}
                    yield self._event("response.reasoning_summary_part.done", **where, summary_index=0, part=part)
                found = text_pb2.Reasoning(text=item.words, signature=item.signature, sealed=item.sealed)
                done = whole.reasoning_item(item.id, found, self._asked)
            case "refusal":
                yield self._event("response.refusal.done", **where, content_index=0, refusal=item.words)
            case _:
                yield self._event("response.output_text.done", **where, content_index=0, text=item.words, logprobs=[])
        if item.kind != "reasoning":
            part = _part(item.kind, item.words)
            yield self._event("response.content_part.done", **where, content_index=0, part=part)
            done = whole.message_item(item.id, [part])
        yield self._done(item, done)

    def _call(self, piece: text_pb2.ToolCallDelta) -> Iterator[Said]:
        item = self._calls.get(piece.tool_index)
        if item is None:
            yield from self._close()
            item = self._calls[piece.tool_index] = self._open("tool_call")
            item.call_id, item.name = piece.id, piece.name
            shown = whole.call_item(item.id, item.call_id, item.name, "", status="in_progress")
            yield self._event("response.output_item.added", output_index=item.place, item=shown)
        if piece.arguments_json:
            item.words += piece.arguments_json
            yield self._event("response.function_call_arguments.delta", **_where(item), delta=piece.arguments_json)

    def _close_call(self, item: _Item) -> Iterator[Said]:
        yield self._event("response.function_call_arguments.done", **_where(item), name=item.name, arguments=item.words)
        yield self._done(item, whole.call_item(item.id, item.call_id, item.name, item.words))

    def _done(self, item: _Item, shown: dict[str, Any]) -> Said:
        self._output[item.place] = shown
        return self._event("response.output_item.done", output_index=item.place, item=shown)

    def _event(self, name: str, /, **members: Any) -> Said:
        number = self._number
        self._number += 1
        return Said(event=name, document={"type": name, "sequence_number": number, **members})


def _where(item: _Item) -> Mapping[str, Any]:
    return {"item_id": item.id, "output_index": item.place}


def _part(kind: str, words: str) -> dict[str, Any]:
    return whole.refusal_part(words) if kind == "refusal" else whole.text_part(words)

"""OpenAI's legacy completions: a prompt becomes a conversation of one turn, and the answer plain text again; pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from cli2api.v1 import text_pb2

from edge.dialects.chat_answer import DONE, FINISHES, usage
from edge.dialects.fields import Fields, WrongField, kind
from edge.dialects.question import NO_COUNTERPART, Question, text_of
from edge.dialects.telling import Moment, Said, created, own_id

CALLERS_WORDS: Final[Mapping[str, str]] = {"max_output_tokens": "max_tokens", "messages": "prompt"}
"""The contract's field names that this dialect calls otherwise."""
MOST_PROMPTS: Final = 20
"""Each prompt is a call of its own, and paid for."""

_FINISHES: Final = {name: word for name, word in FINISHES.items() if word != "tool_calls"}


def questions(body: Mapping[str, Any]) -> list[Question]:
    """What a body of POST /v1/completions asks, one question for each prompt. Raises WrongField."""
    fields = Fields(body)
    prompts = _prompts(fields)
    stream, with_usage = bool(fields.flag("stream")), False
    if options := fields.section("stream_options"):
        options.ignore("include_obfuscation")
        with_usage = bool(options.flag("include_usage"))
        options.end(NO_COUNTERPART)
    echo = bool(fields.flag("echo"))
    fields.neutral("suffix", "", why="chat models cannot write into a gap")
    fields.neutral("logprobs", why="chat models do not tell them in this form")
    fields.neutral("best_of", 1, body.get("n") or 1, why="the upstream does not choose among answers")
    shared = text_pb2.GenerateRequest(
        model=fields.required("model", "the name of a text model; GET /v1/models lists them"),
        max_output_tokens=fields.whole("max_tokens"),
        temperature=fields.number("temperature"),
        top_p=fields.number("top_p"),
        stop=fields.texts("stop"),
        seed=fields.whole("seed", bits=64),
        presence_penalty=fields.number("presence_penalty"),
        frequency_penalty=fields.number("frequency_penalty"),
        n=fields.whole("n"),
        user=fields.text("user"),
    )
    # Chat completions know it under the same name.
    shared.extra.CopyFrom(Fields({"logit_bias": fields.any("logit_bias")}).rest())
    fields.end(NO_COUNTERPART)
    found = []
    for prompt in prompts:
        request = text_pb2.GenerateRequest()
        request.CopyFrom(shared)
        request.messages.add(role=text_pb2.ROLE_USER, parts=[text_pb2.Part(text=prompt)])
        asked = {"prompt": prompt} if echo else {}
        found.append(
            Question(request=request, stream=stream, with_usage=with_usage, body=asked, places={"messages[0]": "prompt"})
        )
    return found


def answer(found: Sequence[text_pb2.GenerateResponse], asked: Sequence[Question], moment: Moment) -> dict[str, Any]:
    """The text_completion object: the choices of all prompts in the order of the prompts, and what they cost together."""
    choices = [
        {
            "text": _echo(question) + text_of(each.message.parts) + "".join(part.refusal for part in each.message.parts),
            "index": place * _n(question) + each.index,
            "logprobs": None,
            "finish_reason": _FINISHES.get(each.finish_reason, "stop"),
        }
        for place, (one, question) in enumerate(zip(found, asked, strict=True))
        for each in one.candidates
    ]
    counted = [one.usage for one in found if one.HasField("usage")]
    spent = {"usage": usage(summed(counted))} if counted else {}
    return {**_frame(found[0], asked[0], moment), "choices": choices, **spent}


def summed(counted: Sequence[text_pb2.TokenUsage]) -> text_pb2.TokenUsage:
    """What several answers cost together."""
    spent = text_pb2.TokenUsage()
    for one in counted:
        for name, value in one.ListFields():
            setattr(spent, name.name, getattr(spent, name.name) + value)
    return spent


class CompletionStory:
    """Tells the streamed answers of one call, prompt after prompt, in chunks."""

    def __init__(self, asked: Sequence[Question], moment: Moment) -> None:
        self._asked = asked
        self._moment = moment
        self._frame: dict[str, Any] = {}
        self._place = -1
        self._counted: list[text_pb2.TokenUsage] = []

    def tell(self, piece: text_pb2.StreamGenerateResponse) -> Iterator[Said]:
        """The chunks of one event; an answer's `started` begins the next prompt."""
        match piece.WhichOneof("event"):
            case "started":
                self._place += 1
                question = self._asked[self._place]
                self._frame = self._frame or _frame(piece.started, question, self._moment)
                for index in range(_n(question) if _echo(question) else 0):
                    yield self._chunk(index, _echo(question))
            case "text":
                yield self._chunk(piece.text.index, piece.text.text)
            case "refusal":
                yield self._chunk(piece.refusal.index, piece.refusal.text)
            case "finished":
                yield self._chunk(piece.finished.index, "", _FINISHES.get(piece.finished.finish_reason, "stop"))
            case "usage":
                self._counted.append(piece.usage)

    def end(self) -> Iterator[Said]:
        """The usage of all prompts, where it was asked for, and the word that ends the stream."""
        if self._counted and self._asked[0].with_usage:
            yield Said(document={**self._frame, "choices": [], "usage": usage(summed(self._counted))})
        yield DONE

    def fail(self, error: Any) -> Iterator[Said]:
        """A last chunk that SDKs raise; there is no [DONE]."""
        yield Said(document=error)

    def _chunk(self, index: int, words: str, finish: str | None = None) -> Said:
        place = self._place * _n(self._asked[self._place]) + index
        choice = {"text": words, "index": place, "logprobs": None, "finish_reason": finish}
        return Said(document={**self._frame, "choices": [choice], **({"usage": None} if self._asked[0].with_usage else {})})


def _prompts(fields: Fields) -> list[str]:
    prompt = fields.any("prompt")
    found = [prompt] if isinstance(prompt, str) else prompt
    if found is None or found == []:
        raise WrongField("prompt", "required: a text, or a list of texts")
    if not isinstance(found, list):
        raise WrongField("prompt", f"takes a text, or a list of texts, not {kind(found)}")
    if not all(isinstance(each, str) for each in found):
        raise WrongField("prompt", "takes texts; tokens cannot be read here, since the models have vocabularies of their own")
    if len(found) > MOST_PROMPTS:
        raise WrongField("prompt", f"takes at most {MOST_PROMPTS} texts, each of which is a call of its own; got {len(found)}")
    return found


def _echo(asked: Question) -> str:
    return str(asked.body.get("prompt", ""))


def _n(asked: Question) -> int:
    return max(1, asked.request.n)


def _frame(found: text_pb2.GenerateResponse | text_pb2.AnswerStarted, asked: Question, moment: Moment) -> dict[str, Any]:
    return {
        "id": own_id("cmpl-", found.id, moment),
        "object": "text_completion",
        "created": created(found, moment),
        "model": found.model or asked.request.model,
    }

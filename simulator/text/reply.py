"""Thinks up the answer to a conversation: pure, the same for every dialect, and predictable to the word.

It says "You said: ..." of the newest user text. A token is a word with the space behind it; half of the prompt counts as cached.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Literal

from simulator.faults import without_magic
from simulator.text.sample import sample
from simulator.wire import Json

_WORD = re.compile(r"\s*\S+\s*")
Finish = Literal["stop", "stop_sequence", "length", "tool_calls"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A function that may be called."""

    name: str
    schema: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A conversation, as far as the answer depends on it."""

    model: str
    text: str
    """The newest user text."""
    tool_results: tuple[str, ...] = ()
    """What tools answered, where that is what the conversation ends with."""
    words: int = 0
    """Words in the whole prompt."""
    tools: tuple[Tool, ...] = ()
    choice: str = "auto"
    """auto, none, required, or `=name` for one tool."""
    parallel: bool = True
    thinks: bool = False
    schema: Json = None
    """JSON Schema of the answer; True for any object."""
    max_tokens: int | None = None
    stops: tuple[str, ...] = ()
    seed: str = ""
    """What ids are made of, so that the same request gets the same answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A tool call that the model wants made."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What was used, in tokens."""

    prompt: int
    cached: int
    completion: int
    """Reasoning included."""
    reasoning: int

    @property
    def total(self) -> int:
        """Prompt and completion."""
        return self.prompt + self.completion


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer in no dialect."""

    id: str
    """24 hex digits."""
    text: str
    usage: Usage
    reasoning: str = ""
    calls: tuple[Call, ...] = ()
    finish: Finish = "stop"
    stop: str | None = None
    """The stop sequence that ended the text."""
    chunks: Sequence[str] = field(default=())
    """The text in word-sized pieces."""


def words_of(text: str) -> list[str]:
    """The text in pieces of one word each; joined they are the text."""
    return _WORD.findall(text) if text.strip() else [text] * bool(text)


def reply(ask: Ask) -> Reply:
    """The answer."""
    prompt = without_magic(ask.text)
    identity = sha256(f"{ask.model}\0{ask.seed}".encode()).hexdigest()[:24]
    reasoning = f"Words to answer: {len(words_of(prompt))}. I shall repeat them." if ask.thinks else ""
    spent = len(words_of(reasoning))
    calls = () if ask.tool_results else _calls(ask, prompt, identity)
    text = "" if calls else _text(ask, prompt)
    finish: Finish = "tool_calls" if calls else "stop"
    stop = next((stop for stop in ask.stops if stop and stop in text), None)
    if stop is not None:
        text, finish = text[: text.index(stop)], "stop_sequence"
    chunks = words_of(text)
    # Reasoning is paid out of max_tokens first: a small limit can leave no word of text.
    if ask.max_tokens is not None and not calls and spent + len(chunks) > ask.max_tokens:
        chunks, finish, stop = chunks[: max(0, ask.max_tokens - spent)], "length", None
        spent = min(spent, ask.max_tokens)
    completion = spent + len(chunks) + sum(len(words_of(f"{call.name} {call.arguments}")) for call in calls)
    usage = Usage(prompt=ask.words, cached=ask.words // 2, completion=completion, reasoning=spent)
    return Reply(
        id=identity, text="".join(chunks), usage=usage, reasoning=reasoning, calls=calls, finish=finish, stop=stop, chunks=chunks
    )


def nth(answer: Reply, index: int) -> Reply:
    """The same answer as another choice: its calls bear other ids."""
    return replace(answer, calls=tuple(replace(call, id=f"{call.id[:-1]}{index}") for call in answer.calls)) if index else answer


def _text(ask: Ask, prompt: str) -> str:
    if ask.schema is True:
        return json.dumps({"you_said": prompt}, ensure_ascii=False)
    if ask.schema is not None:
        return json.dumps(sample(ask.schema), ensure_ascii=False)
    if ask.tool_results:
        return f"The tool said: {' / '.join(ask.tool_results)}"
    return f"You said: {prompt}" if prompt else "You said nothing."


def _calls(ask: Ask, prompt: str, identity: str) -> tuple[Call, ...]:
    """Calls the tools that the text asks for ("call name", with arguments behind it or not), or must be called."""
    if ask.choice == "none":
        return ()
    wanted: list[tuple[Tool, str | None]] = []
    if ask.choice.startswith("="):
        wanted = [(tool, None) for tool in ask.tools if tool.name == ask.choice[1:]]
    elif re.search(r"\bcall\b", prompt, re.IGNORECASE):
        places = [(match.start(), match.end(), tool) for tool in ask.tools for match in _mentions(tool, prompt)]
        wanted = [(tool, _arguments_at(prompt, end)) for _, end, tool in sorted(places, key=lambda place: place[0])]
    if ask.choice == "required" and not wanted:
        wanted = [(tool, None) for tool in ask.tools[:1]]
    if not ask.parallel:
        wanted = wanted[:1]
    return tuple(
        Call(
            id=f"{identity[:22]}{index:02}",
            name=tool.name,
            arguments=arguments or json.dumps(sample(tool.schema), ensure_ascii=False),
        )
        for index, (tool, arguments) in enumerate(wanted)
    )


def _mentions(tool: Tool, prompt: str) -> list[re.Match[str]]:
    return list(re.finditer(rf"(?<![\w-]){re.escape(tool.name)}(?![\w-])", prompt))


def _arguments_at(prompt: str, end: int) -> str | None:
    """The JSON object that stands behind a tool's name, as it is written."""
    start = end + len(prompt[end:]) - len(prompt[end:].lstrip())
    if not prompt.startswith("{", start):
        return None
    try:
        _, stop = json.JSONDecoder().raw_decode(prompt, start)
    except ValueError:
        return None
    return prompt[start:stop]

"""Text calls in every dialect, to models that speak it and to models whose answers are translated."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

CHAT: Final = "/v1/chat/completions"
COMMENT: Final = ": keep-alive\n\n"
PING: Final = 'event: ping\ndata: {"type": "ping"}\n\n'
VERSION: Final = {"anthropic-version": "2023-06-01"}


def chat(prompt: str, fault: Mapping[str, object] | None = None, **wish: object) -> dict[str, Any]:
    """A chat body whose upstream call meets the fault."""
    magic = f" [[sim:{json.dumps(fault)}]]" if fault else ""
    return {"model": "gpt-5", "messages": [{"role": "user", "content": prompt + magic}], **wish}


@dataclass(frozen=True, kw_only=True)
class Text:
    """A dialect, spoken to a model."""

    path: str
    model: str
    heartbeat: str = COMMENT
    last: str
    """Of its last event."""

    def body(self, prompt: str, fault: Mapping[str, object] | None = None, **wish: object) -> dict[str, Any]:
        """A body whose upstream call meets the fault."""
        said = chat(prompt, fault)["messages"]
        turns = {"input": said} if self.path == "/v1/responses" else {"messages": said}
        limit = {"max_tokens": 100} if self.path == "/v1/messages" else {}
        return {"model": self.model, **turns, **limit, **wish}


TEXTS: Final = {
    "chat": Text(path=CHAT, model="gpt-5", last="[DONE]"),
    "chat by Responses": Text(path=CHAT, model="openai/gpt-5.3-codex", last="[DONE]"),
    "messages": Text(path="/v1/messages", model="claude-sonnet-4-6", heartbeat=PING, last="message_stop"),
    "messages by chat": Text(path="/v1/messages", model="gpt-5", heartbeat=PING, last="message_stop"),
    "responses": Text(path="/v1/responses", model="openai/gpt-5.5", last="response.completed"),
    "responses by chat": Text(path="/v1/responses", model="gpt-5-mini", last="response.completed"),
    "responses by messages": Text(path="/v1/responses", model="claude-sonnet-4-6", last="response.completed"),
}


def pieces_of(event: Mapping[str, Any]) -> list[str]:
    """The answer's text that an event of any dialect brings."""
    match event:
        case {"choices": [{"delta": {"content": str(text)}}]}:
            return [text]
        case {"type": "content_block_delta", "delta": {"text": str(text)}}:
            return [text]
        case {"type": "response.output_text.delta", "delta": str(text)}:
            return [text]
    return []

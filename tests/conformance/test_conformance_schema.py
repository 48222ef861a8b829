"""Every JSON answer and every event is what OpenAI's published schema promises, field by field."""

from collections.abc import Mapping
from typing import Any, Final

import pytest

from tests.conformance.clients import CLOCK, WEATHER
from tests.conformance.openai_schema import assert_fits, documents, events
from tests.wire.house import House

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]

_TOOLS: Final = [
    {"type": "function", "function": {"name": "weather", "parameters": WEATHER}},
    {"type": "function", "function": {"name": "clock", "parameters": CLOCK}},
]
CHATS: Final[Mapping[str, dict[str, Any]]] = {
    "text": {"messages": [{"role": "user", "content": "good morning"}]},
    "two choices": {"messages": [{"role": "user", "content": "good morning"}], "n": 2},
    "reasoning": {"messages": [{"role": "user", "content": "think"}], "reasoning_effort": "high"},
    "tool calls": {"messages": [{"role": "user", "content": "call weather and clock"}], "tools": _TOOLS},
    "cut short": {"messages": [{"role": "user", "content": "one two three"}], "max_completion_tokens": 2},
}
MODELS: Final = ("gpt-5", "openai/gpt-5.5", "claude-sonnet-4-6")


async def call(home: House, method: str, path: str, body: object = None) -> Any:
    """The answer's JSON. The call has to succeed."""
    async with home.http.request(method, path, json=body) as answer:
        assert answer.status == 200, await answer.text()
        assert answer.content_type == "application/json"
        return await answer.json()


async def stream(home: House, path: str, body: Mapping[str, object]) -> bytes:
    """The whole event stream. The call has to succeed."""
    async with home.http.post(path, json={**body, "stream": True}) as answer:
        assert answer.status == 200, await answer.text()
        assert answer.content_type == "text/event-stream"
        return await answer.read()


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("body", CHATS.values(), ids=CHATS.keys())
async def test_a_chat_answer_fits(home: House, model: str, body: dict[str, Any]) -> None:
    assert_fits("CreateChatCompletionResponse", await call(home, "POST", "/v1/chat/completions", {**body, "model": model}))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("body", CHATS.values(), ids=CHATS.keys())
async def test_every_chunk_of_a_chat_stream_fits(home: House, model: str, body: dict[str, Any]) -> None:
    wish = {**body, "model": model, "stream_options": {"include_usage": True}}
    raw = await stream(home, "/v1/chat/completions", wish)
    chunks = documents(raw)

    for chunk in chunks:
        assert_fits("CreateChatCompletionStreamResponse", chunk)
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert chunks[-1]["choices"] == []
    assert events(raw)[-1] == ("", "[DONE]")


async def test_legacy_completions_fit_whole_and_streamed(home: House) -> None:
    body = {"model": "gpt-5", "prompt": ["one", "two"], "stream_options": {"include_usage": True}}
    assert_fits("CreateCompletionResponse", await call(home, "POST", "/v1/completions", {**body, "stream_options": None}))
    chunks = documents(await stream(home, "/v1/completions", body))

    for chunk in chunks:
        assert_fits("CreateCompletionResponse", chunk)
    assert chunks[-1]["usage"]["completion_tokens"] == 6


async def test_answers_with_pictures_fit(home: House) -> None:
    for wish in ({"model": "gpt-image-2", "size": "1024x1024", "quality": "low"}, {"model": "nano-banana"}):
        for form in ("url", "b64_json"):
            body = {**wish, "prompt": "a fox", "response_format": form}
            assert_fits("ImagesResponse", await call(home, "POST", "/v1/images/generations", body))


async def test_a_clip_fits_in_every_state(home: House) -> None:
    made = await call(home, "POST", "/v1/videos", {"prompt": "a fox", "size": "1280x720"})
    failing = {"prompt": 'x [[sim:{"task":{"fail":3005}}]]', "size": "1280x720"}
    failed = await call(home, "POST", "/v1/videos", failing)
    for video in (made, failed):
        assert_fits("VideoResource", video)
        while video["status"] not in {"completed", "failed"}:
            video = await call(home, "GET", f"/v1/videos/{video['id']}")  # noqa: PLW2901 - the same clip, later
            assert_fits("VideoResource", video)

    assert_fits("VideoListResource", await call(home, "GET", "/v1/videos?limit=2"))
    assert_fits("DeletedVideoResource", await call(home, "DELETE", f"/v1/videos/{made['id']}"))
    assert_fits("VideoListResource", await call(home, "GET", f"/v1/videos?after={failed['id']}"))


async def test_the_list_of_models_fits(home: House) -> None:
    listed = await call(home, "GET", "/v1/models")

    assert_fits("ListModelsResponse", listed)
    assert_fits("Model", await call(home, "GET", f"/v1/models/{listed['data'][-1]['id']}"))


REFUSED: Final[Mapping[str, tuple[str, str, object]]] = {
    "no JSON": ("POST", "/v1/chat/completions", None),
    "no model": ("POST", "/v1/chat/completions", {"messages": [{"role": "user", "content": "x"}]}),
    "refused upstream": ("POST", "/v1/chat/completions", {**CHATS["text"], "model": "gpt-5", "temperature": 9}),
    "unknown image model": ("POST", "/v1/images/generations", {"model": "dall-e-3", "prompt": "x"}),
    "no such clip": ("GET", "/v1/videos/video_none", None),
    "no such path": ("GET", "/v1/none", None),
    "wrong method": ("PUT", "/v1/models", None),
}


@pytest.mark.parametrize("refused", REFUSED.values(), ids=REFUSED.keys())
async def test_a_refusal_fits(home: House, refused: tuple[str, str, object]) -> None:
    method, path, body = refused
    async with home.http.request(method, path, json=body) as answer:
        assert answer.status in range(400, 500)
        assert_fits("ErrorResponse", await answer.json())


async def test_a_wrong_key_is_refused_in_the_same_shape(home: House) -> None:
    async with home.http.get("/v1/models", headers={"authorization": "Bearer sk-wrong"}) as answer:
        assert answer.status == 401
        assert_fits("ErrorResponse", await answer.json())


async def test_the_schema_tells_what_does_not_fit() -> None:
    with pytest.raises(AssertionError, match="of Model: 'created' is a required property"):
        assert_fits("Model", {"id": "m", "object": "model", "owned_by": "us"})
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": "2"}
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [], "usage": usage}
    with pytest.raises(AssertionError, match=r"\$\.usage\.total_tokens of CreateChatCompletionStreamResponse"):
        assert_fits("CreateChatCompletionStreamResponse", chunk)

"""With CLI2API_STREAM_USAGE=1 chat streams are counted with their tokens, and no caller sees that anybody asked."""

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.wire.house import House, house

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="home")
async def _home(module_path: Path) -> AsyncGenerator[House]:
    async with house(module_path, CLI2API_STREAM_USAGE="1") as home:
        yield home


async def told(home: House, model: str, **more: Any) -> tuple[int, bytes]:
    body = {"model": model, "messages": [{"role": "user", "content": "one two three"}], "stream": True, **more}
    async with home.http.post("/v1/chat/completions", json=body, headers={"accept-encoding": "gzip"}) as answer:
        return answer.status, await answer.read()


async def counted(home: House, model: str) -> tuple[int, int, int]:
    async with home.http.get("/v1/usage", params={"model": model}) as answer:
        totals = (await answer.json())["totals"]
    return totals["calls"], totals["prompt_tokens"], totals["completion_tokens"]


def objects(stream: bytes) -> list[dict[str, Any]]:
    events = [event.removeprefix(b"data: ") for event in stream.split(b"\n\n") if event.startswith(b"data: {")]
    return [json.loads(event) for event in events]


async def test_a_stream_that_was_not_asked_for_usage_tells_none_and_is_counted_all_the_same(home: House) -> None:
    status, stream = await told(home, "gpt-4.1-mini")

    assert status == 200
    assert b"usage" not in stream
    assert stream.endswith(b"data: [DONE]\n\n")
    seen = objects(stream)
    assert len(seen) > 3
    assert all(each["choices"] for each in seen)
    calls, prompt, completion = await counted(home, "gpt-4.1-mini")
    assert calls == 1
    assert prompt > 0
    assert completion > 0


async def test_a_stream_that_was_asked_for_usage_tells_it_and_comes_to_the_same(home: House) -> None:
    _, stream = await told(home, "gpt-4.1", stream_options={"include_usage": True})

    usage = objects(stream)[-1]["usage"]
    assert await counted(home, "gpt-4.1") == (1, usage["prompt_tokens"], usage["completion_tokens"])


async def test_a_refusal_is_the_same_as_without(home: House) -> None:
    status, body = await told(home, "gpt-5-nano", messages="nothing")

    assert status == 400
    assert "stream_options" not in body.decode()

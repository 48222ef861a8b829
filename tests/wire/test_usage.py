"""What SDK calls through the whole gateway come to: each is one record, and both ways to ask give the same exact sums."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import openai
import pytest
import pytest_asyncio
from cli2api.v1.text_pb2 import ROLE_USER, GenerateRequest, Message, Part
from cli2api.v1.text_pb2_grpc import TextServiceStub
from cli2api.v1.usage_pb2 import USAGE_GROUP_STATUS, QueryUsageRequest, QueryUsageResponse
from cli2api.v1.usage_pb2_grpc import UsageServiceStub
from google.protobuf.timestamp_pb2 import Timestamp

from cli.__main__ import main
from tests.wire.house import KEY, METADATA, House, house

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]

CHAT = "/v1/chat/completions"


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="home")
async def _home(module_path: Path) -> AsyncGenerator[House]:
    async with house(module_path) as home:
        yield home


def said(text: str) -> Any:
    return [{"role": "user", "content": text}]


async def sums(home: House, **query: str) -> dict[str, Any]:
    async with home.http.get("/v1/usage", params=query) as answer:
        found: dict[str, Any] = await answer.json()
        assert answer.status == 200, found
    return found


async def rows(home: House, **query: str) -> dict[str, dict[str, int]]:
    return {row.pop("bucket"): row for row in (await sums(home, **query))["rows"]}


async def test_a_chat_is_counted_with_its_tokens_and_bytes(home: House) -> None:
    raw = await home.sdk.chat.completions.with_raw_response.create(
        model="gpt-5", messages=said("one two three"), reasoning_effort="low"
    )
    told = (raw.parse()).usage

    assert told is not None
    assert told.prompt_tokens_details is not None
    assert told.completion_tokens_details is not None
    assert await rows(home, model="gpt-5") == {
        "gpt-5": {
            "calls": 1,
            "errors": 0,
            "prompt_tokens": told.prompt_tokens,
            "completion_tokens": told.completion_tokens,
            "cached_tokens": told.prompt_tokens_details.cached_tokens,
            "reasoning_tokens": told.completion_tokens_details.reasoning_tokens,
            "bytes_out": len(raw.content),
        }
    }
    assert (told.completion_tokens_details.reasoning_tokens or 0) > 0


async def test_a_stream_is_counted_with_its_tokens_where_it_tells_them(home: House) -> None:
    stream = await home.sdk.chat.completions.create(
        model="gpt-4.1-mini", messages=said("one two three"), stream=True, stream_options={"include_usage": True}
    )
    told = [chunk async for chunk in stream][-1].usage
    without = await home.sdk.chat.completions.create(model="gpt-4.1-mini", messages=said("one two three"), stream=True)
    assert len([chunk async for chunk in without]) > 3

    assert told is not None
    (row,) = (await rows(home, model="gpt-4.1-mini")).values()
    assert (row["calls"], row["prompt_tokens"], row["completion_tokens"]) == (2, told.prompt_tokens, told.completion_tokens)


async def test_a_stream_that_its_caller_leaves_is_counted_as_cancelled(home: House) -> None:
    magic = '[[sim:{"hold":"left","hold_after":2}]]'
    stream = await home.sdk.chat.completions.create(model="gpt-5-mini", messages=said(f"slowly {magic}"), stream=True)
    async with stream:
        await anext(stream)
        await home.simulator.wait_for(lambda: home.simulator.held("left") == 1)
    async with asyncio.timeout(10):
        while not (found := await rows(home, model="gpt-5-mini", group_by="status")):
            pass
    assert list(found) == ["499"]


async def test_an_image_is_one_call_of_its_endpoint_also_where_its_bytes_are_fetched(home: House) -> None:
    await home.sdk.images.generate(model="nano-banana", prompt="a fox", response_format="b64_json")

    (found,) = (await rows(home, endpoint="/v1/images/generations")).items()
    assert found[0] == "nano-banana"
    assert (found[1]["calls"], found[1]["errors"]) == (1, 0)
    assert found[1]["bytes_out"] > 0


async def test_a_refusal_is_counted_by_the_status_that_its_caller_saw(home: House) -> None:
    with pytest.raises(openai.BadRequestError):
        await home.sdk.images.generate(model="wan2.6-t2i", prompt="a fox", n=99)
    with pytest.raises(openai.NotFoundError):
        await home.sdk.images.generate(model="dall-e-99", prompt="a fox")

    assert (await rows(home, model="wan2.6-t2i", group_by="status")).keys() == {"400"}
    assert (await rows(home, model="dall-e-99", group_by="status")).keys() == {"404"}


async def test_a_translated_call_is_counted_once(home: House) -> None:
    answer = await home.sdk.responses.create(model="deepseek-v4-pro", input="one two three")

    assert answer.usage is not None
    (row,) = (await rows(home, endpoint="/v1/responses")).values()
    assert (row["calls"], row["prompt_tokens"], row["completion_tokens"]) == (
        1,
        answer.usage.input_tokens,
        answer.usage.output_tokens,
    )


async def test_a_typed_call_is_counted_under_its_method(home: House) -> None:
    request = GenerateRequest(model="gpt-4.1", messages=[Message(role=ROLE_USER, parts=[Part(text="hello")])])
    told = await TextServiceStub(home.channel).Generate(request, metadata=(*METADATA, ("x-cli2api-endpoint", "/v1/forged")))

    (row,) = (await rows(home, endpoint="/cli2api.v1.TextService/Generate")).values()
    assert (row["calls"], row["completion_tokens"]) == (1, told.usage.completion_tokens)


async def test_reading_is_not_counted_and_both_ways_to_ask_agree(home: House) -> None:
    before = (await sums(home, group_by="status"))["totals"]
    await home.sdk.models.list()
    now = int(time.time())
    by_rest = await sums(home, group_by="status", **{"from": str(now - 3600), "to": str(now + 3600)})
    request = QueryUsageRequest(
        from_time=Timestamp(seconds=now - 3600), to_time=Timestamp(seconds=now + 3600), group_by=USAGE_GROUP_STATUS
    )
    by_stub: QueryUsageResponse = await UsageServiceStub(home.channel).QueryUsage(request, metadata=METADATA)

    assert by_rest["totals"] == before
    assert (by_rest["from"], by_rest["to"]) == (now - 3600, now + 3600)
    assert [row.bucket for row in by_stub.rows] == [row["bucket"] for row in by_rest["rows"]]
    assert {name: getattr(by_stub.totals, name) for name in before} == before
    assert by_stub.dropped == 0
    assert before["calls"] == sum(row["calls"] for row in by_rest["rows"])


async def test_a_moment_that_is_none_and_a_span_that_ends_before_it_begins_are_refused_by_name(home: House) -> None:
    for query in ("from=soon", "from=20&to=10"):
        async with home.http.get(f"/v1/usage?{query}") as answer:
            assert answer.status == 400
            assert (await answer.json())["error"]["param"] == "from"
    async with home.http.get("/v1/usage", headers={"authorization": "Bearer wrong"}) as answer:
        assert answer.status == 401


async def test_the_command_shows_the_same_as_a_table_and_as_json(
    home: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CLI2API_API_KEYS", KEY)
    monkeypatch.setenv("CLI2API_PORT", home.gateway.rest_url.rpartition(":")[2])
    expected = await sums(home, endpoint=CHAT)

    assert await asyncio.to_thread(main, ["usage", "--endpoint", CHAT]) == 0
    head, *body, total = capsys.readouterr().out.splitlines()
    assert head.split() == ["MODEL", "CALLS", "ERRORS", "PROMPT", "COMPLETION", "CACHED", "REASONING", "BYTES", "OUT"]
    assert [line.split()[0] for line in body] == [row["bucket"] for row in expected["rows"]]
    assert total.split()[:2] == ["total", str(expected["totals"]["calls"])]

    assert await asyncio.to_thread(main, ["usage", "--endpoint", CHAT, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["totals"] == expected["totals"]


async def test_records_outlive_the_gateway(short_path: Path) -> None:
    async with house(short_path) as first:
        await first.sdk.chat.completions.create(model="gpt-5", messages=said("remember me"))
    async with house(short_path) as second:
        assert (await sums(second))["totals"]["calls"] == 1

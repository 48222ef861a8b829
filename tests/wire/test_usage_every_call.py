"""Every call that asks a model is one record, whichever way it took, and each of its fields says what is true of that call."""

import asyncio
import json
import sqlite3
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientError
from cli2api.v1 import media_pb2, text_pb2
from cli2api.v1.media_pb2_grpc import MediaServiceStub
from cli2api.v1.text_pb2_grpc import TextServiceStub

from services.domain.usage import caller_of
from tests.wire.house import KEY, METADATA, House, house
from tests.wire.ways import CHAT, COUNT, MESSAGES, OPENED, RESPONSES

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]

TURNS = [{"role": "user", "content": "one two three"}]
TOLD = (3, 5, 1, 0)
"""What the simulator tells of these words: prompt, completion, cached, reasoning."""
UNKNOWN = (None, None, None, None)
TOKENS = ("prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens")
WITH_USAGE = {"stream": True, "stream_options": {"include_usage": True}}


@dataclass(frozen=True)
class Home:
    """A gateway with its direct way open, and its records."""

    house: House
    folder: Path

    async def record(self, request_id: str) -> dict[str, Any]:
        """The one record of that call, as soon as it is there."""
        async with asyncio.timeout(10):
            while not (found := await self.records(request_id)):
                pass
        (record,) = found
        return record

    async def records(self, request_id: str) -> list[dict[str, Any]]:
        """All of that call among what was recorded until now."""
        async with self.house.http.get("/v1/usage") as answer:
            assert answer.status == 200
        with sqlite3.connect(self.folder / "usage.db") as kept:
            kept.row_factory = sqlite3.Row
            found = [dict(row) for row in kept.execute("SELECT * FROM records WHERE request_id = ?", (request_id,))]
        kept.close()
        return found


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="home")
async def _home(module_path: Path) -> AsyncGenerator[Home]:
    async with house(module_path, CLI2API_MODEL_ALIASES="fast=gpt-5-mini") as found:
        await found.log.until(lambda lines: any(line["message"] == OPENED for line in lines))
        yield Home(found, module_path)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One call by REST, and what its record has to say."""

    path: str
    body: Mapping[str, Any]
    model: str
    direct: bool = False
    """It goes from Envoy to MuleRun."""
    status: int = 200
    tokens: tuple[int | None, ...] = UNKNOWN
    as_it_is: bool = True
    """The caller gets MuleRun's own bytes."""
    answered: bool = True
    """MuleRun has answered."""


def spoilt(fault: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": f"one two three [[sim:{fault}]]"}]


def chat(model: str, **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": TURNS, **more}


GPT, FAST, CLAUDE = "gpt-5", "gpt-5-mini", "claude-haiku-4-5"
CLAUDES = (*TOLD[:3], None)
"""Anthropic does not count thoughts apart."""
PICTURES, SPEECH, VIDEOS, MUSIC = "/v1/images/generations", "/v1/audio/speech", "/v1/videos", "/v1/audio/music"
COMPLETIONS = "/v1/completions"
SONG = {"model": "music-2.5", "prompt": "a slow waltz", "lyrics": "la la la, the mule is slow"}
BROKEN, THROTTLED = '{"reset":"unanswered"}', '{"status":429}'

TABLE = {
    "chat": Asked(path=CHAT, body=chat(GPT), model=GPT, direct=True, tokens=TOLD),
    "chat, streamed": Asked(path=CHAT, body=chat(GPT, **WITH_USAGE), model=GPT, direct=True, tokens=TOLD),
    "chat, streamed and not asked for usage": Asked(path=CHAT, body=chat(GPT, stream=True), model=GPT, direct=True),
    "messages": Asked(path=MESSAGES, body=chat(CLAUDE, max_tokens=50), model=CLAUDE, direct=True, tokens=CLAUDES),
    "messages, streamed": Asked(
        path=MESSAGES, body=chat(CLAUDE, max_tokens=50, stream=True), model=CLAUDE, direct=True, tokens=CLAUDES
    ),
    "tokens counted": Asked(path=COUNT, body=chat(CLAUDE), model=CLAUDE, direct=True),
    "responses": Asked(path=RESPONSES, body={"model": GPT, "input": "one two three"}, model=GPT, direct=True, tokens=TOLD),
    "responses, streamed": Asked(
        path=RESPONSES, body={"model": GPT, "input": "one two three", "stream": True}, model=GPT, direct=True, tokens=TOLD
    ),
    "chat, throttled": Asked(path=CHAT, body=chat(GPT, messages=spoilt(THROTTLED)), model=GPT, direct=True, status=429),
    "chat, broken off": Asked(
        path=CHAT, body=chat(GPT, messages=spoilt(BROKEN)), model=GPT, direct=True, status=502, answered=False
    ),
    "chat by an alias": Asked(path=CHAT, body=chat("fast"), model=FAST, tokens=TOLD),
    "chat by an alias, streamed": Asked(path=CHAT, body=chat("fast", **WITH_USAGE), model=FAST, tokens=TOLD),
    "chat by an alias, broken off": Asked(
        path=CHAT, body=chat("fast", messages=spoilt(BROKEN)), model=FAST, status=502, answered=False
    ),
    "messages, translated": Asked(path=MESSAGES, body=chat(GPT, max_tokens=50), model=GPT, tokens=TOLD, as_it_is=False),
    "messages, translated and streamed": Asked(
        path=MESSAGES, body=chat(GPT, max_tokens=50, stream=True), model=GPT, tokens=TOLD, as_it_is=False
    ),
    "responses, translated": Asked(
        path=RESPONSES,
        body={"model": "deepseek-v4-pro", "input": "one two three"},
        model="deepseek-v4-pro",
        tokens=TOLD,
        as_it_is=False,
    ),
    "completions": Asked(
        path=COMPLETIONS, body={"model": GPT, "prompt": "one two three"}, model=GPT, tokens=TOLD, as_it_is=False
    ),
    "tokens that nobody can count": Asked(path=COUNT, body=chat(GPT), model=GPT, status=400, answered=False),
    "a picture": Asked(path=PICTURES, body={"model": "wan2.6-t2i", "prompt": "a fox"}, model="wan2.6-t2i", as_it_is=False),
    "speech": Asked(
        path=SPEECH,
        body={"model": "speech-2.8-turbo", "voice": "Wise_Woman", "input": "Good morning"},
        model="speech-2.8-turbo",
    ),
    "a video": Asked(
        path=VIDEOS, body={"model": "wan2.6-t2v", "prompt": "a fox", "seconds": "5"}, model="wan2.6-t2v", as_it_is=False
    ),
    "a song": Asked(path=MUSIC, body=SONG, model="music-2.5", as_it_is=False),
    "too many pictures": Asked(
        path=PICTURES, body={"model": "wan2.6-t2i", "prompt": "x", "n": 99}, model="wan2.6-t2i", status=400, answered=False
    ),
}


@pytest.mark.parametrize("asked", TABLE.values(), ids=TABLE.keys())
async def test_a_call_by_rest_is_one_record_that_is_true(home: Home, asked: Asked) -> None:
    request_id, before = token_hex(8), time.time()
    already = len(home.house.simulator.requests)
    async with home.house.http.post(asked.path, json=asked.body, headers={"x-request-id": request_id}) as answer:
        body = await answer.read()
    took = time.time() - before

    record = await home.record(request_id)

    assert answer.status == asked.status, body
    assert_true(record, before=before, took=took, answered=asked.answered)
    assert (record["endpoint"], record["model"], record["status"], record["cancelled"]) == (
        asked.path,
        asked.model,
        asked.status,
        0,
    )
    assert tuple(record[name] for name in TOKENS) == asked.tokens
    if asked.answered and asked.as_it_is:
        assert record["bytes_out"] == len(body)
    assert record["job_id"] == answer.headers.get("x-cli2api-job-id", "")
    if asked.path in {PICTURES, SPEECH, VIDEOS, MUSIC} and asked.answered:
        assert record["job_id"]
    ours = [each for each in home.house.simulator.requests[already:] if each.headers.get("x-request-id") == request_id]
    assert len(ours) == asked.direct


def assert_true(record: Mapping[str, Any], *, before: float, took: float, answered: bool) -> None:
    """What holds for every call of ours."""
    assert record["caller"] == caller_of(KEY)
    assert before - 0.01 <= record["began_at"] <= before + took
    assert 0 <= record["seconds"] <= took + 0.002
    if answered:
        assert 0 < record["first_byte_seconds"] <= record["seconds"]
        assert record["bytes_out"] > 0
    else:
        assert (record["first_byte_seconds"], record["bytes_out"]) == (None, 0)


@pytest.mark.parametrize(("name", "model"), [(GPT, GPT), ("fast", FAST)])
async def test_a_caller_who_leaves_is_one_record_that_says_so(home: Home, name: str, model: str) -> None:
    request_id, hold = token_hex(8), token_hex(4)
    body = chat(name, messages=spoilt(json.dumps({"hold": hold, "hold_after": 2})), **WITH_USAGE)
    async with home.house.http.post(CHAT, json=body, headers={"x-request-id": request_id}) as answer:
        read = await answer.content.readany()
        answer.close()

    record = await home.record(request_id)

    assert (record["endpoint"], record["model"], record["status"], record["cancelled"]) == (CHAT, model, 499, 1)
    assert tuple(record[each] for each in TOKENS) == UNKNOWN
    assert record["bytes_out"] >= len(read) > 0
    assert 0 < record["first_byte_seconds"] <= record["seconds"]


@pytest.mark.parametrize(("name", "direct"), [(GPT, True), ("fast", False)])
async def test_an_answer_that_breaks_off_is_no_success_whichever_way_it_took(home: Home, name: str, direct: bool) -> None:
    request_id = token_hex(8)
    body = chat(name, messages=spoilt('{"abort_after":1}'), stream=True)
    try:
        async with home.house.http.post(CHAT, json=body, headers={"x-request-id": request_id}) as answer:
            assert answer.status == 200
            assert b"upstream_unavailable" in await answer.read()
            told = True
    except ClientError:
        told = False

    record = await home.record(request_id)

    assert told is not direct
    assert (record["status"], record["cancelled"]) == (502, 0)


TYPED = [text_pb2.Message(role=text_pb2.ROLE_USER, parts=[text_pb2.Part(text="one two three")])]
RELAYED = text_pb2.RelayRequest(
    operation=text_pb2.RELAY_OPERATION_CHAT_COMPLETIONS, model=GPT, body=json.dumps(chat(GPT)).encode()
)
BY_GRPC = {
    "TextService/Generate": (text_pb2.GenerateRequest(model=GPT, messages=TYPED), GPT, TOLD),
    "TextService/StreamGenerate": (text_pb2.StreamGenerateRequest(model=GPT, messages=TYPED), GPT, TOLD),
    "TextService/Relay": (RELAYED, GPT, TOLD),
    "TextService/RelayWhole": (text_pb2.RelayWholeRequest(call=RELAYED), GPT, TOLD),
    "MediaService/GenerateImages": (
        media_pb2.GenerateImagesRequest(model="wan2.6-t2i", prompt="a fox"),
        "wan2.6-t2i",
        UNKNOWN,
    ),
    "MediaService/CreateVideo": (
        media_pb2.CreateVideoRequest(model="wan2.6-t2v", prompt="a fox", seconds="5"),
        "wan2.6-t2v",
        UNKNOWN,
    ),
}


@pytest.mark.parametrize("method", BY_GRPC)
async def test_a_call_by_grpc_is_one_record_that_is_true(home: Home, method: str) -> None:
    request, model, tokens = BY_GRPC[method]
    request_id, before = token_hex(8), time.time()
    service, _, name = method.partition("/")
    stub: Any = (TextServiceStub if service == "TextService" else MediaServiceStub)(home.house.channel)
    call = getattr(stub, name)(request, metadata=(*METADATA, ("x-request-id", request_id)))
    replies = [reply async for reply in call] if hasattr(call, "__aiter__") else [await call]
    took = time.time() - before
    assert replies

    record = await home.record(request_id)

    assert_true(record, before=before, took=took, answered=True)
    assert (record["endpoint"], record["model"], record["status"], record["cancelled"]) == (
        f"/cli2api.v1.{method}",
        model,
        200,
        0,
    )
    assert tuple(record[each] for each in TOKENS) == tokens
    assert record["job_id"] == dict(await call.initial_metadata()).get("x-cli2api-job-id", "")
    assert bool(record["job_id"]) == (service == "MediaService")


async def test_each_prompt_of_a_list_is_a_call_of_the_model_and_so_a_record(home: Home) -> None:
    request_id = token_hex(8)
    body = {"model": GPT, "prompt": ["one two three", "four"]}
    async with home.house.http.post(COMPLETIONS, json=body, headers={"x-request-id": request_id}) as answer:
        assert answer.status == 200
    assert sorted(record["prompt_tokens"] for record in await home.records(request_id)) == [1, 3]


NOT_RECORDED = {
    "an unknown key": ("POST", CHAT, json.dumps(chat(GPT)).encode(), {"authorization": "Bearer sk-wrong"}),
    "a body that is no JSON": ("POST", CHAT, b"{", {}),
    "no model": ("POST", CHAT, b"{}", {}),
    "an unknown path": ("POST", "/v1/nothing", b"{}", {}),
    "the list of models": ("GET", "/v1/models", None, {}),
    "the list of jobs": ("GET", "/v1/jobs", None, {}),
}


@pytest.mark.parametrize("name", NOT_RECORDED)
async def test_what_asks_no_model_is_not_recorded(home: Home, name: str) -> None:
    method, path, body, headers = NOT_RECORDED[name]
    request_id = token_hex(8)
    given = {"content-type": "application/json", "x-request-id": request_id, **headers}
    async with home.house.http.request(method, path, data=body, headers=given) as answer:
        await answer.read()
    assert await home.records(request_id) == []

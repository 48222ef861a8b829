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

PATHS = [
 (CHAT, {"model":"gpt-5","messages":TURNS}),
 (CHAT, {"model":"gpt-5","messages":TURNS, **WITH_USAGE}),
 (CHAT, {"model":"gpt-5","messages":TURNS, "stream":True}),
 (MESSAGES, {"model":"claude-haiku-4-5","max_tokens":50,"messages":TURNS}),
 (MESSAGES, {"model":"claude-haiku-4-5","max_tokens":50,"messages":TURNS,"stream":True}),
 (COUNT, {"model":"claude-haiku-4-5","messages":TURNS}),
 (RESPONSES, {"model":"gpt-5","input":"one two three"}),
 (RESPONSES, {"model":"gpt-5","input":"one two three","stream":True}),
 (CHAT, {"model":"fast","messages":TURNS}),
 (CHAT, {"model":"fast","messages":TURNS, **WITH_USAGE}),
 (CHAT, {"model":"claude-haiku-4-5","messages":TURNS}),
 (CHAT, {"model":"claude-haiku-4-5","messages":TURNS, "stream":True}),
 (MESSAGES, {"model":"gpt-5","max_tokens":50,"messages":TURNS}),
 (MESSAGES, {"model":"gpt-5","max_tokens":50,"messages":TURNS,"stream":True}),
 (RESPONSES, {"model":"deepseek-v4-pro","input":"one two three"}),
 (RESPONSES, {"model":"deepseek-v4-pro","input":"one two three","stream":True}),
 (COUNT, {"model":"gpt-5","messages":TURNS}),
 ("/v1/completions", {"model":"gpt-5","prompt":"one two three"}),
 ("/v1/completions", {"model":"gpt-5","prompt":["one two three", "four"]}),
 ("/v1/completions", {"model":"gpt-5","prompt":"one two three","stream":True}),
 ("/v1/images/generations", {"model":"wan2.6-t2i","prompt":"x"}),
 ("/v1/audio/speech", {"model": "speech-2.8-turbo", "voice":"Wise_Woman","input":"Good"}),
 ("/v1/videos", {"model":"wan2.6-t2v","prompt":"x","seconds":"5"}),
 ("/v1/music/generations", {"model":"music-2.6","prompt":"x", "lyrics":"la"}),
 (CHAT, {"model":"gpt-5","messages":[{"role":"user","content":'x [[sim:{"status":429}]]'}]}),
 (CHAT, {"model":"fast","messages":[{"role":"user","content":'x [[sim:{"status":429}]]'}]}),
 (CHAT, {"model":"gpt-5","messages":[{"role":"user","content":'x [[sim:{"reset":"unanswered"}]]'}]}),
 (CHAT, {"model":"fast","messages":[{"role":"user","content":'x [[sim:{"reset":"unanswered"}]]'}]}),
 (CHAT, {"model":"gpt-5","messages":[{"role":"user","content":'x [[sim:{"abort_after":1}]]'}], **WITH_USAGE}),
 (CHAT, {"model":"fast","messages":[{"role":"user","content":'x [[sim:{"abort_after":1}]]'}], **WITH_USAGE}),
 ("/v1/images/generations", {"model":"wan2.6-t2i","prompt":"x","n":99}),
 ("/v1/images/generations", {"model":"nope","prompt":"x"}),
]

async def test_dump(home):
    for path, body in PATHS:
        rid = token_hex(8)
        n = len(home.house.simulator.requests)
        try:
            async with home.house.http.post(path, json=body, headers={"x-request-id": rid}) as answer:
                data = await answer.read()
                status, job = answer.status, answer.headers.get("x-cli2api-job-id")
        except Exception as e:
            status, job, data = repr(e), None, b""
        await asyncio.sleep(0.4)
        new = home.house.simulator.requests[n:]
        print(path, json.dumps(body)[:80], status, job, len(data), [("x-request-id" in s.headers, s.path) for s in new][:3])
        for r in await home.records(rid):
            print("   ", {k: v for k, v in r.items() if k not in ("id","began_at","request_id")})
    raise AssertionError

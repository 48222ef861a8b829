"""A credential that MuleRun refuses is the same error on both ways, and tells SDKs that to ask again is of no use."""

from pathlib import Path

import pytest

from tests.hosts import Says, ScriptedHost
from tests.wire.ways import CHAT, DIRECT, MESSAGES, way, ways, went_directly

pytestmark = [pytest.mark.wire, pytest.mark.asyncio]

ASKED = {
    CHAT: b'{"model":"gpt-5","messages":[{"role":"user","content":"hello"}]}',
    MESSAGES: b'{"model":"claude-haiku-4-5","max_tokens":9,"messages":[{"role":"user","content":"hello"}]}',
}


@pytest.mark.parametrize(("path", "status", "title"), [(CHAT, 401, "Unauthorized"), (MESSAGES, 403, "Forbidden")])
async def test_a_refused_credential_is_the_same_error_on_both_ways(short_path: Path, path: str, status: int, title: str) -> None:
    theirs = {"www-authenticate": "Bearer", "retry-after": "3", "x-theirs": "1"}
    async with ways(short_path) as both:
        both.host.say(Says({"title": title}, status, headers=theirs))

        answers = await both.both(path, ASKED[path])

        assert went_directly(both.seen()[0])
    direct, relayed = answers
    assert (direct.status, relayed.status) == (502, 502)
    assert direct.untold == relayed.untold
    for answer in answers:
        assert answer.headers["x-should-retry"] == "false"
        assert not {name.lower() for name in answer.headers} & {*theirs, "server"}


@pytest.mark.parametrize("base_url", ["http://no-such-host.invalid", "http://127.0.0.1:9"])
async def test_a_call_that_found_no_mulerun_is_one_record_too(short_path: Path, base_url: str) -> None:
    async with ScriptedHost() as host, way(short_path, host, DIRECT, MULERUN_API_BASE_URL=base_url) as direct:
        answer = await direct.post(CHAT, ASKED[CHAT])

        record = await direct.record(answer.request_id)
    assert (answer.status, answer.error["code"]) == (502, "upstream_unavailable")
    assert (record["status"], record["model"], record["prompt_tokens"], record["bytes_out"]) == (502, "gpt-5", None, 0)

"""A credential that MuleRun refuses is the same error on both ways, and tells SDKs that to ask again is of no use."""

from pathlib import Path

import pytest

from tests.hosts import Says
from tests.wire.ways import CHAT, MESSAGES, ways, went_directly

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

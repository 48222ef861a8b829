"""The direct way and the relay are one: the same request gives the same answer, and reaches MuleRun as the same bytes."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.hosts import Says, ScriptedHost, dropped
from tests.wire.ways import CHAT, COUNT, MESSAGES, RESPONSES, TOKEN, Answer, Ways, ways, went_directly

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]

TURNS = [{"role": "user", "content": "hello"}]
USAGE = {
    "prompt_tokens": 11,
    "completion_tokens": 7,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 3},
}
CLAUDE_USAGE = {"input_tokens": 5, "output_tokens": 6, "cache_read_input_tokens": 2}
OK = Says({"id": "x", "choices": [], "usage": USAGE}, headers={"x-ratelimit-remaining": "9", "set-cookie": "a=b", "server": "m"})
LARGE_NUMBERS = (
    b'{"z":9223372036854775807, "model" : "gpt-5","unknown":{"b":1,"a":0.1000000000000000055},'
    b'"messages":[{"role":"user","content":"\\u00e9 \xf0\x9f\x90\xb4"}]}'
)
FRAMING = {"content-length", "transfer-encoding", "connection", "date", "x-request-id", "request-id"}
OF_THE_HOP = {"x-request-id", "host", "content-length", "transfer-encoding", "connection"}


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="both")
async def _both(module_path: Path) -> AsyncIterator[Ways]:
    async with ways(module_path) as found:
        yield found


def body(model: str, **more: Any) -> bytes:
    return json.dumps({"model": model, "messages": TURNS, **more}).encode()


def said(answer: Answer) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.headers.items() if name.lower() not in FRAMING}


@pytest.mark.parametrize(
    ("path", "sent", "query"),
    [
        (CHAT, body("gpt-5"), ""),
        (CHAT, body("gpt-5", stream=None), "?a=b&c=%20d"),
        (CHAT, body("gpt-5", messages=[{"role": "user", "content": "x" * 900_000}]), ""),
        (CHAT, '{"model":"a model that nobody knows é","messages":[{}]}'.encode(), ""),
        (CHAT, LARGE_NUMBERS, ""),
        (MESSAGES, body("claude-sonnet-4-6", max_tokens=5), "?beta=true"),
        (COUNT, body("claude-sonnet-4-6"), ""),
        (RESPONSES, b'{"model":"gpt-5","input":"hello"}', ""),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else None,
)
async def test_what_reaches_mulerun_is_the_same(both: Ways, path: str, sent: bytes, query: str) -> None:
    both.host.answers.clear()
    both.host.say(OK)
    headers = {
        "user-agent": "me/1",
        "accept": "application/json",
        "x-stainless-lang": "python",
        "openai-beta": "y",
        "cookie": "c=1",
        "traceparent": f"00-{'a' * 32}-{'b' * 16}-01",
        "tracestate": "its=own",
        "baggage": "who=me",
    }

    direct, relayed = await both.both(path + query, sent, headers)

    assert (direct.status, direct.body, said(direct)) == (relayed.status, relayed.body, said(relayed))
    assert direct.status == 200
    ours, theirs = both.seen()
    assert went_directly(ours)
    assert not went_directly(theirs)
    assert ours.body == theirs.body == sent
    assert (ours.method, ours.path) == (theirs.method, theirs.path)
    sets = [
        {(name.lower(), value) for name, value in each.headers.items() if name.lower() not in OF_THE_HOP}
        for each in (ours, theirs)
    ]
    assert sets[0] == sets[1]
    credential = ("x-api-key", TOKEN) if path.startswith(MESSAGES) else ("authorization", f"Bearer {TOKEN}")
    assert credential in sets[0]


@pytest.mark.parametrize("path", [CHAT, MESSAGES, RESPONSES])
@pytest.mark.parametrize(
    "says",
    [
        Says({"error": {"message": "no"}}, 400),
        Says({"error": {"message": "pay"}}, 402),
        Says({"error": {"message": "slow down"}}, 429, headers={"retry-after": "7"}),
        Says({"error": {"message": "oops"}}, 500),
        Says({"type": "error", "error": {"type": "overloaded_error"}}, 529),
        Says(status=404, body=b"<html>not found</html>", headers={"content-type": "text/html"}),
        Says(status=200, body=b""),
    ],
    ids=lambda says: str(says.status),
)
async def test_what_mulerun_answers_comes_back_the_same(both: Ways, path: str, says: Says) -> None:
    both.host.answers.clear()
    both.host.say(says)
    sent = b'{"model":"gpt-5","input":"x"}' if path == RESPONSES else body("gpt-5" if path == CHAT else "claude-haiku-4-5")

    direct, relayed = await both.both(path, sent)

    assert went_directly(both.seen()[0])
    assert (direct.status, direct.body, said(direct)) == (relayed.status, relayed.body, said(relayed))
    assert direct.status == says.status


STREAMS = {
    CHAT: [
        b'data: {"choices":[],"usage":null}\n\n',
        b'data: {"cho',
        b'ices":[],"usa',
        b'ge" : ' + json.dumps(USAGE).encode(),
        b"}\n\n",
        b"data: [DONE]\n\n",
    ],
    MESSAGES: [
        b'event: message_start\ndata: {"type":"message_start","message":'
        b'{"usage":{"input_tokens":5,"output_tokens":1,"cache_read_input_tokens":2}}}\n\n',
        b'event: message_delta\ndata: {"type":"message_delta","usage":{"output_tokens":6}}\n\n',
        b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
    ],
    RESPONSES: [
        b'event: response.created\ndata: {"response":{"usage":null}}\n\n',
        b'event: response.completed\ndata: {"response":{"usage":{"input_tokens":9,"output_tokens":8,'
        b'"input_tokens_details":{"cached_tokens":1},'
        b'"output_tokens_details":{"reasoning_tokens":2}}}}\n\n',
    ],
}


def asked(path: str, **more: Any) -> bytes:
    if path == RESPONSES:
        return json.dumps({"model": "gpt-5", "input": "x", **more}).encode()
    return body("gpt-5" if path == CHAT else "claude-haiku-4-5", **more)


@pytest.mark.parametrize("path", [CHAT, MESSAGES, RESPONSES])
async def test_a_stream_comes_back_byte_for_byte_and_is_counted_alike(both: Ways, path: str) -> None:
    both.host.answers.clear()
    both.host.say(ScriptedHost.stream(*STREAMS[path]))

    direct, relayed = await both.both(path, asked(path, stream=True))

    assert went_directly(both.seen()[0])
    assert (direct.status, direct.body, said(direct)) == (relayed.status, relayed.body, said(relayed))
    assert direct.body == b"".join(STREAMS[path])
    await assert_records_are_equal(both, direct, relayed, known=True)


@pytest.mark.parametrize(
    ("path", "usage"), [(CHAT, USAGE), (MESSAGES, CLAUDE_USAGE), (CHAT, {**USAGE, "details": {"x": "y"}}), (CHAT, None)]
)
async def test_a_whole_answer_is_counted_alike(both: Ways, path: str, usage: object) -> None:
    both.host.answers.clear()
    both.host.say(Says({"text": 'it says "usage": {"prompt_tokens": 99}', "usage": usage}))

    direct, relayed = await both.both(path, asked(path))

    await assert_records_are_equal(both, direct, relayed, known=usage is not None)


async def assert_records_are_equal(both: Ways, direct: Answer, relayed: Answer, *, known: bool) -> None:
    ours, theirs = await both.direct.record(direct.request_id), await both.relay.record(relayed.request_id)
    its_own = {"id", "began_at", "seconds", "first_byte_seconds", "request_id"}
    assert {key: ours[key] for key in ours.keys() - its_own} == {key: theirs[key] for key in theirs.keys() - its_own}
    assert (ours["prompt_tokens"] is not None) == known
    assert 0 < ours["first_byte_seconds"] <= ours["seconds"] + 0.002
    assert abs(ours["began_at"] - theirs["began_at"]) < 10


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
async def test_a_refused_call_is_one_record_with_its_status(both: Ways, path: str) -> None:
    both.host.answers.clear()
    both.host.say(Says({"error": {}}, 429))

    direct, relayed = await both.both(path, asked(path))

    await assert_records_are_equal(both, direct, relayed, known=False)
    assert (await both.direct.record(direct.request_id))["status"] == 429


async def test_a_caller_who_leaves_stops_mulerun_and_is_recorded_as_cancelled(both: Ways) -> None:
    for way in (both.direct, both.relay):
        both.host.answers.clear()
        both.host.hung_up.clear()
        both.host.say(both.host.stream_then_hang(*STREAMS[MESSAGES][:1]))
        headers = {"content-type": "application/json"}
        async with way.http.post(MESSAGES, data=asked(MESSAGES, stream=True), headers=headers) as answer:
            assert await answer.content.readany()
            request_id = answer.headers["x-request-id"]
            answer.close()
        async with asyncio.timeout(1):
            await both.host.hung_up.wait()
        record = await way.record(request_id)
        assert (record["status"], record["cancelled"], record["prompt_tokens"], record["completion_tokens"]) == (499, 1, 7, None)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed_nor_passed_on(both: Ways, status: int) -> None:
    both.host.answers.clear()
    both.host.say(Says({}, status, headers={"location": "http://127.0.0.1:9/"}))

    direct, relayed = await both.both(CHAT, asked(CHAT))

    assert went_directly(both.seen()[0])
    assert (direct.status, json.loads(direct.body), said(direct)) == (relayed.status, json.loads(relayed.body), said(relayed))
    assert direct.status == 400
    assert "location" not in said(direct)


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
async def test_a_broken_connection_is_the_same_error(both: Ways, path: str) -> None:
    both.host.answers.clear()
    both.host.say(dropped)

    direct, relayed = await both.both(path, asked(path))

    assert went_directly(both.seen()[0])
    assert (direct.status, relayed.status) == (502, 502)
    assert direct.untold == relayed.untold
    assert said(direct) == said(relayed)
    assert direct.error["message"] == "MuleRun broke off the connection"


NOT_DIRECT = {
    "a vendor's prefix": (CHAT, body("openai/gpt-5.5"), {}),
    "a model that may have to be translated": (CHAT, body("claude-haiku-4-5"), {}),
    "a name in another spelling": (CHAT, b'{"model":"gpt\\u002d5","messages":[{}]}', {}),
    "another content type": (CHAT, body("gpt-5"), {"content-type": "text/plain"}),
    "more than is read": (CHAT, body("gpt-5", messages=[{"role": "user", "content": "x" * 1_100_000}]), {}),
}


@pytest.mark.parametrize("case", NOT_DIRECT.values(), ids=NOT_DIRECT.keys())
async def test_what_is_not_sure_goes_through_the_core_and_is_served(both: Ways, case: tuple[str, bytes, dict[str, str]]) -> None:
    path, sent, headers = case
    both.host.answers.clear()
    both.host.seen.clear()
    both.host.say(OK)

    answer = await both.direct.post(path, sent, headers)

    assert answer.status == 200, answer.body
    assert not went_directly(both.host.seen[-1])
    assert len(both.host.seen) == 1


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"gpt-5"',
        b'{"messages":[{}]}',
        b'{"model":null,"messages":[{}]}',
        b'{"model":5,"messages":[{}]}',
        b'{"model":"","messages":[{}]}',
        b'{"model":["gpt-5"],"messages":[{}]}',
        b'{"model":"gpt-5"}',
        b'{"model":"gpt-5","messages":[ ]}',
        b'{"model":"gpt-5","messages":"hello"}',
        b'{"model":"gpt-5","tools":"\\"messages\\":[1]"}',
        b"\xff\xfe",
        b'{"model":"gpt-5","messages":[{}],"stream":"yes"}',
        b'{"model":"wan2.6-t2i","messages":[{}]}',
        b'{"model":"x/y","messages":[{}]}',
        b'{"model":"gpt-5","messages":[{}]} x',
        b"[" * 100_000,
    ],
    ids=lambda sent: sent[:40].decode("latin-1"),
)
async def test_what_is_wrong_costs_nothing_and_is_told_the_same(both: Ways, sent: bytes) -> None:
    both.host.answers.clear()
    both.host.seen.clear()
    both.host.say(OK)

    direct, relayed = await both.both(CHAT, sent)

    assert (direct.status, direct.body) == (relayed.status, relayed.body)
    assert direct.status == 400
    assert both.host.seen == []

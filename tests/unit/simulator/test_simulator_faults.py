import asyncio
import json
from typing import Any

import aiohttp
import pytest

from simulator.faults import Fault, Reset, magic_fault, read_fault, without_magic
from simulator.rules import read_rule
from simulator.server import Simulator

CHAT = "/v1/chat/completions"
SORA = "/vendors/openai/v1/sora-2/generation"


def ask(text: str = "one two three", **more: Any) -> dict[str, Any]:
    return {"model": "gpt-5", "messages": [{"role": "user", "content": text}], **more}


async def test_a_status_fault_comes_by_header_by_magic_and_by_rule(sim: Simulator, client: aiohttp.ClientSession) -> None:
    wanted = '{"status": 429, "retry_after": 3}'
    sim.fault(Fault(status=429, retry_after=3), path="/v1/*", method="POST", body_contains="by rule")
    for text, headers in (("by header", {"x-sim-fault": wanted}), (f"[[sim:{wanted}]] by magic", {}), ("by rule", {})):
        async with client.post(CHAT, json=ask(text), headers=headers) as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (429, "3")
            assert (await answer.json())["error"]["type"] == "rate_limit_error"
    async with client.post(CHAT, json=ask("by rule")) as answer:
        assert answer.status == 200


async def test_magic_in_the_model_name_is_taken_out_of_it(client: aiohttp.ClientSession) -> None:
    async with client.post(CHAT, json={**ask(), "model": 'gpt-5[[sim:{"delay_s": 0}]]'}) as answer:
        assert (await answer.json())["model"] == "gpt-5"


async def test_a_status_with_a_body_answers_just_that(client: aiohttp.ClientSession) -> None:
    fault = {"status": 502, "body": "<html>Bad gateway</html>", "headers": {"X-Who": "sim"}}
    async with client.post(SORA, json={"prompt": "x"}, headers={"x-sim-fault": json.dumps(fault)}) as answer:
        assert (answer.status, answer.content_type, answer.headers["X-Who"]) == (502, "text/html", "sim")
        assert await answer.text() == "<html>Bad gateway</html>"


async def test_a_status_on_media_speaks_in_the_envelope(sim: Simulator, client: aiohttp.ClientSession) -> None:
    async with client.post(SORA, json={"prompt": 'x [[sim:{"status": 402}]]'}) as answer:
        assert (await answer.json())["title"] == "Insufficient Balance"
    assert sim.submissions() == ()


@pytest.mark.parametrize(("reset", "paid"), [(Reset.UNREAD, 0), (Reset.UNSERVED, 0), (Reset.UNANSWERED, 1)])
async def test_a_reset_drops_the_connection_before_or_after_the_work(
    sim: Simulator, client: aiohttp.ClientSession, reset: Reset, paid: int
) -> None:
    sim.fault(Fault(reset=reset), path=SORA)
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.post(SORA, json={"prompt": "x"})
    await sim.wait_for(lambda: sim.requests[0].finished)
    assert sim.stats["submissions"] == paid
    assert not sim.requests[0].aborted


async def test_a_held_request_goes_on_when_it_is_released(sim: Simulator, client: aiohttp.ClientSession) -> None:
    sim.fault(Fault(hold="here"), path=CHAT)
    waiting = asyncio.ensure_future(client.post(CHAT, json=ask()))
    await sim.wait_for(lambda: sim.held("here") == 1)
    assert not waiting.done()
    sim.release("here")
    async with await waiting as answer:
        assert answer.status == 200


async def test_a_stream_can_be_held_between_two_chunks(sim: Simulator, client: aiohttp.ClientSession) -> None:
    sim.fault(Fault(hold="middle", hold_after=2), path=CHAT)
    async with client.post(CHAT, json=ask(stream=True)) as answer:
        await sim.wait_for(lambda: sim.held("middle") == 1)
        assert (await answer.content.readuntil(b"\n\n")).startswith(b"data: ")
        assert b"You " in await answer.content.readuntil(b"\n\n")
        assert sim.stats["open_streams"] == 1
        sim.release("middle")
        assert (await answer.content.read()).endswith(b"data: [DONE]\n\n")
    await sim.wait_for(lambda: sim.stats["open_streams"] == 0)


async def test_a_caller_that_hangs_up_before_the_head_is_remembered(sim: Simulator, client: aiohttp.ClientSession) -> None:
    sim.fault(Fault(hold="forever"), path=CHAT)
    waiting = asyncio.ensure_future(client.post(CHAT, json=ask()))
    await sim.wait_for(lambda: sim.held("forever") == 1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await sim.wait_for(lambda: sim.requests[0].aborted)
    assert sim.requests[0].status is None
    assert sim.held("forever") == 0


async def test_a_caller_that_hangs_up_in_a_stream_is_remembered(sim: Simulator, client: aiohttp.ClientSession) -> None:
    sim.fault(Fault(hold="forever", hold_after=1), path=CHAT)
    async with client.post(CHAT, json=ask(stream=True)) as answer:
        await answer.content.readuntil(b"\n\n")
    await sim.wait_for(lambda: sim.requests[0].aborted)


async def test_a_stream_breaks_off_after_so_many_chunks(sim: Simulator, client: aiohttp.ClientSession) -> None:
    sim.fault(Fault(abort_after=2), path=CHAT)
    async with client.post(CHAT, json=ask(stream=True)) as answer:
        await answer.content.readuntil(b"\n\n")
        await answer.content.readuntil(b"\n\n")
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.content.read()
    assert not sim.requests[0].aborted


async def test_a_split_stream_has_the_same_bytes(sim: Simulator, client: aiohttp.ClientSession) -> None:
    bodies = []
    for fault in (Fault(), Fault(split=3)):
        sim.fault(fault, path=CHAT)
        async with client.post(CHAT, json=ask(stream=True)) as answer:
            bodies.append([piece async for piece, _ in answer.content.iter_chunks()])
    assert b"".join(bodies[0]) == b"".join(bodies[1])
    assert max(map(len, bodies[1])) < max(map(len, bodies[0]))


@pytest.mark.parametrize("stream", [False, True])
async def test_broken_json_cannot_be_read(sim: Simulator, client: aiohttp.ClientSession, stream: bool) -> None:
    sim.fault(Fault(broken_json=True), path=CHAT)
    async with client.post(CHAT, json=ask(stream=stream)) as answer:
        text = await answer.text()
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        json.loads(text.split("data: ")[2].rstrip() if stream else text)


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ({"statsu": 1}, "fault has no key 'statsu'"),
        ({"status": "429"}, "fault.status must be int"),
        ({"status": True}, "fault.status must be int"),
        ({"status": 42}, "status must lie between 200 and 599"),
        ({"delay_s": 1000}, "delay_s must lie between 0 and 60 seconds"),
        ({"split": 0}, "split must be at least 1 byte"),
        ({"reset": "later"}, "reset must be one of unread, unserved, unanswered"),
        ({"task": {"fial": 1}}, "task has no key 'fial'"),
        ({"task": {"error_in": "x"}}, "error_in must be one of"),
        ({"task": {"pace": "fast"}}, "pace must be"),
        ({"task": 3}, "task must be a JSON object"),
        ([], "fault must be a JSON object"),
    ],
)
def test_a_fault_that_cannot_be_read_says_why(written: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        read_fault(written)


async def test_an_unusable_fault_is_refused_not_ignored(client: aiohttp.ClientSession) -> None:
    for headers, text in (
        ({"x-sim-fault": '{"statsu": 1}'}, "x"),
        ({"x-sim-fault": "{"}, "x"),
        ({}, "[[sim:oops]]"),
        ({}, "[[sim:{}"),
    ):
        async with client.post(CHAT, json=ask(text), headers=headers) as answer:
            assert answer.status == 400
            assert (await answer.json())["detail"].startswith("unusable fault: ")


def test_magic_is_read_from_the_newest_turn_only() -> None:
    old, new = (
        {"role": "user", "content": '[[sim:{"status": 500}]]'},
        {"role": "user", "content": [{"type": "text", "text": "hi"}]},
    )
    assert magic_fault({"messages": [old, new]}) is None
    assert magic_fault({"messages": [new, old]}) == Fault(status=500)
    assert magic_fault({"input": 'say [[sim:{"split": 3}]]'}) == Fault(split=3)


def test_text_without_its_magic_reads_as_if_it_never_had_any() -> None:
    assert without_magic('Hello [[sim:{"hold": "x", "body": [[1]]}]] world') == "Hello world"
    assert without_magic("a [[sim: b") == "a [[sim: b"


@pytest.mark.parametrize(
    "written", [{}, [], {"fault": {}, "more": 1}, {"fault": {}, "times": 0}, {"fault": {}, "match": {"path": 1}}]
)
def test_a_rule_that_cannot_be_read_says_why(written: Any) -> None:
    with pytest.raises(ValueError, match=r"rule|times|path"):
        read_rule(written)

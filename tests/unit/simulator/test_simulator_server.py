import asyncio
import base64
import json
import signal
import subprocess
import sys
from typing import Any

import aiohttp
import httpx2
import pytest

from simulator.options import ByHand, Options
from simulator.server import KEY, Simulator, in_thread

SORA = "/vendors/openai/v1/sora-2/generation"
BEARER = {"Authorization": f"Bearer {KEY}"}


async def test_what_was_sent_is_remembered_byte_for_byte(sim: Simulator, client: aiohttp.ClientSession) -> None:
    raw = b'{"prompt" : "a cat", "zeta":1}'
    async with client.post(f"{SORA}?x=1", data=raw, headers={"X-Request-Id": "r1"}) as answer:
        assert answer.headers["x-request-id"] == "r1"
    (seen,) = sim.submissions(SORA)
    assert (seen.body, seen.length, seen.status, seen.query) == (raw, len(raw), 202, "x=1")
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert seen.unknown_keys == ("zeta",)
    assert sim.submissions("/elsewhere") == ()


async def test_large_bodies_are_remembered_by_hash_and_old_requests_forgotten() -> None:
    options = Options(keep_requests=2, keep_body_bytes=64)
    async with Simulator(options) as sim, aiohttp.ClientSession(sim.url, headers=BEARER) as client:
        for prompt in ("a", "b", "c" * 100):
            async with client.post(SORA, json={"prompt": prompt}) as answer:
                assert answer.status == 202
        small, large = sim.requests
        assert sim.stats["submissions"] == 3
    assert small.json == {"prompt": "b"}
    assert (large.body, large.json, large.length, len(large.sha256)) == (None, None, 114, 64)


async def test_old_tasks_are_forgotten_first() -> None:
    async with Simulator(Options(keep_tasks=1)) as sim, aiohttp.ClientSession(sim.url, headers=BEARER) as client:
        for _ in range(2):
            async with client.post(SORA, json={"prompt": "x"}) as answer:
                newest = (await answer.json())["task_info"]["id"]
        assert [task.id for task in sim.tasks] == [newest]


async def test_a_body_over_the_limit_is_413() -> None:
    async with (
        Simulator(Options(max_body_bytes=100)) as sim,
        aiohttp.ClientSession(sim.url, headers=BEARER) as client,
        client.post(SORA, json={"prompt": "x" * 200}) as answer,
    ):
        assert answer.status == 413


async def test_waiting_for_what_never_comes_ends_with_a_timeout(sim: Simulator) -> None:
    with pytest.raises(TimeoutError):
        await sim.wait_for(lambda: False, timeout_s=0.01)


async def test_the_admin_pages_script_a_simulator_from_outside() -> None:
    async with Simulator(Options(pace=ByHand())) as sim, aiohttp.ClientSession(sim.url, headers=BEARER) as client:

        async def admin(method: str, path: str, body: Any = None) -> tuple[int, Any]:
            async with client.request(method, f"/_sim/{path}", json=body) as answer:
                return answer.status, await answer.json() if answer.status != 204 else None

        assert await admin("POST", "faults", {"match": {"path": "/vendors/*", "method": "post"}, "fault": {"status": 503}}) == (
            204,
            None,
        )
        async with client.post(SORA, json={"prompt": "x"}) as answer:
            assert answer.status == 503
        async with client.post(SORA, json={"prompt": "x"}) as answer:
            task_id = (await answer.json())["task_info"]["id"]
        assert await admin("POST", f"tasks/{task_id}", {"state": "failed", "code": 3006, "detail": "no"}) == (204, None)
        async with client.get(f"{SORA}/{task_id}") as answer:
            assert (await answer.json())["task_info"]["error"]["code"] == 3006
        status, page = await admin("GET", "requests")
        assert (status, [seen["path"] for seen in page["requests"]]) == (200, [SORA, SORA, f"{SORA}/{task_id}"])
        assert json.loads(base64.b64decode(page["requests"][1]["body_base64"])) == page["requests"][1]["json"] == {"prompt": "x"}
        assert (await admin("GET", "stats"))[1] == {
            "submissions": 1,
            "tasks": 1,
            "requests": 3,
            "polls": 1,
            "open_requests": 0,
            "open_streams": 0,
            "aborted": 0,
        }
        assert (await admin("DELETE", "requests"))[0] == 204
        assert (await admin("POST", "reset"))[0] == 204
        assert (sim.requests, sim.tasks) == ((), ())


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("faults", {"fault": {"statsu": 1}}, 400),
        ("faults", [], 400),
        ("release", {}, 400),
        ("tasks/none", {"state": "failed"}, 404),
    ],
)
async def test_admin_pages_refuse_by_name(client: aiohttp.ClientSession, path: str, body: Any, status: int) -> None:
    async with client.post(f"/_sim/{path}", json=body) as answer:
        assert answer.status == status
        assert (await answer.json())["detail"]


async def test_held_requests_are_released_by_the_admin_page(sim: Simulator, client: aiohttp.ClientSession) -> None:
    waiting = asyncio.ensure_future(client.post(SORA, json={"prompt": 'x [[sim:{"hold": "gate"}]]'}))
    await sim.wait_for(lambda: sim.held("gate") == 1)
    async with client.post("/_sim/release", json={"name": "gate"}) as answer:
        assert answer.status == 204
    async with await waiting as answer:
        assert answer.status == 202


async def test_a_wrong_method_is_405_with_allow(client: aiohttp.ClientSession) -> None:
    async with client.get("/v1/chat/completions") as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "POST")


async def test_a_taken_port_is_an_error(sim: Simulator) -> None:
    taken = int(sim.url.rpartition(":")[2])
    with pytest.raises(OSError, match="address already in use"):
        await Simulator(port=taken).__aenter__()


def test_a_thread_serves_synchronous_callers() -> None:
    with in_thread() as url:
        assert httpx2.get(f"{url}/_sim/stats").json()["requests"] == 0


def test_it_runs_alone_and_ends_with_zero() -> None:
    command = [sys.executable, "-m", "simulator", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        assert told["MULERUN_API_BASE_URL"] == told["url"]
        assert (
            httpx2.get(f"{told['url']}/v1/models", headers={"Authorization": f"Bearer {told['MULERUN_TOKEN']}"}).status_code
            == 200
        )
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0

from typing import Any

import aiohttp
import pytest

from simulator.faults import ErrorIn, Fault, TaskScript
from simulator.options import ByHand, ByPolls, ByTime, Options, Words
from simulator.server import KEY, Simulator
from tests.unit.simulator.caller import BEARER, GPT_IMAGE, NANO, SORA, finished, poll, submit


async def test_a_submit_is_answered_202_with_a_pending_task(client: aiohttp.ClientSession) -> None:
    async with client.post(GPT_IMAGE, json={"prompt": "a cat"}) as answer:
        assert answer.status == 202
        told = (await answer.json())["task_info"]
        assert answer.headers["traceparent"].startswith("00-")
    assert told == {
        "id": told["id"],
        "status": "pending",
        "created_at": "2027-01-15T08:00:00.250Z",
        "updated_at": "2027-01-15T08:00:00.250Z",
    }


async def test_a_task_goes_from_pending_over_processing_to_completed(client: aiohttp.ClientSession) -> None:
    task_id = await submit(client, GPT_IMAGE, {"prompt": "a cat"})
    words = [(await poll(client, GPT_IMAGE, task_id))["task_info"]["status"] for _ in range(4)]
    assert words == ["pending", "processing", "completed", "completed"]


async def test_the_newer_vocabulary_says_queued_running_succeeded() -> None:
    options = Options(words=Words.ASYNC, pace=ByPolls())
    async with Simulator(options) as sim, aiohttp.ClientSession(sim.url, headers=BEARER) as client:
        task_id = await submit(client, GPT_IMAGE, {"prompt": "a cat"})
        words = [(await poll(client, GPT_IMAGE, task_id))["task_info"]["status"] for _ in range(3)]
    assert words == ["queued", "running", "succeeded"]


async def test_a_task_by_time_advances_with_the_clock_it_is_given() -> None:
    clock = [100.0]
    options = Options(pace=ByTime(pending_s=2, processing_s=3), elapsed=lambda: clock[0])
    async with Simulator(options) as sim, aiohttp.ClientSession(sim.url, headers=BEARER) as client:
        task_id = await submit(client, SORA, {"prompt": "a cat"})
        words = []
        for clock[0] in (101.9, 102.0, 104.9, 105.0):
            words.append((await poll(client, SORA, task_id))["task_info"]["status"])
    assert words == ["pending", "processing", "processing", "completed"]


async def test_a_task_by_hand_waits_to_be_completed() -> None:
    async with Simulator(Options(pace=ByHand())) as sim, aiohttp.ClientSession(sim.url, headers=BEARER) as client:
        task_id = await submit(client, SORA, {"prompt": "a cat"})
        assert (await poll(client, SORA, task_id))["task_info"]["status"] == "pending"
        sim.complete()
        assert (await poll(client, SORA, task_id))["videos"] == [f"{sim.url}/assets/{task_id}/result_00.mp4"]


@pytest.mark.parametrize(
    ("error_in", "expected"),
    [
        (ErrorIn.CODE, {"task_info": {"error": {"code": 3005, "title": "Task Execution Error", "detail": "no luck"}}}),
        (
            ErrorIn.ERROR_CODE,
            {"task_info": {"error": {"error_code": 3005, "title": "Task Execution Error", "detail": "no luck"}}},
        ),
        (ErrorIn.TOP, {"error": {"code": 3005, "title": "Task Execution Error", "detail": "no luck"}, "task_info": {}}),
        (ErrorIn.NONE, {"task_info": {}}),
    ],
)
async def test_a_failed_task_says_why_in_each_way_that_is_known(
    sim: Simulator, client: aiohttp.ClientSession, error_in: ErrorIn, expected: dict[str, Any]
) -> None:
    task_id = await submit(client, SORA, {"prompt": "a cat"})
    sim.fail(code=3005, detail="no luck", error_in=error_in)
    told = await poll(client, SORA, task_id)
    assert told["task_info"].pop("status") == "failed"
    assert {key: told["task_info"].pop(key) for key in ("id", "created_at", "updated_at")}["id"] == task_id
    assert told == expected


@pytest.mark.parametrize(
    ("script", "status", "told"),
    [
        (TaskScript(submit_status=200), 200, {"id", "status", "created_at", "updated_at"}),
        (TaskScript(submit_word=""), 202, {"id", "created_at", "updated_at"}),
        (TaskScript(id_key="task_id"), 202, {"task_id", "status", "created_at", "updated_at"}),
    ],
)
async def test_a_submit_answer_departs_as_it_is_told(
    sim: Simulator, client: aiohttp.ClientSession, script: TaskScript, status: int, told: set[str]
) -> None:
    sim.fault(Fault(task=script), path="/vendors/*")
    async with client.post(SORA, json={"prompt": "a cat"}) as answer:
        assert answer.status == status
        assert (await answer.json())["task_info"].keys() == told


@pytest.mark.parametrize("word", ["", "dancing"])
async def test_a_poll_says_any_word_that_it_is_told(sim: Simulator, client: aiohttp.ClientSession, word: str) -> None:
    sim.fault(Fault(task=TaskScript(word=word)))
    task_id = await submit(client, SORA, {"prompt": "a cat"})
    sim.complete()
    assert (await poll(client, SORA, task_id))["task_info"]["status"] == word


async def test_a_result_may_stand_under_a_singular_key(sim: Simulator, client: aiohttp.ClientSession) -> None:
    sim.fault(Fault(task=TaskScript(singular=True)))
    assert (await finished(sim, client, SORA, {"prompt": "a cat"}))["video"].endswith("/result_00.mp4")


async def test_the_first_polls_of_a_task_can_fail(sim: Simulator, client: aiohttp.ClientSession) -> None:
    sim.fault(Fault(poll=Fault(status=503), poll_times=2), method="POST")
    task_id = await submit(client, SORA, {"prompt": "a cat"})
    statuses = []
    for _ in range(3):
        async with client.get(f"{SORA}/{task_id}") as answer:
            statuses.append(answer.status)
    assert statuses == [503, 503, 200]


async def test_a_deleted_task_and_its_files_are_gone(sim: Simulator, client: aiohttp.ClientSession) -> None:
    told = await finished(sim, client, NANO, {"prompt": "a cat"})
    task_id = told["task_info"]["id"]
    async with client.delete(f"{NANO}/{task_id}") as answer:
        assert await answer.json() == {"task_id": task_id, "deleted_at": "2027-01-15T08:00:00.250Z"}
    async with client.get(f"{NANO}/{task_id}") as answer:
        assert answer.status == 404
        assert (await answer.json())["error_code"] == 2005
    async with client.get(told["images"][0]) as answer:
        assert answer.status == 404


async def test_a_task_in_processing_cannot_be_deleted(client: aiohttp.ClientSession) -> None:
    task_id = await submit(client, NANO, {"prompt": "a cat"})
    await poll(client, NANO, task_id)
    async with client.delete(f"{NANO}/{task_id}") as answer:
        assert answer.status == 409


async def test_a_task_is_found_only_below_its_own_path(client: aiohttp.ClientSession) -> None:
    task_id = await submit(client, NANO, {"prompt": "a cat"})
    async with client.get(f"{SORA}/{task_id}") as answer:
        assert answer.status == 404


@pytest.mark.parametrize(
    ("headers", "title"),
    [
        ({}, "Missing Authorization header. Please provide 'Authorization: Bearer <api_key>'"),
        ({"X-API-Key": KEY}, "Missing Authorization header. Please provide 'Authorization: Bearer <api_key>'"),
        ({"Authorization": "Bearer eyJhbGciOi"}, "Invalid API Key format"),
        ({"Authorization": "Bearer sk-mr-1234"}, "Invalid API Key format"),
        ({"Authorization": "Bearer muk-"}, "Invalid API Key format"),
    ],
)
async def test_media_refuses_keys_in_its_envelope(sim: Simulator, headers: dict[str, str], title: str) -> None:
    async with aiohttp.ClientSession(sim.url) as client, client.post(SORA, json={"prompt": "x"}, headers=headers) as answer:
        assert answer.status == 401
        told = await answer.json()
        request_id = answer.headers["x-request-id"]
    assert told == {
        "status": 401,
        "title": title,
        "detail": f"None (request_id: {request_id})",
        "instance": SORA,
        "error_code": 0,
    }


async def test_an_unknown_path_is_404_in_the_short_form_even_without_a_key(sim: Simulator) -> None:
    async with aiohttp.ClientSession(sim.url) as client:
        for path in ("/vendors/google/v1/veo3/generation", "/v1/responses", "/nowhere"):
            async with client.post(path, json={"prompt": "x"}) as answer:
                assert answer.status == 404
                assert await answer.json() == {"status": 404, "title": "Not Found"}


async def test_a_dead_key_is_401_until_the_account_has_a_new_one(sim: Simulator) -> None:
    old = sim.account.rotate_key()
    sim.keys.refuse(old)
    async with aiohttp.ClientSession(sim.url) as client:
        for key, status in ((old, 401), (sim.account.key, 202)):
            async with client.post(SORA, json={"prompt": "x"}, headers={"Authorization": f"Bearer {key}"}) as answer:
                assert answer.status == status


@pytest.mark.parametrize("raw", [b"", b"[1]", b"{", b"\xff"])
async def test_a_body_that_is_no_object_is_400(client: aiohttp.ClientSession, raw: bytes) -> None:
    async with client.post(SORA, data=raw) as answer:
        assert answer.status == 400
        assert (await answer.json())["error_code"] == 400

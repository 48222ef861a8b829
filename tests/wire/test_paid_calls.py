"""Every waited REST call is a job: its answer names it, and it goes on when its caller has left or its time is up."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from simulator.faults import Fault, TaskScript
from simulator.options import ByHand
from tests.wire.house import House, house

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]

LINK = {"image_url": "https://pictures.example/a.png"}


@dataclass(frozen=True)
class Call:
    """One waited call, and the kind of job that it makes."""

    path: str
    body: dict[str, Any]
    kind: str
    head: bytes
    """The first bytes of what it makes."""


CALLS = {
    "images": Call("/v1/images/generations", {"model": "nano-banana", "prompt": "a fox"}, "JOB_KIND_IMAGE", b"\x89PNG"),
    "edits": Call(
        "/v1/images/edits",
        {"model": "nano-banana-pro-edit", "prompt": "blue", "images": [LINK]},
        "JOB_KIND_IMAGE_EDIT",
        b"\x89PNG",
    ),
    "speech": Call(
        "/v1/audio/speech", {"model": "speech-2.8-hd", "input": "good day", "voice": "Wise_Woman"}, "JOB_KIND_SPEECH", b"ID3"
    ),
}


@pytest.fixture(params=list(CALLS.values()), ids=list(CALLS))
def call(request: pytest.FixtureRequest) -> Call:
    found: Call = request.param
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="home")
async def _home(module_path: Path) -> AsyncGenerator[House]:
    async with house(module_path, CLI2API_IMAGE_TIMEOUT="2s") as home:
        yield home


async def fetched(home: House, job_id: str) -> tuple[str, str, bytes]:
    """The kind and state of a job at its end, and its file."""
    async with home.http.get(f"/v1/jobs/{job_id}:wait", params={"timeout": "20s"}) as answer:
        await answer.read()
    async with home.http.get(f"/v1/jobs/{job_id}") as answer:
        job = await answer.json()
    async with home.http.get(f"/v1/jobs/{job_id}/content") as answer:
        return job["kind"], job["state"], await answer.read()


async def test_the_answer_names_its_job_which_has_the_same_file(home: House, call: Call) -> None:
    async with home.http.post(call.path, json=call.body) as answer:
        assert answer.status == 200, await answer.text()
        body = await answer.read()
    kind, state, content = await fetched(home, answer.headers["x-cli2api-job-id"])
    assert (kind, state, content[: len(call.head)]) == (call.kind, "JOB_STATE_SUCCEEDED", call.head)
    if call.kind == "JOB_KIND_SPEECH":
        assert content == body


async def test_a_call_whose_time_is_up_names_the_job_that_goes_on(home: House, call: Call) -> None:
    home.simulator.fault(Fault(task=TaskScript(pace=ByHand())), method="POST")
    paid = len(home.simulator.submissions())
    async with home.http.post(call.path, json=call.body) as answer:
        error = (await answer.json())["error"]
        job_id = answer.headers["x-cli2api-job-id"]
    home.simulator.complete()

    assert (answer.status, error["code"], answer.headers["x-should-retry"]) == (504, "deadline_exceeded", "false")
    assert job_id in error["message"]
    kind, state, content = await fetched(home, job_id)
    assert (kind, state, content[: len(call.head)]) == (call.kind, "JOB_STATE_SUCCEEDED", call.head)
    assert len(home.simulator.submissions()) == paid + 1


async def test_a_caller_that_left_before_the_answer_finds_the_job(home: House, call: Call) -> None:
    home.simulator.fault(Fault(hold="the answer"), method="POST")
    async with aiohttp.ClientSession(home.gateway.rest_url, headers=home.http.headers) as leaving:
        asking = asyncio.create_task(_answered(leaving, call))
        await home.simulator.wait_for(lambda: home.simulator.held("the answer") == 1)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    async with home.http.get("/v1/jobs", params={"kinds": call.kind, "page_size": "1"}) as answer:
        (newest,) = (await answer.json())["jobs"]
    home.simulator.release("the answer")

    assert newest["state"] == "JOB_STATE_SUBMITTING"
    kind, state, content = await fetched(home, newest["id"])
    assert (kind, state, content[: len(call.head)]) == (call.kind, "JOB_STATE_SUCCEEDED", call.head)


async def _answered(http: aiohttp.ClientSession, call: Call) -> bytes:
    async with http.post(call.path, json=call.body) as answer:
        return await answer.read()

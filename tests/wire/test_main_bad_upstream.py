"""Every way in which MuleRun fails is told apart, in OpenAI's shape, and the gateway serves on."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from simulator.faults import ErrorIn, Fault, Reset, TaskScript
from tests.wire.house import House, ask, house

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]

CHATS, IMAGES, SPEECHES, VIDEOS = "/v1/chat/completions", "/v1/images/generations", "/v1/audio/speech", "/v1/videos"
CHAT = {"model": "gpt-5", "messages": [{"role": "user", "content": "hello"}]}
IMAGE = {"model": "nano-banana", "prompt": "a fox"}
SPEECH = {"model": "speech-2.8-hd", "input": "good day", "voice": "Wise_Woman"}


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="home")
async def _home(module_path: Path) -> AsyncGenerator[House]:
    async with house(module_path, CLI2API_IMAGE_TIMEOUT="2s") as home:
        yield home


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def _serves_on(home: House) -> AsyncGenerator[None]:
    yield
    home.simulator.clear_faults()
    assert await home.is_well()


@dataclass(frozen=True, kw_only=True)
class Bad:
    """What goes wrong upstream, and what the caller hears."""

    fault: Fault
    body: Mapping[str, object]
    path: str
    status: int
    kind: str
    code: str
    says: str = ""


BAD = {
    "relayed 429 passes with its words": Bad(
        fault=Fault(
            status=429, retry_after=7, body={"error": {"message": "slow down", "type": "requests", "param": None, "code": "rpm"}}
        ),
        body=CHAT,
        path=CHATS,
        status=429,
        kind="requests",
        code="rpm",
        says="slow down",
    ),
    "text: our credential refused": Bad(
        fault=Fault(status=401),
        body=CHAT,
        path=CHATS,
        status=502,
        kind="upstream_error",
        code="upstream_credential",
        says="401",
    ),
    "text: connection dropped": Bad(
        fault=Fault(reset=Reset.UNSERVED),
        body=CHAT,
        path=CHATS,
        status=502,
        kind="upstream_error",
        code="upstream_unavailable",
    ),
    "media: throttled": Bad(
        fault=Fault(status=429, retry_after=7),
        body=IMAGE,
        path=IMAGES,
        status=429,
        kind="rate_limit_error",
        code="rate_limit_exceeded",
    ),
    "media: out of credits": Bad(
        fault=Fault(status=402),
        body=IMAGE,
        path=IMAGES,
        status=402,
        kind="insufficient_quota",
        code="insufficient_quota",
    ),
    "media: our credential refused": Bad(
        fault=Fault(status=401),
        body=IMAGE,
        path=IMAGES,
        status=502,
        kind="upstream_error",
        code="upstream_credential",
        says="401",
    ),
    "media: 500": Bad(
        fault=Fault(status=500),
        body=IMAGE,
        path=IMAGES,
        status=502,
        kind="upstream_error",
        code="submission_uncertain",
    ),
    "media: answer lost after it was paid": Bad(
        fault=Fault(reset=Reset.UNANSWERED),
        body=IMAGE,
        path=IMAGES,
        status=502,
        kind="upstream_error",
        code="submission_uncertain",
    ),
    "media: broken JSON": Bad(
        fault=Fault(broken_json=True),
        body=IMAGE,
        path=IMAGES,
        status=502,
        kind="upstream_error",
        code="submission_uncertain",
    ),
    "media: the vendor fails the task": Bad(
        fault=Fault(task=TaskScript(fail=3005, detail="the service is busy")),
        body=IMAGE,
        path=IMAGES,
        status=502,
        kind="vendor_error",
        code="3005",
        says="the service is busy",
    ),
    "media: a failed task without a word": Bad(
        fault=Fault(task=TaskScript(fail=3001, error_in=ErrorIn.NONE)),
        body=IMAGE,
        path=IMAGES,
        status=502,
        kind="vendor_error",
        code="vendor_error",
        says="without",
    ),
    "media: a task without a status": Bad(
        fault=Fault(task=TaskScript(word="")),
        body=IMAGE,
        path=IMAGES,
        status=502,
        kind="vendor_error",
        code="vendor_error",
    ),
    "media: a success without a file": Bad(
        fault=Fault(task=TaskScript(no_assets=True)),
        body=IMAGE,
        path=IMAGES,
        status=502,
        kind="vendor_error",
        code="vendor_error",
    ),
    "speech: the vendor fails the task": Bad(
        fault=Fault(task=TaskScript(fail=3006)),
        body=SPEECH,
        path=SPEECHES,
        status=502,
        kind="vendor_error",
        code="3006",
    ),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
async def test_a_bad_upstream_is_told_apart(home: House, bad: Bad) -> None:
    home.simulator.fault(bad.fault, method="POST", times=None)
    status, error = await ask(home.http, "POST", bad.path, bad.body)

    assert (status, error["type"], error["code"]) == (bad.status, bad.kind, bad.code), error
    assert bad.says in error["message"]


async def test_an_upstream_that_is_slow_is_answered_with_the_job_that_goes_on(home: House) -> None:
    slow = Fault(task=TaskScript(word="pondering"))
    home.simulator.fault(slow, path="*nano-banana*", method="POST")
    async with home.http.post(IMAGES, json=IMAGE) as answer:
        error = (await answer.json())["error"]
        job_id = answer.headers["x-cli2api-job-id"]

    assert (answer.status, error["type"], error["code"]) == (504, "timeout_error", "deadline_exceeded")
    assert answer.headers["x-should-retry"] == "false"
    assert job_id in error["message"]


async def test_a_stream_that_dies_ends_with_an_error_and_no_done(home: House) -> None:
    home.simulator.fault(Fault(abort_after=3), path="*chat*")
    async with home.http.post(CHATS, json={**CHAT, "stream": True}) as answer:
        events = (await answer.text()).strip().split("\n\n")

    last = json.loads(events[-1].removeprefix("data: "))
    assert answer.status == 200
    assert set(last["error"]) == {"message", "type", "param", "code"}
    assert "[DONE]" not in "".join(events)


async def test_a_caller_who_leaves_stops_the_upstream_before_its_first_byte(home: House) -> None:
    home.simulator.fault(Fault(hold="never"), path="*chat*")
    asked = home.http.post(CHATS, json=CHAT)
    leaving = asyncio.ensure_future(asked)
    await home.simulator.wait_for(lambda: home.simulator.held("never") == 1)
    leaving.cancel()
    await home.simulator.wait_for(lambda: home.simulator.requests[-1].aborted, timeout_s=1.0)

    assert home.simulator.held("never") == 0

"""Every bad input and every bad upstream gets a clear answer in OpenAI's shape, and the gateway serves on."""

import asyncio
import io
import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientSession

from simulator.faults import ErrorIn, Fault, Reset, TaskScript
from tests.wire.house import KEY, House, house

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]

MAX_BODY = 1 << 20
CHATS, IMAGES, SPEECHES, VIDEOS = "/v1/chat/completions", "/v1/images/generations", "/v1/audio/speech", "/v1/videos"
CHAT = {"model": "gpt-5", "messages": [{"role": "user", "content": "hello"}]}
IMAGE = {"model": "nano-banana", "prompt": "a fox"}
SPEECH = {"model": "speech-2.8-hd", "input": "good day", "voice": "Wise_Woman"}


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="home")
async def _home(module_path: Path) -> AsyncGenerator[House]:
    async with house(module_path, CLI2API_MAX_BODY=str(MAX_BODY), CLI2API_IMAGE_TIMEOUT="2s") as home:
        yield home


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def _serves_on(home: House) -> AsyncGenerator[None]:
    yield
    home.simulator.clear_faults()
    assert await home.is_well()


@dataclass(frozen=True, kw_only=True)
class Wrong:
    """A request that cannot be served, and what its sender has to hear."""

    path: str = CHATS
    method: str = "POST"
    body: object = None
    """Bytes are sent as they are, anything else as JSON."""
    status: int = 400
    kind: str = "invalid_request_error"
    code: str | None = "invalid_request"
    param: str | None = None
    says: str


WRONG = {
    "malformed JSON": Wrong(body=b'{"model": ', says="is not JSON"),
    "JSON that is no object": Wrong(body=[1, 2], says="object"),
    "no body": Wrong(body=b"", says="body"),
    "invalid UTF-8": Wrong(body=b'{"model": "\xff"}', says="JSON"),
    "deeper than any reader goes": Wrong(body=b'{"model": "gpt-5", "messages": ' + b"[" * 100_000, says=""),
    "chat without a model": Wrong(body={"messages": CHAT["messages"]}, param="model", says="model"),
    "chat without messages": Wrong(body={"model": "gpt-5"}, param="messages", says="messages"),
    "a model of the wrong type": Wrong(body={**CHAT, "model": 5}, param="model", says="expected str"),
    "an alias that leads nowhere": Wrong(
        body={**CHAT, "model": "acme/gpt"}, param="model", code="model_not_found", says="acme/gpt"
    ),
    "an unknown image model": Wrong(
        path=IMAGES,
        body={**IMAGE, "model": "nano-bananas"},
        status=404,
        param="model",
        code="model_not_found",
        says="nano-banana",
    ),
    "a name of OpenAI's": Wrong(
        path=IMAGES,
        body={**IMAGE, "model": "dall-e-3"},
        status=404,
        param="model",
        code="model_not_found",
        says="unknown image model: dall-e-3",
    ),
    "a video model for an image": Wrong(
        path=IMAGES,
        body={**IMAGE, "model": "veo-3.1"},
        status=404,
        param="model",
        code="model_not_found",
        says="/v1/videos",
    ),
    "an image without a prompt": Wrong(path=IMAGES, body={"model": "nano-banana"}, param="prompt", says="prompt"),
    "a size that the model does not take": Wrong(
        path=IMAGES,
        body={"model": "gpt-image-2", "prompt": "a fox", "size": "7x7"},
        param="size",
        says="1024x1024",
    ),
    "too many images": Wrong(path=IMAGES, body={"model": "wan2.6-t2i", "prompt": "x", "n": 9}, param="n", says="4"),
    "a format that MuleRun cannot encode": Wrong(
        path=SPEECHES, body={**SPEECH, "response_format": "opus"}, param="response_format", says="mp3"
    ),
    "a voice of OpenAI's": Wrong(path=SPEECHES, body={**SPEECH, "voice": "alloy"}, param="voice", says="Wise_Woman"),
    "speech that is too fast": Wrong(path=SPEECHES, body={**SPEECH, "speed": 4}, param="speed", says="2"),
    "a clip of the wrong length": Wrong(
        path=VIDEOS, body={"model": "sora-2", "prompt": "x", "seconds": "5"}, param="seconds", says="4, 8, 12"
    ),
    "an unknown video": Wrong(path="/v1/videos/video_nope", method="GET", status=404, code="not_found", says="video_nope"),
    "the content of an unknown video": Wrong(
        path="/v1/videos/video_nope/content", method="GET", status=404, code="not_found", says="video_nope"
    ),
    "deleting an unknown video": Wrong(
        path="/v1/videos/video_nope", method="DELETE", status=404, code="not_found", says="video_nope"
    ),
    "an unknown model told": Wrong(
        path="/v1/models/gpt-9", method="GET", status=404, code="model_not_found", says="gpt-9", param="model"
    ),
    "a page of no size": Wrong(path="/v1/videos?limit=0", method="GET", param="limit", says="limit"),
    "a page of words": Wrong(path="/v1/videos?limit=many", method="GET", param="limit", says="limit"),
    "the wrong method": Wrong(method="PUT", body=CHAT, status=405, code="method_not_allowed", says="POST"),
    "the wrong path": Wrong(path="/v1/chat/complete", body=CHAT, status=404, code="not_found", says="/v1/chat/complete"),
    "an endpoint that is not served": Wrong(
        path="/v1/embeddings", body=CHAT, status=404, code="not_found", says="/v1/embeddings"
    ),
    "a body over the cap": Wrong(body={**CHAT, "pad": "x" * MAX_BODY}, code="request_too_large", says="request body too large"),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
async def test_bad_input_is_told_what_is_wrong(home: House, wrong: Wrong) -> None:
    paid = len(home.simulator.submissions())
    status, error = await ask(home.http, wrong.method, wrong.path, wrong.body)

    assert (status, error["type"], error["code"], error["param"]) == (wrong.status, wrong.kind, wrong.code, wrong.param), error
    assert wrong.says in error["message"]
    assert len(home.simulator.submissions()) == paid


@pytest.mark.parametrize("key", ["", "sk-wrong", KEY + "x"])
async def test_without_a_known_key_nobody_comes_in(home: House, key: str) -> None:
    async with ClientSession(home.gateway.rest_url, headers={"authorization": f"Bearer {key}"} if key else {}) as stranger:
        status, error = await ask(stranger, "POST", CHATS, CHAT)

    assert (status, error["type"], error["code"]) == (401, "authentication_error", "invalid_api_key")


async def test_a_body_over_the_cap_is_refused_also_in_chunks(home: House) -> None:
    async def chunks() -> AsyncGenerator[bytes]:
        yield b'{"model": "gpt-5", "messages": [{"role": "user", "content": "'
        for _ in range(40):
            yield b"x" * (MAX_BODY // 20)

    async with home.http.post(CHATS, data=chunks(), headers={"content-type": "application/json"}) as answer:
        error = (await answer.json())["error"]

    assert (answer.status, error["code"]) == (400, "request_too_large")


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


async def ask(http: ClientSession, method: str, path: str, body: object) -> tuple[int, dict[str, Any]]:
    """The status and the error of an answer that has to be one, all four keys present."""
    content = None if body is None else io.BytesIO(body if isinstance(body, bytes) else json.dumps(body).encode())
    async with http.request(method, path, data=content, headers={"content-type": "application/json"}) as answer:
        error = (await answer.json())["error"]
        assert set(error) == {"message", "type", "param", "code"}
        return answer.status, error

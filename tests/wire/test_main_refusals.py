"""Every bad input gets a clear answer in OpenAI's shape before anything is paid, and the gateway serves on."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

import openai
import pytest
import pytest_asyncio
from aiohttp import ClientSession

from tests.wire.house import KEY, House, ask, house

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
    "a misspelt field of an image": Wrong(
        path=IMAGES,
        body={"model": "gpt-image-2", "prompt": "x", "sise": "1024x1024"},
        param="sise",
        says="sise: is no parameter of gpt-image-2; did you mean size?",
    ),
    "a misspelt field of speech": Wrong(path=SPEECHES, body={**SPEECH, "spead": 2}, param="spead", says="did you mean speed?"),
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
        path="/v1/models/gpt-9", method="GET", status=404, code="model_not_found", says="unknown model: gpt-9", param="model"
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


async def test_the_sdk_hears_that_its_body_is_too_large(home: House) -> None:
    words = "x" * (3 * MAX_BODY)
    with pytest.raises(openai.BadRequestError, match="request body too large"):
        await home.sdk.chat.completions.create(model="gpt-5", messages=[{"role": "user", "content": words}])


async def test_a_body_over_the_cap_is_refused_also_in_chunks(home: House) -> None:
    async def chunks() -> AsyncGenerator[bytes]:
        yield b'{"model": "gpt-5", "messages": [{"role": "user", "content": "'
        for _ in range(40):
            yield b"x" * (MAX_BODY // 20)

    async with home.http.post(CHATS, data=chunks(), headers={"content-type": "application/json"}) as answer:
        error = (await answer.json())["error"]

    assert (answer.status, error["code"]) == (400, "request_too_large")

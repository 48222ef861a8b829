"""Every method with an HTTP annotation answers over REST as its annotation says, and fails in the shape of every other path."""

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from cli2api.v1 import catalog_pb2, gateway_pb2, job_pb2, media_pb2, text_pb2, usage_pb2
from google.protobuf.json_format import MessageToDict

from edge.envoy.transcoder import Annotated, annotated
from simulator.options import ByHand, Options
from tests.wire.house import METADATA, House, ask, house

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]

ALL = tuple(annotated((text_pb2, media_pb2, job_pb2, catalog_pb2, usage_pb2, gateway_pb2)))
HELLO = {"model": "gpt-5", "messages": [{"role": "ROLE_USER", "parts": [{"text": 'hé "there" 100%'}]}]}
FOX = {"model": "gpt-image-2", "prompt": "a fox"}
BODIES: dict[str, Any] = {
    "/v1/text:generate": HELLO,
    "/v1/media/images:generate": FOX,
    "/v1/media/images:edit": FOX | {"model": "gpt-image-2-edit", "images": [{"url": "https://assets.test/one.png"}]},
    "/v1/media/videos": {"model": "sora-2", "prompt": "a tide pool"},
    "/v1/media/music": {"model": "music-2.0", "prompt": "a quiet song", "lyrics": "[Verse] la la la"},
}


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="home")
async def _home(module_path: Path) -> AsyncGenerator[House]:
    async with house(
        module_path,
        CLI2API_IMAGE_TIMEOUT="5s",
        CLI2API_MAX_BODY="1MB",
        CLI2API_NOTIFY_URL="http://127.0.0.1:9/",
        CLI2API_NOTIFY_SECRETS="whsec_" + "eHh4" * 8,
        CLI2API_NOTIFY_ALLOW_PRIVATE="1",
    ) as home:
        yield home


async def job_id(home: House) -> str:
    async with home.http.post("/v1/media/videos", json=BODIES["/v1/media/videos"]) as answer:
        made = await answer.json()
        assert answer.headers["x-cli2api-job-id"] == made["job"]["id"]
    async with home.http.get(f"/v1/jobs/{made['job']['id']}:wait") as answer:
        assert answer.status == 200
    return str(made["job"]["id"])


@pytest.mark.parametrize("each", ALL, ids=lambda each: each.method.full_name.removeprefix("cli2api.v1."))
async def test_every_annotated_method_is_rest(home: House, each: Annotated) -> None:
    path = each.path.replace("{id=**}", "openai/gpt-5.5").replace("{id}", await job_id(home) if "{id}" in each.path else "")
    async with home.http.request(each.verb, path, json=BODIES.get(path)) as answer:
        text = await answer.text()
        assert answer.status == 200, text
        if answer.content_type == "text/event-stream":
            text = next(line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: "))
        shown = json.loads(text)
    told: Any = each.method.output_type
    if each.picks_a_field or answer.content_type == "text/event-stream":  # one message of the response, alone
        told = told.fields[0].message_type
    assert set(shown) <= {field.name for field in told.fields}
    assert shown.keys() >= {field.name for field in told.fields if field.is_repeated or not field.has_presence}
    assert not [name for name in answer.headers if name.lower().startswith("grpc-")]


async def test_a_transcoded_answer_is_the_grpc_answer_as_json(home: House) -> None:
    listed: Any = home.channel.unary_unary(
        "/cli2api.v1.CatalogService/ListModels",
        catalog_pb2.ListModelsRequest.SerializeToString,
        catalog_pb2.ListModelsResponse.FromString,
    )
    request = catalog_pb2.ListModelsRequest(page_size=3, kinds=[catalog_pb2.MODEL_KIND_VIDEO, catalog_pb2.MODEL_KIND_MUSIC])
    whole = MessageToDict(
        await listed(request, metadata=METADATA), preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    query = "page_size=3&kinds=MODEL_KIND_VIDEO&kinds=MODEL_KIND_MUSIC"
    async with home.http.get(f"/v1/catalog/models?{query}") as answer:
        assert await answer.json() == whole


async def test_words_come_through_both_ways_as_they_are(home: House) -> None:
    async with home.http.post("/v1/text:generate", json=HELLO) as answer:
        said = (await answer.json())["candidates"][0]["message"]["parts"][0]["text"]
    assert said == 'You said: hé "there" 100%'


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code", "param"),
    [
        ("POST", "/v1/text:generate", {"messages": HELLO["messages"]}, 400, "invalid_request", "model"),
        ("POST", "/v1/media/images:generate", FOX | {"n": 99}, 400, "invalid_request", "n"),
        ("POST", "/v1/media/images:generate", FOX | {"model": "gpt-imäge-2%"}, 404, "model_not_found", "model"),
        ("GET", "/v1/catalog/models?page_size=5000", None, 400, "invalid_request", "page_size"),
        ("GET", "/v1/catalog/models/nobody/knows", None, 404, "model_not_found", "model"),
        ("GET", "/v1/jobs/video_0", None, 404, "not_found", None),
        ("GET", "/v1/catalog/models?colour=red", None, 400, "invalid_request", None),
        ("GET", "/v1/usage:query?group_by=YEAR", None, 400, "invalid_request", None),
        ("POST", "/v1/text:generate", b"{half", 400, "invalid_request", None),
        ("PUT", "/v1/media/videos", FOX, 405, "method_not_allowed", None),
    ],
)
async def test_a_failure_has_the_four_keys(
    home: House, method: str, path: str, body: object, status: int, code: str, param: str | None
) -> None:
    found, error = await ask(home.http, method, path, body)
    assert (found, error["code"], error["param"]) == (status, code, param)
    assert error["type"] == "invalid_request_error"
    assert error["message"]


async def test_a_message_with_letters_of_any_language_is_told_as_it_is(home: House) -> None:
    _, error = await ask(home.http, "POST", "/v1/media/images:generate", FOX | {"model": 'mülé "9" 100%'})
    assert error["message"].startswith('unknown image model: mülé "9" 100%')


async def test_without_a_key_nobody_is_served(home: House) -> None:
    async with home.http.get("/v1/gateway", headers={"authorization": "Bearer wrong"}) as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (401, "invalid_api_key")


async def test_a_waited_call_ends_in_time_and_its_job_goes_on(short_path: Path) -> None:
    async with house(short_path, options=Options(pace=ByHand()), CLI2API_IMAGE_TIMEOUT="1s") as home:
        async with home.http.post("/v1/media/images:generate", json=FOX) as answer:
            error = (await answer.json())["error"]
            job = answer.headers["x-cli2api-job-id"]
            assert (answer.status, error["type"], error["code"]) == (504, "timeout_error", "deadline_exceeded")
            assert answer.headers["x-should-retry"] == "false"
        assert job in error["message"]
        home.simulator.complete()
        async with home.http.get(f"/v1/jobs/{job}:wait") as answer:
            assert (await answer.json())["state"] == "JOB_STATE_SUCCEEDED"


async def test_a_body_that_is_too_large_for_the_transcoder_is_refused(home: House) -> None:
    status, error = await ask(home.http, "POST", "/v1/media/images:edit", b'{"prompt": "' + b"x" * (2 << 20) + b'"}')
    assert (status, error["code"]) == (400, "request_too_large")


async def test_what_would_pass_for_envoys_own_word_is_taken_off(home: House) -> None:
    headers = {"x-cli2api-way": "json", **dict(METADATA)}
    async with home.http.get("/v1/jobs/video_0", headers=headers) as answer:
        assert not [name for name in answer.headers if name.lower().startswith("x-cli2api-")]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("!mark", "1"),
        ("x-mark", "br\u00fccke"),
        ("x-mark-bin", "no base64 %"),
        ("grpc-encoding", "gzip"),
        ("grpc-timeout", "soon"),
        ("grpc-status", "13"),
        ("te", "gzip"),
    ],
)
async def test_a_header_that_grpc_cannot_carry_stays_outside(home: House, name: str, value: str) -> None:
    async with home.http.post("/v1/text:generate", json=HELLO, headers={name: value}) as answer:
        assert answer.status == 200, await answer.text()
    async with home.http.get("/v1/gateway", headers={name: value}) as answer:
        assert answer.status == 200, await answer.text()


async def test_the_gateway_describes_itself(home: House) -> None:
    async with home.http.get("/v1/gateway") as answer:
        told = await answer.json()
    assert told["model_count"] == 76
    assert told["max_request_bytes"] == str((1 << 20) + (1 << 20))
    assert told["job_retention_seconds"] == 168 * 3600
    policy = json.loads(told["service_config_json"])["methodConfig"][0]
    assert policy["retryPolicy"]["retryableStatusCodes"] == ["UNAVAILABLE"]
    # What costs credits is never tried again by itself.
    assert not [each for each in policy["name"] if each["service"].endswith(("MediaService", "TextService"))]

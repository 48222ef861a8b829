"""On the direct way nothing of the caller's gets through that must not, nobody forges what Envoy says, and credentials follow."""

import asyncio
import json
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
import pytest_asyncio
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2_grpc import LogsServiceStub

from edge.envoy.direct import FOLDER, SECRETS
from services.domain.usage import caller_of
from tests.hosts import Says, ScriptedHost
from tests.wire.house import KEY
from tests.wire.ways import CHAT, DIRECT, MESSAGES, OPENED, TOKEN, Way, way, went_directly

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]

HELLO = b'{"model":"gpt-5","messages":[{"role":"user","content":"hello"}]}'


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="host")
async def _host() -> AsyncIterator[ScriptedHost]:
    async with ScriptedHost() as host:
        yield host


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="direct")
async def _direct(module_path: Path, host: ScriptedHost) -> AsyncIterator[Way]:
    async with way(module_path, host, DIRECT, CLI2API_MODEL_ALIASES="fast=gpt-5-mini") as found:
        yield found


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
async def test_no_key_cookie_or_inner_header_of_a_caller_reaches_mulerun(direct: Way, host: ScriptedHost, path: str) -> None:
    host.answers.clear()
    host.say(Says({}))
    model = b"gpt-5" if path == CHAT else b"claude-haiku-4-5"
    forged = {
        "cookie": "session=1",
        "x-api-key": KEY,
        "api-key": KEY,
        "proxy-authorization": "Basic x",
        "forwarded": "for=10.0.0.1",
        "x-forwarded-for": "10.0.0.1",
        "x-forwarded-host": "evil",
        "X-Cli2api-Word": "w",
        "x-cli2api-endpoint": "/v1/videos",
        "x_cli2api_endpoint": "/v1/videos",
        "x-envoy-original-path": "/x",
        "x-envoy-upstream-alt-stat-name": "x",
        "te": "trailers",
    }

    await direct.post(path, HELLO.replace(b"gpt-5", model), forged)

    seen = host.seen[-1]
    assert went_directly(seen)
    assert KEY not in str(seen.headers)
    ours = {"x-api-key"} if path == MESSAGES else {"authorization"}
    credentials = {"authorization", "x-api-key", "api-key", "proxy-authorization", "cookie"}
    assert {name.lower() for name in seen.headers} & credentials == ours
    assert not [
        name
        for name in seen.headers
        if name.lower().startswith(("x-cli2api", "x_cli2api", "x-forwarded", "x-envoy", "forwarded"))
    ]


@pytest.mark.parametrize(
    "headers", [{"authorization": ""}, {"authorization": "Bearer sk-wrong"}, {"authorization": f"Bearer {TOKEN}"}]
)
async def test_nobody_gets_in_without_a_key(direct: Way, host: ScriptedHost, headers: dict[str, str]) -> None:
    host.seen.clear()
    answer = await direct.post(CHAT, HELLO, headers)
    assert (answer.status, answer.error["code"], host.seen) == (401, "invalid_api_key", [])


async def test_each_key_is_its_own_caller_by_the_same_hash_as_everywhere(direct: Way, host: ScriptedHost) -> None:
    host.answers.clear()
    host.say(Says({}))
    for headers, key in (({}, KEY), ({"authorization": "", "x-api-key": "sk-other"}, "sk-other")):
        answer = await direct.post(CHAT, HELLO, headers)
        assert (await direct.record(answer.request_id))["caller"] == caller_of(key)


@pytest.mark.parametrize("name", ["fast", "fas\\u0074"])
async def test_an_alias_is_resolved_however_it_is_written(direct: Way, host: ScriptedHost, name: str) -> None:
    host.answers.clear()
    host.say(Says({}))
    assert (await direct.post(CHAT, HELLO.replace(b"gpt-5", name.encode()))).status == 200
    assert (host.seen[-1].json["model"], went_directly(host.seen[-1])) == ("gpt-5-mini", False)


@pytest.mark.parametrize("model", ["é" * 300, "a\\nb", '\\"}', "%REQ(authorization)%", "x" * 5000])
async def test_odd_names_spoil_no_record(direct: Way, host: ScriptedHost, model: str) -> None:
    host.answers.clear()
    host.say(Says({}))
    answer = await direct.post(CHAT, HELLO.replace(b"gpt-5", model.encode()))
    record = await direct.record(answer.request_id)
    assert json.loads(f'"{model}"').startswith(record["model"])
    assert record["model"]


async def test_odd_request_ids_spoil_no_record(direct: Way, host: ScriptedHost) -> None:
    host.answers.clear()
    host.say(Says({}))
    await direct.post(CHAT, HELLO, {"x-request-id": "\udcff\udcfe"})
    answer = await direct.post(CHAT, HELLO)
    assert (await direct.record(answer.request_id))["status"] == 200


@pytest.mark.parametrize("metadata", [(), (("x-cli2api-word", "guess"),)])
async def test_nobody_outside_can_say_what_was_used(direct: Way, metadata: tuple[tuple[str, str], ...]) -> None:
    word = (direct.folder / "run" / FOLDER / "word").read_text()
    for target in (direct.gateway.grpc_target, f"unix:{direct.folder / 'run' / 'core.sock'}"):
        async with grpc.aio.insecure_channel(target) as channel:
            stub = LogsServiceStub(channel)  # type: ignore[no-untyped-call]
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.Export(ExportLogsServiceRequest(), metadata=metadata)
        assert refused.value.code() in {grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.UNAUTHENTICATED}
        assert word not in str(refused.value.details())


async def test_the_credential_is_readable_for_its_owner_alone(direct: Way) -> None:
    for path in SECRETS.values():
        assert stat.S_IMODE((direct.folder / "run" / path).stat().st_mode) == 0o600
    assert TOKEN.encode() not in b"".join(direct.log.lines)


@pytest.mark.parametrize(("path", "model"), [(CHAT, b"gpt-5"), (MESSAGES, b"claude-haiku-4-5")])
async def test_a_refused_credential_is_said_and_the_core_takes_over(
    short_path: Path, host: ScriptedHost, path: str, model: bytes
) -> None:
    host.answers.clear()
    host.say(Says({"title": "Unauthorized"}, 401, headers={"www-authenticate": "Bearer"}))
    sent = HELLO.replace(b"gpt-5", model)
    async with way(short_path, host, DIRECT) as gateway:
        answer = await gateway.post(path, sent)
        assert went_directly(host.seen[-1])
        assert (answer.status, answer.error["type"]) == (502, "upstream_error" if path == CHAT else "api_error")
        assert answer.error["message"].startswith("upstream HTTP 401")
        assert "mulerun login" in answer.error["message"]
        assert "www-authenticate" not in answer.headers

        async with asyncio.timeout(10):
            while went_directly(host.seen[-1]):
                again = await gateway.post(path, sent)
        assert again.status == 502
        assert again.error["message"].startswith("upstream HTTP 401: Unauthorized")


async def test_a_new_token_is_taken_up_without_a_restart(short_path: Path, host: ScriptedHost) -> None:
    host.answers.clear()
    host.say(Says({}))
    file = short_path / "token"
    file.write_text("muk-old")
    async with way(short_path, host, DIRECT, MULERUN_TOKEN="", MULERUN_TOKEN_FILE=str(file)) as gateway:
        await gateway.post(CHAT, HELLO)
        assert host.seen[-1].headers["authorization"] == "Bearer muk-old"
        file.write_text("muk-new")
        await gateway.log.until(lambda lines: sum(line["message"] == OPENED for line in lines) == 2)
        async with asyncio.timeout(5):
            while host.seen[-1].headers["authorization"] != "Bearer muk-new":
                await gateway.post(CHAT, HELLO)
        assert went_directly(host.seen[-1])
    assert not any((short_path / "run" / path).exists() for path in SECRETS.values())

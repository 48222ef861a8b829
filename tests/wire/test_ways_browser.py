"""A page of another origin calls the gateway: gRPC-Web on the gRPC port, REST on the other, and only pages that may."""

import asyncio
import base64
import shutil
import struct
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from cli2api.v1 import catalog_pb2, text_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from playwright.async_api import async_playwright

from tests.wire.house import KEY, House, house

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
STREAM = text_pb2.StreamGenerateRequest(
    model="gpt-5", messages=[text_pb2.Message(role=text_pb2.ROLE_USER, parts=[text_pb2.Part(text="from a page")])]
)
TRAILERS = 0x80


async def nothing(_request: web.Request) -> web.Response:
    return web.Response(text="<!doctype html><title>a page</title>", content_type="text/html")


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="page")
async def _page() -> AsyncGenerator[str]:
    """The origin of a page that may call."""
    app = web.Application()
    app.router.add_get("/", nothing)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="home")
async def _home(module_path: Path, page: str) -> AsyncGenerator[House]:
    async with house(module_path, CLI2API_CORS_ORIGINS=f"https://app.example.com,{page}") as home:
        yield home


def framed(message: Message) -> bytes:
    body = message.SerializeToString()
    return b"\0" + struct.pack(">I", len(body)) + body


def frames(body: bytes) -> Iterator[tuple[int, bytes]]:
    while body:
        flag, length = struct.unpack(">BI", body[:5])
        yield flag, body[5 : 5 + length]
        body = body[5 + length :]


async def called(
    home: House, method: str, message: Message, *, text: bool = False, key: str = KEY
) -> tuple[list[bytes], dict[str, str]]:
    """The messages of the answer and its trailers, as gRPC-Web has them; a failure before any message is told in the head."""
    kind = "application/grpc-web-text" if text else "application/grpc-web+proto"
    headers = {"content-type": kind, "accept": kind, "x-grpc-web": "1", "authorization": f"Bearer {key}"}
    sent = base64.b64encode(framed(message)) if text else framed(message)
    url = f"http://{home.gateway.grpc_target}/cli2api.v1.{method}"
    async with aiohttp.ClientSession() as session, session.post(url, data=sent, headers=headers) as answer:
        assert answer.status == 200
        assert answer.content_type.startswith("application/grpc-web")
        body = await answer.read()
        found = list(frames(base64.b64decode(body) if text else body))
        told = {name.lower(): value for name, value in answer.headers.items()}
    for line in b"".join(content for flag, content in found if flag & TRAILERS).decode().split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            told[name.lower()] = value.strip()
    return [content for flag, content in found if not flag & TRAILERS], told


@pytest.mark.parametrize("text", [False, True])
async def test_a_unary_call_is_answered_with_trailers(home: House, text: bool) -> None:
    request = catalog_pb2.ListModelsRequest(page_size=2)
    (answer,), trailers = await called(home, "CatalogService/ListModels", request, text=text)
    assert len(catalog_pb2.ListModelsResponse.FromString(answer).models) == 2
    assert trailers["grpc-status"] == "0"


async def test_a_stream_comes_piece_by_piece(home: House) -> None:
    pieces, trailers = await called(home, "TextService/StreamGenerate", STREAM)
    events = [text_pb2.StreamGenerateResponse.FromString(each) for each in pieces]
    assert "".join(each.text.text for each in events) == "You said: from a page"
    assert trailers["grpc-status"] == "0"


async def test_a_failure_carries_its_reason(home: House) -> None:
    pieces, trailers = await called(home, "CatalogService/GetModel", catalog_pb2.GetModelRequest())
    told = trailers["grpc-status-details-bin"]
    status = status_pb2.Status.FromString(base64.b64decode(told + "=" * (-len(told) % 4)))
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (pieces, trailers["grpc-status"], info.reason) == ([], "3", "INVALID_REQUEST")


async def test_a_wrong_key_is_refused_by_the_core(home: House) -> None:
    pieces, trailers = await called(home, "CatalogService/ListModels", catalog_pb2.ListModelsRequest(), key="wrong")
    assert (pieces, trailers["grpc-status"]) == ([], "16")


@pytest.mark.parametrize("listener", ["rest", "grpc"])
async def test_a_browser_may_ask_without_a_key_and_pages_that_may_not_are_told_nothing(home: House, listener: str) -> None:
    base = home.gateway.rest_url if listener == "rest" else f"http://{home.gateway.grpc_target}"
    path = "/v1/chat/completions" if listener == "rest" else "/cli2api.v1.TextService/StreamGenerate"
    asks = {"access-control-request-method": "POST", "access-control-request-headers": "authorization,x-stainless-os"}
    async with aiohttp.ClientSession(base) as session:
        async with session.options(path, headers={"origin": "https://app.example.com", **asks}) as answer:
            assert answer.status == 200
            assert answer.headers["access-control-allow-origin"] == "https://app.example.com"
            assert answer.headers["access-control-allow-headers"] == "authorization, *"
            assert "access-control-allow-credentials" not in answer.headers
        async with session.options(path, headers={"origin": "https://evil.example.com", **asks}) as answer:
            assert "access-control-allow-origin" not in answer.headers


async def test_a_page_may_read_failures_too(home: House) -> None:
    headers = {"origin": "https://app.example.com", "authorization": "Bearer wrong"}
    async with home.http.get("/v1/models", headers=headers) as answer:
        assert answer.status == 401
        assert answer.headers["access-control-allow-origin"] == "https://app.example.com"
        assert "x-cli2api-job-id" in answer.headers["access-control-expose-headers"]


async def test_without_the_setting_no_page_may_call(short_path: Path) -> None:
    async with house(short_path) as home, home.http.get("/v1/models", headers={"origin": "https://app.example.com"}) as answer:
        assert answer.status == 200
        assert "access-control-allow-origin" not in answer.headers


CALL = """
async ([url, key, sent]) => {
  const body = Uint8Array.from(atob(sent), c => c.charCodeAt(0));
  const headers = {"content-type": "application/grpc-web+proto", "x-grpc-web": "1", "authorization": "Bearer " + key};
  const answer = await fetch(url, {method: "POST", headers, body});
  const bytes = new Uint8Array(await answer.arrayBuffer());
  return {id: answer.headers.get("x-request-id"), body: btoa(String.fromCharCode(...bytes))};
}
"""
CHAT = """
async ([url, key]) => {
  const headers = {"content-type": "application/json", "authorization": "Bearer " + key, "x-stainless-lang": "js"};
  const body = JSON.stringify({model: "gpt-5", messages: [{role: "user", content: "from a page"}]});
  const answer = await fetch(url + "/v1/chat/completions", {method: "POST", headers, body});
  return (await answer.json()).choices[0].message.content;
}
"""


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
async def test_a_real_browser_speaks_grpc_web_and_rest(home: House, page: str) -> None:
    url = f"http://{home.gateway.grpc_target}/cli2api.v1.TextService/StreamGenerate"
    async with asyncio.timeout(60), async_playwright() as engine:
        browser = await engine.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            opened = await browser.new_page()
            await opened.goto(page)
            told = await opened.evaluate(CALL, [url, KEY, base64.b64encode(framed(STREAM)).decode()])
            said = await opened.evaluate(CHAT, [home.gateway.rest_url, KEY])
        finally:
            await browser.close()
    found = list(frames(base64.b64decode(told["body"])))
    words = (text_pb2.StreamGenerateResponse.FromString(content).text.text for flag, content in found if not flag & TRAILERS)
    assert "".join(words) == said == "You said: from a page"
    assert b"grpc-status:0" in found[-1][1].replace(b" ", b"")
    assert told["id"]

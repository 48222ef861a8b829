"""What a body may be, and how each way of getting it wrong is told."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import urlsplit

import grpc
import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.body import decode_object, decode_text_head
from edge.errors import Failure
from tests.unit.edge.scripted import Core, chunk, edge_for, fails, fails_streaming, head

CHAT = "/v1/chat/completions"
IMAGES = "/v1/images/generations"


@pytest.mark.parametrize(
    ("raw", "param", "words"),
    [
        (b"", None, "the body is empty"),
        (b'{"model": "m",}', None, "byte 14"),
        (b'{"model": "m"', None, "not JSON"),
        (b'{"model": "\xff"}', None, "not UTF-8"),
        (b"[1]", None, "expected object, got array"),
        (b'{"model": NaN, "messages": [1]}', None, "not JSON"),
        (b"{model: 1}", None, r"^the body is not JSON: object keys must be strings \(byte 1\)$"),
        (b'{"model": 3, "messages": [1]}', "model", "expected str, got int"),
        (b'{"model": "", "messages": [1]}', "model", "required"),
        (b'{"messages": [1]}', "model", "required"),
        (b'{"model": "m"}', "messages", "^messages: required$"),
        (b'{"model": "m", "mesages": [1]}', "messages", r"^messages: required \(the body has `mesages`\)$"),
        (b'{"Model": "m", "messages": [1]}', "model", r"^model: required \(the body has `Model`\)$"),
        (b'{"model": "m", "mes": [1], "usage": 1}', "messages", "^messages: required$"),
        (b'{"model": "m", "mesages": [1]} {', "messages", "^messages: required$"),
        (b'{"model": "m", "m\xff": 1}', "messages", "^messages: required$"),
        (b'{"model": "m", "messages": []}', "messages", "at least one"),
        (b'{"model": "m", "messages": {}}', "messages", "expected array, got object"),
        (b'{"model": "m", "messages": [1], "stream": "yes"}', "stream", "expected bool"),
        (b'{"model": "m", "messages": ' + b"[" * 100_000, None, "nested too deeply"),
    ],
)
def test_a_bad_chat_body_is_told_by_field_or_place(raw: bytes, param: str | None, words: str) -> None:
    with pytest.raises(Failure, match=words) as caught:
        decode_text_head(raw)
    assert (caught.value.reason, caught.value.param) == ("INVALID_REQUEST", param)


async def test_a_bad_body_is_400_in_openais_shape(core: Core, http: httpx2.AsyncClient) -> None:
    answer = await http.post(CHAT, content=b'{"messages": [1]}')

    assert answer.status_code == 400
    assert answer.json() == {
        "error": {"message": "model: required", "type": "invalid_request_error", "param": "model", "code": "invalid_request"}
    }
    assert core.requests == []


async def test_an_encoded_body_is_refused_by_name(http: httpx2.AsyncClient) -> None:
    answer = await http.post(CHAT, content=b"\x1f\x8b", headers={"content-encoding": "br"})

    assert answer.status_code == 400
    assert 'content-encoding "br"' in answer.json()["error"]["message"]


async def test_a_body_that_announces_too_much_is_refused(core: Core) -> None:
    async with edge_for(core.target, CLI2API_MAX_BODY="64KB") as url, httpx2.AsyncClient(base_url=url) as http:
        answer = await http.post(CHAT, content=b"x" * 70_000)

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "request_too_large"
    assert "request body too large" in answer.json()["error"]["message"]


async def test_a_body_in_chunks_is_refused_where_it_passes_the_limit(core: Core) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(80):
            yield b"x" * 1024

    async with edge_for(core.target, CLI2API_MAX_BODY="64KB") as url, httpx2.AsyncClient(base_url=url) as http:
        answer = await http.post(CHAT, content=endless())
        alive = await http.get("/healthz")

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "request_too_large")
    assert alive.status_code == 200


async def test_a_body_of_many_megabytes_passes_whole(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["Relay"] = [head(), chunk(b"ok")]
    raw = json.dumps({"model": "m", "messages": ["x" * (20 << 20)]}).encode()

    answer = await http.post(CHAT, content=raw)

    assert answer.content == b"ok"
    assert core.last().body == raw


async def test_a_caller_that_leaves_in_the_middle_of_its_body_harms_nobody(core: Core, url: str) -> None:
    parts = urlsplit(url)
    _, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{")
    await writer.drain()
    writer.close()
    await writer.wait_closed()

    async with httpx2.AsyncClient(base_url=url) as http:
        assert (await http.get("/healthz")).json() == {"status": "ok"}
    assert core.requests == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    [
        *("model", "prompt", "input", "n", "size", "seed", "images", "voice", "speed", "seconds", "stream", "style"),
        *("response_format", "input_reference", "generate_audio", "messages", "instructions", "extra_field"),
    ]
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=200))
def test_random_bytes_are_refused_or_read(raw: bytes) -> None:
    for decode in (decode_object, decode_text_head):
        assert _refusal(decode, raw) in {None, "INVALID_REQUEST"}


def _refusal(decode: Callable[[bytes], object], raw: bytes) -> str | None:
    try:
        decode(raw)
    except Failure as failure:
        return failure.reason
    return None


async def test_random_documents_never_are_a_fault_of_ours(core: Core, http: httpx2.AsyncClient) -> None:
    """Whatever is asked, the answer is a refusal of the caller's request or what the core says."""
    refused = fails(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    refused_stream = fails_streaming(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    core.answers |= {"GenerateImages": refused, "SynthesizeSpeech": refused_stream, "CreateVideo": refused}
    samples: list[bytes] = []

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.dictionaries(NAMES, JSON, max_size=8) | JSON)
    def collect(document: Any) -> None:
        samples.append(json.dumps(document).encode())

    collect()
    for raw in samples:
        for path in (IMAGES, "/v1/audio/speech", "/v1/videos"):
            answer = await http.post(path, content=raw)
            assert answer.status_code == 400, (path, raw, answer.text)

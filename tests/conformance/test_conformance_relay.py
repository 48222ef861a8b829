"""What is relayed is what MuleRun said: the same call, made directly and through the gateway, gives the same bytes."""

import json
import re
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from aiohttp import ClientSession
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.options import Options
from simulator.server import KEY as UPSTREAM_KEY
from tests.conformance.texts import VERSION
from tests.wire.house import House, house

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]

NOON: Final = 1_767_268_800.0
PATH: Final = "/v1/chat/completions"
MESSAGES: Final = "/v1/messages"
RESPONSES: Final = "/v1/responses"
_REQUEST_ID: Final = re.compile(rb"req_[0-9a-f]{32}")
"""MuleRun gives every call another; errors of Messages repeat it in their body."""
UPSTREAM_PATH: Final = {RESPONSES: "/vendors/openai/v1/responses"}
"""Where MuleRun's path is another."""


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="home")
async def _home(module_path: Path) -> AsyncGenerator[House]:
    """One whose MuleRun's clock stands still, so that the same call gets the same answer twice."""
    async with house(module_path, options=Options(now=lambda: NOON), CLI2API_TEXT_PATH="relay") as home:
        yield home


@dataclass(frozen=True)
class Answer:
    """All of an answer that is not about the hop it came over."""

    status: int
    content_type: str
    retry_after: str | None
    body: bytes


async def ask(session: ClientSession, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """The answer to one call."""
    async with session.post(url, data=body, headers={"content-type": "application/json", **headers}) as answer:
        content = _REQUEST_ID.sub(b"req_", await answer.read())
        return Answer(answer.status, answer.headers["content-type"], answer.headers.get("retry-after"), content)


async def both(home: House, body: bytes, path: str = PATH) -> tuple[Answer, Answer]:
    """The direct answer and the gateway's, to the same bytes."""
    key = {"x-api-key": UPSTREAM_KEY} if path == MESSAGES else {"authorization": f"Bearer {UPSTREAM_KEY}"}
    async with ClientSession() as session:
        direct = await ask(session, home.simulator.url + UPSTREAM_PATH.get(path, path), body, {**VERSION, **key})
    return direct, await ask(home.http, path, body, VERSION)


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
messages = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["system", "user", "assistant"]), "content": text.map(lambda said: said or "?")}
    ),
    min_size=1,
    max_size=4,
)
known: dict[str, st.SearchStrategy[Any]] = {
    "stream": st.booleans(),
    "n": st.integers(1, 3),
    "temperature": st.floats(-1, 3),
    "max_completion_tokens": st.integers(0, 6),
    "stop": text | st.lists(text, max_size=2),
    "seed": st.integers(-(2**63), 2**63 - 1),
}
unknown = st.dictionaries(text.map(lambda name: f"x_{name}"), json_values, max_size=3)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Chat bodies as any client might write them: fields known and unknown, in any order, in any spelling of JSON."""
    model: st.SearchStrategy[Any] = st.sampled_from(["gpt-5", "claude-haiku-4-5", "no-such-model"])
    fields = {**draw(st.fixed_dictionaries({"model": model, "messages": messages}, optional=known)), **draw(unknown)}
    ordered = {name: fields[name] for name in draw(st.permutations(sorted(fields)))}
    spaced = draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", " :\t")]))
    return json.dumps(ordered, ensure_ascii=draw(st.booleans()), separators=spaced).encode()


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=bodies())
async def test_any_chat_body_gets_the_same_bytes_as_directly(home: House, body: bytes) -> None:
    direct, relayed = await both(home, body)
    seen_directly, seen_relayed = home.simulator.requests[-2:]

    assert relayed == direct
    assert seen_relayed.body == seen_directly.body == body


@pytest.mark.parametrize("split", [1, 3, 7])
async def test_a_stream_that_is_cut_anywhere_is_the_same_stream(home: House, split: int) -> None:
    prompt = f'Grüße, 世界 🌍 [[sim:{{"split":{split}}}]]'
    body = json.dumps({"model": "gpt-5", "stream": True, "messages": [{"role": "user", "content": prompt}]}).encode()
    direct, relayed = await both(home, body)

    assert relayed == direct
    assert relayed.body.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("status", [400, 404, 408, 409, 422, 429, 500, 503, 529])
async def test_an_upstream_error_passes_as_it_is(home: House, status: int) -> None:
    for wish in ({"stream": True}, {}):
        prompt = f'x [[sim:{{"status":{status},"retry_after":7}}]]'
        body = json.dumps({"model": "gpt-5", "messages": [{"role": "user", "content": prompt}], **wish}).encode()
        direct, relayed = await both(home, body)

        assert relayed == direct
        assert (relayed.status, relayed.retry_after) == (status, "7")


async def test_an_error_page_that_is_no_json_passes_as_it_is(home: House) -> None:
    prompt = 'x [[sim:{"status":502,"body":"<html>bad gateway</html>"}]]'
    body = json.dumps({"model": "gpt-5", "messages": [{"role": "user", "content": prompt}]}).encode()
    direct, relayed = await both(home, body)

    assert relayed == direct
    assert relayed.body == b"<html>bad gateway</html>"


OTHER_DIALECTS: Final[Mapping[str, tuple[str, dict[str, Any]]]] = {
    "messages": (
        MESSAGES,
        {"model": "claude-sonnet-4-6", "max_tokens": 9, "messages": [{"role": "user", "content": "Grüße 🌍"}]},
    ),
    "responses": (RESPONSES, {"model": "gpt-5", "input": "Grüße 🌍", "seed": 2**63, "metadata": {"z": "1", "a": "2"}}),
    "refused messages": (MESSAGES, {"model": "claude-sonnet-4-6", "messages": [{"role": "user", "content": "no limit"}]}),
    "refused responses": (RESPONSES, {"model": "gpt-5", "input": "too warm", "temperature": 9}),
}


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole answer"])
@pytest.mark.parametrize(("path", "wish"), OTHER_DIALECTS.values(), ids=OTHER_DIALECTS.keys())
async def test_other_dialects_get_the_same_bytes_as_directly(home: House, path: str, wish: dict[str, Any], stream: bool) -> None:
    body = json.dumps({**wish, "stream": stream}, indent=1, ensure_ascii=False).encode()
    direct, relayed = await both(home, body, path)
    seen_directly, seen_relayed = home.simulator.requests[-2:]

    assert relayed == direct
    assert seen_relayed.body == seen_directly.body == body

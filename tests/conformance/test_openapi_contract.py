"""The running gateway keeps what its own OpenAPI document says, whatever is sent to it: no fault, no answer off the schema."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import hypothesis
import pytest
import schemathesis
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance

from edge.schemas.operations import OPERATIONS
from edge.schemas.transcoded import TRANSCODED
from tests.wire.house import KEY, House

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]

TRIES: Final = 15
MODELS: Final[Mapping[str, str]] = {
    "/v1/chat/completions": "gpt-5-mini",
    "/v1/completions": "gpt-5-mini",
    "/v1/responses": "gpt-5-mini",
    "/v1/messages": "claude-sonnet-5",
    "/v1/images/generations": "wan2.6-t2i",
    "/v1/images/edits": "nano-banana-pro-edit",
    "/v1/audio/speech": "speech-2.8-turbo",
    "/v1/audio/music": "music-2.0",
    "/v1/videos": "wan2.6-t2v",
    "/v1/text:generate": "gpt-5-mini",
    "/v1/media/images:generate": "wan2.6-t2i",
    "/v1/media/images:edit": "nano-banana-pro-edit",
    "/v1/media/videos": "wan2.6-t2v",
    "/v1/media/music": "music-2.0",
}
"""Every other body names one of these, so that not only the model is refused."""


@pytest.mark.parametrize(("method", "path"), sorted({**OPERATIONS, **TRANSCODED}))
async def test_an_operation_keeps_its_word(home: House, method: str, path: str) -> None:
    async with home.http.get("/openapi.json") as answer:
        document = await answer.json()

    await asyncio.to_thread(_try, home.gateway.rest_url, document, method, path)


def _try(url: str, document: dict[str, Any], method: str, path: str) -> None:
    operation = schemathesis.openapi.from_dict(document)[path][method]
    cases = operation.as_strategy()
    if method == "POST":
        cases = cases | operation.as_strategy(GenerationMode.NEGATIVE)

    @hypothesis.settings(
        max_examples=TRIES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(case=cases, named=hypothesis.strategies.booleans())
    def keeps_its_word(case: schemathesis.Case[Any], named: bool) -> None:
        if named and path in MODELS and isinstance(case.body, dict):
            case.body = {**case.body, "model": MODELS[path]}
        case.call_and_validate(
            base_url=url,
            headers={"authorization": f"Bearer {KEY}"},
            checks=[not_a_server_error, response_schema_conformance],
            timeout=20,
        )

    keeps_its_word()

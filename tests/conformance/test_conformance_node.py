"""The SDKs for Node, over the real Envoy. Skipped, saying why, where there is no Node or its packages cannot be had."""

import asyncio
import json
import os
from asyncio.subprocess import PIPE
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from tests.npm import node_with
from tests.wire.house import KEY, House

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]

SCRIPTS: Final = Path(__file__).parent / "node"
FOLDER: Final = Path(__file__).parents[2] / "build" / "conformance-node"


@pytest.fixture(scope="module", name="node")
def _node() -> str:
    """The Node that runs the scripts in `FOLDER`, with their packages beside them."""
    return node_with(SCRIPTS, FOLDER)


async def heard_by(node: str, script: str, home: House) -> Mapping[str, Any]:
    """What the script heard from the house. It has to succeed."""
    environ = {**os.environ, "BASE_URL": home.gateway.rest_url, "API_KEY": KEY}
    process = await asyncio.create_subprocess_exec(node, script, cwd=FOLDER, env=environ, stdout=PIPE, stderr=PIPE)
    try:
        async with asyncio.timeout(60):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, err.decode()
    heard: dict[str, Any] = json.loads(out)
    return heard


async def test_the_openai_sdk_hears_text_pictures_sound_and_clips(node: str, home: House) -> None:
    heard = await heard_by(node, "openai.mjs", home)

    assert heard["whole"] == heard["streamed"] == heard["responses"] == "You said: good morning"
    assert heard["pieces"] > 3
    assert heard["tools"] == "The tool said: sun in Lisbon"
    assert heard["picture"] == "PNG"
    assert heard["edited"] == ["string"]
    assert heard["speech"] == "RIFF"
    assert heard["video"] == ["completed", "ftyp"]
    assert heard["models"] is True
    assert heard["throttled"] == ["RateLimitError", 429]


async def test_the_anthropic_sdk_hears_its_own_model_and_a_translated_one(node: str, home: House) -> None:
    heard = await heard_by(node, "anthropic.mjs", home)

    expected = {
        "whole": "You said: good morning",
        "streamed": "You said: good morning",
        "call": ["tool_use", "weather", {"city": "Lisbon"}],
    }
    assert heard == {"claude-sonnet-4-6": expected, "gpt-5": expected, "overloaded": 529}


async def test_the_ai_sdk_hears_text_tools_and_pictures(node: str, home: House) -> None:
    heard = await heard_by(node, "ai.mjs", home)

    assert heard["whole"] == heard["streamed"] == "You said: good morning"
    assert heard["pieces"] > 3
    assert heard["tokens"] == 6
    assert heard["tools"] == "The tool said: sun in Lisbon / sun in Oslo"
    assert heard["picture"] == "PNG"
    assert heard["throttled"] == 429

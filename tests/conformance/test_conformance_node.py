"""The SDKs for Node, over the real Envoy. Skipped, saying why, where there is no Node or its packages cannot be had."""

import asyncio
import json
import os
import shutil
from asyncio.subprocess import PIPE
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from subprocess import run
from typing import Any, Final

import pytest
from filelock import FileLock

from tests.wire.house import KEY, House

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]

SCRIPTS: Final = Path(__file__).parent / "node"
FOLDER: Final = Path(__file__).parents[2] / "build" / "conformance-node"
LEAST_NODE: Final = 20


@pytest.fixture(scope="module", name="node")
def _node() -> str:
    """The Node that runs the scripts in `FOLDER`, with their packages beside them."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip(f"the SDKs for Node are not tested: node and npm {LEAST_NODE} or newer are not on this machine's PATH")
    version = run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.lstrip("v").partition(".")[0]) < LEAST_NODE:
        pytest.skip(f"the SDKs for Node are not tested: they need node {LEAST_NODE} or newer, this is {version}")
    if complaint := _install(npm):
        pytest.skip(f"the SDKs for Node are not tested: npm could not install them ({complaint})")
    return node


@cache
def _install(npm: str) -> str:
    """Puts scripts and packages into `FOLDER`; what npm complains of, or nothing."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with FileLock(FOLDER / ".lock"):
        wanted = (SCRIPTS / "package.json").read_text(encoding="utf-8")
        installed = FOLDER / "installed.json"
        for script in SCRIPTS.glob("*.mjs"):
            shutil.copy(script, FOLDER)
        if installed.exists() and installed.read_text(encoding="utf-8") == wanted:
            return ""
        shutil.copy(SCRIPTS / "package.json", FOLDER)
        quiet = ("--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--fetch-retries=0")
        done = run([npm, "install", *quiet], cwd=FOLDER, capture_output=True, text=True, check=False, timeout=100)
        if done.returncode:
            return next((line for line in done.stderr.splitlines() if line), f"exit code {done.returncode}")
        installed.write_text(wanted, encoding="utf-8")
        return ""


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

"""The examples and the cheat sheet run as they are written, against the real gateway."""

import asyncio
import json
import os
import re
import shlex
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio

from tests.npm import ROOT, node_with
from tests.wire.house import KEY, House, house

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]

CHEATS: Final = re.findall(r"^```sh\n(.*?)^```", (ROOT / "docs/grpcurl.md").read_text(), flags=re.MULTILINE | re.DOTALL)
STANDS_FOR: Final = "127.0.0.1:50051"
FLAGS: Final = {"-d": "--data", "-H": "--header"}
"""grpcurl's flags that buf curl has by another name."""


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="home")
async def _home(module_path: Path) -> AsyncGenerator[House]:
    async with house(module_path) as home:
        yield home


async def output_of(*argv: str | Path, cwd: Path, **environ: str) -> str:
    """What a program prints; it has to succeed."""
    process = await asyncio.create_subprocess_exec(*argv, cwd=cwd, env={**os.environ, **environ}, stdout=PIPE, stderr=PIPE)
    try:
        async with asyncio.timeout(60):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, err.decode()
    return out.decode()


async def test_the_python_tour_on_asyncio(home: House, tmp_path: Path) -> None:
    said = await output_of(sys.executable, ROOT / "examples/python/tour.py", home.gateway.grpc_target, KEY, cwd=tmp_path)

    lines = said.splitlines()
    assert re.fullmatch(r"You said: Good morning! \(\d+ tokens\)", lines[0])
    assert lines[1] == 'the model calls weather with {"city": "Lisbon"}'
    assert lines[-3] == "JOB_STATE_SUCCEEDED 100 %"
    assert lines[-2].endswith("dusk.mp4")
    assert lines[-1] == "INVALID_REQUEST: seconds"
    assert (tmp_path / "demo-output" / "dusk.mp4").read_bytes()[4:8] == b"ftyp"


async def test_the_python_tour_without_an_event_loop(home: House, tmp_path: Path) -> None:
    said = await output_of(sys.executable, ROOT / "examples/python/tour_sync.py", home.gateway.grpc_target, KEY, cwd=tmp_path)

    text, clip, missing = said.splitlines()
    assert text == "You said: Good morning!"
    assert clip == "JOB_STATE_SUCCEEDED demo-output/dawn.mp4"
    assert missing.startswith("JOB_NOT_FOUND: there is no job 'video_none'")
    assert (tmp_path / "demo-output" / "dawn.mp4").read_bytes()[4:8] == b"ftyp"


async def test_the_tour_from_node(home: House) -> None:
    folder = ROOT / "build" / "example-node"
    node = node_with(ROOT / "examples/node", folder)

    said = await output_of(node, "tour.mjs", home.gateway.grpc_target, KEY, cwd=folder, PROTOS=str(ROOT / "proto"))

    lines = said.splitlines()
    assert lines[:2] == ["You said: Good morning!", "the same job"]
    assert lines[-2] == "JOB_STATE_SUCCEEDED 100 %"
    assert lines[-1].startswith("NOT_FOUND there is no job 'video_none'")


def as_buf_curl(call: str, target: str, job: str) -> Sequence[str]:
    """A grpcurl call of the cheat sheet in buf curl's words, to the gateway that runs here."""
    words = shlex.split(call.replace("\\\n", " ").replace('"JOB"', json.dumps(job)))
    assert words[:2] == ["grpcurl", "-plaintext"]
    *flags, address, method = words[2:]
    assert address == STANDS_FOR
    if "-max-time" in flags:
        place = flags.index("-max-time")
        del flags[place : place + 2]
    theirs = [FLAGS.get(flag, flag) for flag in flags]
    return [
        *("curl", "--protocol", "grpc", "--http2-prior-knowledge", "--reflect-protocol", "grpc-v1alpha"),
        *("--header", f"authorization: Bearer {KEY}", "--reflect-header", f"authorization: Bearer {KEY}", *theirs),
        f"http://{target}/{method}",
    ]


def answers_in(said: str) -> list[dict[str, Any]]:
    """The JSON objects that were printed one after another."""
    found, decoder = [], json.JSONDecoder()
    while said := said.lstrip():
        answer, end = decoder.raw_decode(said)
        found.append(answer)
        said = said[end:]
    return found


async def test_every_call_of_the_cheat_sheet_is_answered(home: House, tmp_path: Path) -> None:
    buf = Path(sys.executable).with_name("buf")
    heard: dict[str, list[list[dict[str, Any]]]] = {}
    job = ""
    for cheat in CHEATS:
        argv = as_buf_curl(cheat, home.gateway.grpc_target, job)
        answers = answers_in(await output_of(buf, *argv, cwd=tmp_path, HOME=str(tmp_path)))
        method = argv[-1].rpartition("/")[2]
        heard.setdefault(method, []).append(answers)
        if method == "CreateVideo":
            job = answers[0]["job"]["id"]

    whole, tool, _ = heard["Generate"]
    assert whole[0]["candidates"][0]["message"]["parts"] == [{"text": "You said: Good morning!"}]
    assert json.loads(tool[0]["candidates"][0]["message"]["parts"][0]["toolCall"]["argumentsJson"]) == {"city": "Lisbon"}
    assert "".join(each["text"]["text"] for each in heard["StreamGenerate"][0] if "text" in each) == "You said: Good morning!"
    bodies: list[Any] = [seen.json for seen in home.simulator.requests if seen.path == "/v1/chat/completions"]
    assert [body["logit_bias"] for body in bodies if "logit_bias" in body] == [{"50256": -100}]
    assert heard["GenerateImages"][0][0]["job"]["state"] == "JOB_STATE_SUCCEEDED"
    assert heard["GenerateImages"][0][0]["job"]["requestId"] == "letter-1"
    assert "head" in heard["SynthesizeSpeech"][0][0]
    assert heard["WatchJob"][0][-1]["job"]["state"] == "JOB_STATE_SUCCEEDED"
    assert heard["WaitJob"][0][0]["job"]["id"] == job
    assert job in [each["id"] for each in heard["ListJobs"][0][0]["jobs"]]
    assert heard["DownloadAsset"][0][0]["head"]["mimeType"] == "video/mp4"
    assert heard["DeleteJob"][0] == [{"id": job, "deleted": True}]
    assert "wan2.6-t2v" in [each["id"] for each in heard["ListModels"][0][0]["models"]]
    assert heard["GetModel"][0][0]["model"]["kind"] == "MODEL_KIND_VIDEO"
    assert "totals" in heard["QueryUsage"][0][0]
    assert heard["Check"][0] == [{"status": "SERVING"}]

"""The words of the command line."""

import asyncio
import os
import re
import signal
import subprocess
import sys

import httpx2
import pytest

from cli.__main__ import VERBS, main


def test_without_a_verb_it_prints_its_verbs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0

    shown = capsys.readouterr().out
    assert [verb for verb in VERBS if verb not in shown] == []


def test_it_tells_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])

    assert ended.value.code == 0
    assert re.fullmatch(r"cli2api \d+\.\d+\.\d+\n", capsys.readouterr().out)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([verb, "--help"])

    assert ended.value.code == 0
    assert f"usage: cli2api {verb}" in capsys.readouterr().out


def test_a_word_that_is_no_verb_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["sreve"])

    assert ended.value.code == 2
    assert "'serve'" in capsys.readouterr().err


def test_the_simulator_says_how_to_use_it_and_stops_when_told() -> None:
    argv = [sys.executable, "-P", "-m", "cli", "simulate", "--port", "0"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as process:
        assert process.stdout is not None
        said = "".join(process.stdout.readline() for _ in range(6))
        found = re.search(r"MULERUN_API_BASE_URL=(http://127\.0\.0\.1:\d+)\n", said)
        assert found is not None
        token = re.search(r"MULERUN_TOKEN=(muk-\S+)\n", said)
        assert token is not None
        answer = httpx2.get(f"{found[1]}/v1/models", headers={"authorization": f"Bearer {token[1]}"})
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0

    assert answer.status_code == 200


async def test_the_simulator_names_a_port_in_use() -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "cli", "simulate", "--port", str(port)), stderr=asyncio.subprocess.PIPE
        )
        _, stderr = await process.communicate()

    assert process.returncode == 1
    assert stderr.decode().startswith(f"cli2api: 127.0.0.1:{port} cannot be listened on")


def test_ctrl_c_while_a_verb_is_still_being_imported_ends_it_without_a_stack() -> None:
    pressed = """
import signal, sys
from cli.__main__ import main

class Pressing:
    def find_spec(self, name, path=None, target=None):
        if name == "cli.serve":
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, Pressing())
sys.exit(main(["serve"]))
"""
    done = subprocess.run([sys.executable, "-P", "-c", pressed], stderr=subprocess.PIPE, text=True, check=False)

    assert (done.returncode, done.stderr) == (130, "")

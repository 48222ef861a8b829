"""`cli2api jobs redeliver` against a real core that tells a receiver on loopback."""

import base64
import json
from pathlib import Path

import pytest

from tests.core import world
from tests.hosts import Says, ScriptedHost
from tests.unit.assets.world import until
from tests.unit.cli.test_jobs_command import Shell

SECRET = f"whsec_{base64.b64encode(b'secret' * 5).decode()}"


async def test_an_end_that_was_told_is_told_once_more(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with ScriptedHost() as receiver:
        receiver.say(Says())
        settings = {"CLI2API_NOTIFY_URL": receiver.url, "CLI2API_NOTIFY_SECRETS": SECRET, "CLI2API_NOTIFY_ALLOW_PRIVATE": "1"}
        async with world(tmp_path, None, **settings) as gateway:
            shell = Shell(gateway, capsys)
            job_id = await shell.video()
            await until(lambda: len(receiver.seen) == 1)
            said = await shell.run("redeliver", job_id)
            await until(lambda: len(receiver.seen) == 2)
            shown = await shell.told("redeliver", job_id)
            await until(lambda: len(receiver.seen) == 3)
            unknown = await shell.run("redeliver", "video_01k9yq4m8s0123456789abcdef")

    assert said == (0, f"that {job_id} has succeeded is told once more\n", "")
    assert (shown["id"], shown["state"]) == (job_id, "JOB_STATE_SUCCEEDED")
    assert len({(message.headers["webhook-id"], message.body) for message in receiver.seen}) == 1
    assert json.loads(receiver.seen[2].body)["data"]["id"] == job_id
    assert unknown[0] == 1
    assert "no job" in unknown[2]


async def test_a_gateway_that_tells_nobody_names_the_setting(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with world(tmp_path) as gateway:
        shell = Shell(gateway, capsys)
        job_id = await shell.video()
        await shell.run("wait", job_id)
        code, _, err = await shell.run("redeliver", job_id)

    assert code == 1
    assert "CLI2API_NOTIFY_URL" in err

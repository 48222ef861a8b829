"""`cli2api jobs` against a real core in front of a simulated MuleRun."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from cli2api.v1 import media_pb2

from cli.__main__ import main
from simulator.faults import Fault, TaskScript
from simulator.options import ByHand, Options
from tests.core import World, world
from tests.hosts import closed_port

VIDEO = media_pb2.CreateVideoRequest(model="sora-2", prompt="a fox\n\x1b[31m at dawn", seconds="4")


class Shell:
    """Types commands at a gateway."""

    def __init__(self, gateway: World, capsys: pytest.CaptureFixture[str]) -> None:
        self.gateway = gateway
        self._capsys = capsys

    async def run(self, *words: str) -> tuple[int, str, str]:
        argv = ["jobs", *words, "--target", self.gateway.core.target]
        code = await asyncio.to_thread(main, argv)
        told = self._capsys.readouterr()
        return code, told.out, told.err

    async def told(self, *words: str) -> Any:
        code, out, err = await self.run(*words, "--json")
        assert (code, err) == (0, "")
        return json.loads(out)

    async def video(self) -> str:
        return (await self.gateway.media.CreateVideo(VIDEO)).job.id


@pytest.fixture
async def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> AsyncGenerator[Shell, None]:
    """Tasks are done at the third poll."""
    async with world(tmp_path / "state") as gateway:
        yield Shell(gateway, capsys)


@pytest.fixture
async def patient(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> AsyncGenerator[Shell, None]:
    """Tasks end when the test says so."""
    async with world(tmp_path / "state", Options(pace=ByHand())) as gateway:
        yield Shell(gateway, capsys)


async def test_an_empty_list_says_so(shell: Shell) -> None:
    assert await shell.run("list") == (0, "no jobs\n", "")
    assert await shell.told("list") == []


async def test_a_list_is_a_table_newest_first(patient: Shell) -> None:
    made = [await patient.video() for _ in range(2)]
    code, out, _ = await patient.run("list")
    head, *rows = out.splitlines()
    assert (code, head.split()) == (0, ["ID", "KIND", "STATE", "DONE", "MODEL", "CREATED", "PROMPT"])
    assert [row.split()[:2] for row in rows] == [[job_id, "video"] for job_id in made[::-1]]
    assert rows[0].endswith("a fox  [31m at dawn")


async def test_a_list_can_be_narrowed_turned_round_and_cut(patient: Shell) -> None:
    made = [await patient.video() for _ in range(3)]
    listed = await patient.told("list", "--oldest-first", "--limit", "2", "--kind", "video", "--model", "sora-2")
    assert [job["id"] for job in listed] == made[:2]
    assert await patient.told("list", "--kind", "music") == []
    assert await patient.told("list", "--state", "failed", "--state", "succeeded") == []


async def test_a_long_list_is_read_page_by_page(patient: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.jobs.verbs._LONGEST_PAGE", 2)
    made = [await patient.video() for _ in range(5)]
    assert [job["id"] for job in await patient.told("list", "--limit", "100")] == made[::-1]


async def test_a_job_is_shown_with_all_that_is_known(shell: Shell) -> None:
    job_id = await shell.video()
    await shell.run("wait", job_id)
    code, out, _ = await shell.run("show", job_id)
    facts = dict(line.split(None, 1) for line in out.splitlines() if not line.startswith("asset"))
    assert (code, facts["id"], facts["state"], facts["seconds"]) == (0, job_id, "succeeded, 100 %", "4")
    assert out.splitlines()[-1].startswith("asset 0")
    assert (await shell.told("show", job_id))["assets"][0]["mime_type"] == "video/mp4"


async def test_waiting_shows_the_job_at_its_end(shell: Shell) -> None:
    job = await shell.told("wait", await shell.video())
    assert (job["state"], job["progress"]) == ("JOB_STATE_SUCCEEDED", 100)


async def test_waiting_for_a_job_that_fails_is_a_failure_that_says_why(shell: Shell) -> None:
    shell.gateway.upstream.fault(Fault(task=TaskScript(fail=3001)), method="POST")
    job_id = await shell.video()
    code, out, err = await shell.run("wait", job_id)
    assert code == 1
    assert "VENDOR_ERROR" in out
    assert err.startswith(f"cli2api: job {job_id} failed: the vendor failed the task")


async def test_waiting_ends_at_its_timeout_and_says_that_the_job_goes_on(patient: Shell) -> None:
    job_id = await patient.video()
    code, out, err = await patient.run("wait", job_id, "--timeout", "300ms")
    assert (code, job_id in out) == (1, True)
    assert err == f"cli2api: job {job_id} is queued after 0.3 s; it goes on, wait for it again\n"


async def test_a_watch_tells_every_change_on_a_line_of_its_own(shell: Shell) -> None:
    job_id = await shell.video()
    code, out, _ = await shell.run("watch", job_id, "--json")
    revisions = [int(json.loads(line)["revision"]) for line in out.splitlines()]
    assert code == 0
    assert revisions == sorted(set(revisions))
    _, out, _ = await shell.run("watch", job_id)
    assert out.splitlines()[-1].endswith("succeeded   100 %")


async def test_a_watch_begins_after_a_revision(shell: Shell) -> None:
    job_id = await shell.video()
    revision = (await shell.told("wait", job_id))["revision"]
    assert await shell.run("watch", job_id, "--after", revision) == (0, "", "")


async def test_a_download_is_a_file_named_after_its_job(shell: Shell, tmp_path: Path) -> None:
    job_id = await shell.video()
    await shell.run("wait", job_id)
    code, out, _ = await shell.run("download", job_id, "--output", str(tmp_path / "new" / "folder"))
    path = tmp_path / "new" / "folder" / f"{job_id}.mp4"
    assert code == 0
    assert out == f"{path}  {path.stat().st_size:,} bytes, video/mp4\n"
    assert path.read_bytes()[4:8] == b"ftyp"
    assert os.listdir(path.parent) == [path.name]


async def test_a_file_that_is_there_is_written_over_only_by_force(shell: Shell, tmp_path: Path) -> None:
    job_id = await shell.video()
    await shell.run("wait", job_id)
    path = tmp_path / f"{job_id}.mp4"
    path.write_bytes(b"mine")
    code, _, err = await shell.run("download", job_id, "--output", str(tmp_path))
    assert (code, path.read_bytes()) == (1, b"mine")
    assert err == f"cli2api: {path} is there already: give --force to write over it, or another --output\n"
    assert (await shell.run("download", job_id, "--output", str(tmp_path), "--force"))[0] == 0
    assert path.read_bytes()[4:8] == b"ftyp"


async def test_each_of_several_assets_is_a_file_with_its_number(shell: Shell, tmp_path: Path) -> None:
    wish = media_pb2.GenerateImagesRequest(model="gpt-image-2", prompt="a fox", n=2)
    job_id = (await shell.gateway.media.GenerateImages(wish)).job.id
    saved = await shell.told("download", job_id, "--output", str(tmp_path))
    assert [each["path"] for each in saved] == [str(tmp_path / f"{job_id}-{number}.png") for number in (0, 1)]
    (tmp_path / f"{job_id}-1.png").unlink()
    only = await shell.told("download", job_id, "--output", str(tmp_path), "--index", "1")
    assert [each["path"] for each in only] == [str(tmp_path / f"{job_id}-1.png")]


async def test_a_job_that_is_not_done_has_nothing_to_download(patient: Shell) -> None:
    job_id = await patient.video()
    code, _, err = await patient.run("download", job_id)
    assert code == 1
    assert err == f"cli2api: job {job_id} is queued; its assets are there when it has succeeded\n"


async def test_a_deleted_job_is_gone_and_what_goes_on_is_told(patient: Shell) -> None:
    job_id = await patient.video()
    code, out, _ = await patient.run("delete", job_id)
    assert (code, out) == (0, f"{job_id} is forgotten; its task goes on upstream and is billed\n")
    assert await patient.told("list") == []


@pytest.mark.parametrize("verb", ["show", "watch", "wait", "download", "delete"])
async def test_an_unknown_job_is_named(shell: Shell, verb: str) -> None:
    code, out, err = await shell.run(verb, "video_0")
    assert (code, out) == (1, "")
    assert err == "cli2api: there is no job 'video_0'; it was deleted, has expired, or never was\n"


def test_a_gateway_that_does_not_run_is_told_how_to_start(capsys: pytest.CaptureFixture[str]) -> None:
    target = f"127.0.0.1:{closed_port()}"
    assert main(["jobs", "list", "--target", target]) == 1
    fix = "start it with `cli2api serve`, or name another one with --target"
    assert capsys.readouterr().err == f"cli2api: the gateway at {target} does not answer: {fix}\n"


def test_a_gateway_with_certificates_is_asked_inside_and_named_by_its_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for setting in ("CLI2API_TLS_CERT", "CLI2API_TLS_KEY"):
        (tmp_path / setting).touch()
        monkeypatch.setenv(setting, str(tmp_path / setting))
    monkeypatch.setenv("CLI2API_STATE_DIR", str(tmp_path))
    assert main(["jobs", "list"]) == 1
    assert capsys.readouterr().err.startswith(f"cli2api: the gateway of {tmp_path} does not answer: start it")


async def test_a_key_is_asked_for_and_taken_from_the_flag_or_the_environment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path, CLI2API_API_KEYS="one,two") as gateway:
        shell = Shell(gateway, capsys)
        code, _, err = await shell.run("list")
        assert (code, err.endswith("set CLI2API_API_KEYS as it has them, or --key\n")) == (1, True)
        assert await shell.told("list", "--key", "two") == []
        monkeypatch.setenv("CLI2API_API_KEYS", "one,other")
        assert await shell.told("list") == []


def test_a_setting_that_cannot_be_used_is_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLI2API_GRPC_PORT", "0")
    assert main(["jobs", "list"]) == 1
    assert "name it with --target" in capsys.readouterr().err
    monkeypatch.setenv("CLI2API_GRPC_PORT", "many")
    assert main(["jobs", "list"]) == 1
    assert 'CLI2API_GRPC_PORT is "many"' in capsys.readouterr().err


async def test_who_stops_reading_ends_the_command_without_a_stack(shell: Shell) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "cli", "jobs", "list", "--target", shell.gateway.core.target),
        stdout=writer,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    os.close(writer)
    async with asyncio.timeout(30):
        _, said = await process.communicate()
    assert (process.returncode, said) == (1, b"")


def test_a_list_of_no_jobs_at_all_is_not_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["jobs", "list", "--limit", "0"])

    assert ended.value.code == 2
    assert "argument --limit: it has to be at least 1; got 0" in capsys.readouterr().err

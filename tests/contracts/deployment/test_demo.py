"""`cli2api demo`, as a stranger runs it: in a process of its own, with settings of his own in the environment."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import psutil
import pytest
from PIL import Image

DEMO: Final = (sys.executable, "-m", "cli", "demo", "--output")
pytestmark = pytest.mark.wire


def environment(state: Path) -> dict[str, str]:
    """Settings that would break the demo if it heeded them."""
    return os.environ | {"CLI2API_STATE_DIR": str(state), "CLI2API_API_KEYS": "not-the-demo's", "TMPDIR": "/tmp"}


def test_the_demo_shows_the_main_job_and_leaves_files_that_open(tmp_path: Path) -> None:
    state, output = tmp_path / "state", tmp_path / "made" / "here"
    done = subprocess.run([*DEMO, output], env=environment(state), capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "all of it worked" in done.stdout
    assert "queued > running > succeeded, 100 %" in done.stdout
    with Image.open(output / "picture.png") as picture:
        assert (picture.format, picture.size) == ("PNG", (1024, 1024))
        picture.load()
    assert (output / "video.mp4").read_bytes()[4:8] == b"ftyp"
    assert {path.name for path in output.iterdir()} == {"picture.png", "speech.mp3", "video.mp4"}
    assert not state.exists()


def test_a_demo_that_is_stopped_leaves_nothing_running(tmp_path: Path) -> None:
    with subprocess.Popen([*DEMO, tmp_path], env=environment(tmp_path / "state"), stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        while "chat answer" not in demo.stdout.readline():
            assert demo.poll() is None
        family = psutil.Process(demo.pid).children(recursive=True)
        demo.send_signal(signal.SIGINT)
        demo.stdout.read()
    assert demo.returncode == 130
    assert len(family) == 3
    assert psutil.wait_procs(family, timeout=10)[1] == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("a file")
    done = subprocess.run([*DEMO, taken], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert str(taken) in done.stderr

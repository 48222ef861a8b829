"""What `cli2api reload` prints of what the gateway answers."""

import asyncio
import os
from pathlib import Path

import pytest

from cli import control
from cli.__main__ import main
from services.live.succession import Outcome


async def told(state: Path, outcome: Outcome, monkeypatch: pytest.MonkeyPatch) -> int:
    """The exit code of the command, over a gateway that answers so."""

    async def reload() -> Outcome:
        return outcome

    monkeypatch.setattr(os, "environ", {"HOME": str(state), "CLI2API_STATE_DIR": str(state), "CLI2API_PORT": "eighty"})
    (state / "run").mkdir()
    async with control.listening(state / "run", reload):
        assert (state / "run" / control.SOCKET).stat().st_mode & 0o777 == 0o600
        return await asyncio.to_thread(main, ["reload"])


@pytest.mark.parametrize(
    ("outcome", "out"),
    [
        (Outcome(), "reloaded: nothing has changed\n"),
        (Outcome(changed=("keys", "credential")), "reloaded: keys, credential\n"),
        (
            Outcome(changed=("keys",), needs_restart=("CLI2API_USAGE_DSN",)),
            "reloaded: keys\nCLI2API_USAGE_DSN has changed too, and counts after a restart\n",
        ),
    ],
)
async def test_what_was_taken_up_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], outcome: Outcome, out: str
) -> None:
    assert await told(tmp_path, outcome, monkeypatch) == 0
    assert capsys.readouterr() == (out, "")


async def test_what_was_refused_is_an_error_that_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await told(tmp_path, Outcome(refused="no key is left"), monkeypatch) == 1
    assert capsys.readouterr() == ("", "cli2api: refused, and the gateway goes on with what it has: no key is left\n")

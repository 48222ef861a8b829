"""What the doctor says: of everything at once, as the command does it, and check by check."""

import os
import sys
from asyncio import create_subprocess_exec
from asyncio.subprocess import PIPE
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from cli.doctor import gateway, starting, state, upstream
from services.doctor import credentials, places
from services.settings import Settings

Told = dict[str, Any]


async def doctor(given: Mapping[str, str], *words: str) -> tuple[int | None, str]:
    """The exit code, and all that is printed; nothing is printed by mistake."""
    process = await create_subprocess_exec(
        sys.executable, "-P", "-m", "cli", "doctor", *words, env={**given, "PATH": os.environ["PATH"]}, stdout=PIPE, stderr=PIPE
    )
    out, err = await process.communicate()
    assert err.decode() == ""
    return process.returncode, out.decode()


async def findings(given: Mapping[str, str]) -> tuple[int, list[Told]]:
    """What the doctor and the core's own part of it find, without a process for each, and what the exit code would be."""
    settings = Settings.read(given)
    found = [
        *[asdict(each) for each in starting.look(settings, given)],
        *[asdict(each) for each in state.look(settings)],
        *[asdict(each) async for each in gateway.look(settings)],
        *[asdict(each) async for each in upstream.look(settings)],
        *[asdict(each) async for each in places.look(settings)],
        *[asdict(each) async for each in credentials.look(settings, given)],
    ]
    assert all(bool(each["fix"]) is (each["verdict"] != "ok") for each in found)
    assert all("\n" not in each["fix"] for each in found)
    return int(any(each["verdict"] == "problem" for each in found)), found


def of(check: str, found: list[Told]) -> Told:
    """The one finding of that name."""
    [one] = [each for each in found if each["check"] == check]
    return one

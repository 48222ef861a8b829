"""What the core finds on its own ground, credentials and stores.

It is asked as a process of its own: its rooms are not ours, and what breaks in them breaks nothing here.
"""

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncGenerator, Mapping
from typing import Final

import msgspec

from cli.doctor.finding import problem
from services.doctor.finding import Finding

_SECONDS: Final = 60.0
"""Longer than its slowest look takes: a renewal of a login behind another process's lock."""


async def look(environ: Mapping[str, str]) -> AsyncGenerator[Finding]:
    """Each finding as the core tells it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "services.doctor"), env=dict(environ), stdin=DEVNULL, stdout=PIPE, stderr=PIPE
    )
    try:
        async with asyncio.timeout(_SECONDS):
            told, complaint = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.communicate()
        yield problem(
            "core", f"has not looked at its ground within {_SECONDS:g} s", "run it again; look at DNS and at the stores"
        )
        return
    for line in told.splitlines():
        yield msgspec.json.decode(line, type=Finding)
    if process.returncode:
        last = complaint.decode("utf-8", "replace").strip().rpartition("\n")[2]
        yield problem("core", f"could not look at all of its ground: {last}", "mend what it says, and run this again")

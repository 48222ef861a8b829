"""A part is kept alive: stand-in programs that live and die as told."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from cli.child import Child, utterances
from cli.errors import StartFailed
from cli.journal import Fields, Journal
from cli.parts import Part

SAY = 'import sys; print(\'{"message": "up", "level": "info"}\', flush=True); '
WAIT = "import signal; signal.pause()"
WAIT_DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SAY + WAIT


@dataclass(kw_only=True)
class World:
    """A child and what it says."""

    child: Child
    heard: asyncio.Queue[Fields] = field(default_factory=asyncio.Queue)
    log: list[dict[str, Any]] = field(default_factory=list)

    async def until(self, message: str) -> None:
        async with asyncio.timeout(20):
            while (await self.heard.get()).get("message") != message:
                pass


def stand_in(program: str) -> World:
    heard: asyncio.Queue[Fields] = asyncio.Queue()
    log: list[dict[str, Any]] = []
    journal = Journal(lambda line: log.append(json.loads(line)))
    part = Part(name="it", argv=(sys.executable, "-I", "-S", "-c", program), environ={})
    return World(child=Child(part, journal=journal, heard=heard.put_nowait), heard=heard, log=log)


@asynccontextmanager
async def kept(world: World) -> AsyncGenerator[asyncio.Task[None]]:
    keeping = asyncio.create_task(world.child.keep())
    try:
        yield keeping
    finally:
        world.child.retire(signal.SIGKILL)
        await asyncio.gather(keeping, return_exceptions=True)


async def test_one_that_is_killed_is_started_again_loudly() -> None:
    world = stand_in(SAY + WAIT)
    async with kept(world):
        await world.until("up")
        world.child.has_served()
        first = world.child.pid
        assert first is not None

        os.kill(first, signal.SIGKILL)
        await world.until("up")

        assert world.child.pid not in {None, first}
    deaths = [line for line in world.log if line["message"] == "it died and is started again"]
    assert [(line["level"], line["how"], line["after"]) for line in deaths] == [("error", "SIGKILL", 0.1)]


async def test_one_that_cannot_start_ends_the_keeping_with_its_own_last_words() -> None:
    world = stand_in("import sys; print('setting up', flush=True); sys.exit('the moon is not a port')")

    with pytest.raises(StartFailed, match=r"^the moon is not a port$") as failed:
        await world.child.keep()

    assert failed.value.is_said
    assert world.child.gone.is_set()


async def test_one_that_fails_without_a_word_is_named() -> None:
    with pytest.raises(StartFailed, match=r"^it ended with exit code 3 before it served, and did not say why$") as failed:
        await stand_in("raise SystemExit(3)").child.keep()

    assert not failed.value.is_said


async def test_one_whose_program_is_missing_is_named() -> None:
    part = Part(name="it", argv=("/nowhere/at/all",), environ={})

    with pytest.raises(StartFailed, match="/nowhere/at/all cannot be started: No such file or directory"):
        await Child(part, journal=Journal(lambda _: None)).keep()


async def test_one_that_is_retired_ends_and_stays_away() -> None:
    world = stand_in(SAY + WAIT)
    async with kept(world) as keeping:
        await world.until("up")

        world.child.retire(signal.SIGTERM)

        async with asyncio.timeout(20):
            await keeping
        assert world.child.pid is None
        assert world.child.gone.is_set()


async def test_one_that_is_retired_before_it_ever_ran_never_runs() -> None:
    world = stand_in(SAY + WAIT)
    world.child.retire(signal.SIGTERM)

    await world.child.keep()

    assert world.child.pid is None
    assert world.log == []


async def test_one_that_is_deaf_can_be_killed() -> None:
    world = stand_in(WAIT_DEAF)
    async with kept(world) as keeping:
        await world.until("up")
        world.child.retire(signal.SIGTERM)
        world.child.retire(signal.SIGKILL)

        async with asyncio.timeout(20):
            await keeping


async def test_cancelling_the_keeping_leaves_no_process() -> None:
    world = stand_in(SAY + WAIT)
    keeping = asyncio.create_task(world.child.keep())
    await world.until("up")

    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)

    assert keeping.cancelled()
    assert world.child.pid is None


def test_a_traceback_is_one_utterance_and_each_json_line_is_one() -> None:
    lines = [b'{"a": 1}', b'{"b": 2}', b"Traceback:", b"  boom", b"", b'{"c": 3}', b""]

    assert list(utterances(lines)) == [b'{"a": 1}', b'{"b": 2}', b"Traceback:\n  boom", b'{"c": 3}']

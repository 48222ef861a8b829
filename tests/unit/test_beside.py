"""What runs beside a block ends with it, and never breaks in silence."""

import asyncio

import pytest

from cli.readiness import until
from services.beside import beside


async def test_it_runs_while_the_block_does_and_has_ended_after_it() -> None:
    said: list[str] = []
    began = asyncio.Event()

    async def work() -> None:
        said.append("began")
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            said.append("ended")

    async with beside(work(), name="work"):
        await began.wait()
        said.append("block")
    assert said == ["began", "block", "ended"]


async def test_where_it_breaks_the_log_says_so_at_once_and_the_block_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        raise LookupError("a fault of ours")

    async def told() -> bool:
        return bool(caplog.records)

    async with beside(work(), name="look around"):
        async with asyncio.timeout(5):
            await until(told)
        [line] = caplog.records
        assert (line.levelname, line.__dict__["work"]) == ("CRITICAL", "look around")
        assert line.exc_info
        assert str(line.exc_info[1]) == "a fault of ours"

from collections.abc import AsyncGenerator

import aiohttp
import pytest

from tests.hosts import HastyClock, ScriptedHost


@pytest.fixture
async def host() -> AsyncGenerator[ScriptedHost]:
    async with ScriptedHost() as scripted:
        yield scripted


@pytest.fixture
async def session() -> AsyncGenerator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


@pytest.fixture
def clock() -> HastyClock:
    return HastyClock()

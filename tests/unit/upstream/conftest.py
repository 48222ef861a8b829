from collections.abc import AsyncGenerator

import aiohttp
import pytest

from services.upstream.mulerun import MuleRun
from services.upstream.session import open_session
from tests.hosts import HastyClock, ScriptedCredentials, ScriptedHost


@pytest.fixture
async def host() -> AsyncGenerator[ScriptedHost]:
    async with ScriptedHost() as scripted:
        yield scripted


@pytest.fixture
async def session() -> AsyncGenerator[aiohttp.ClientSession]:
    async with open_session() as opened:
        yield opened


@pytest.fixture
def clock() -> HastyClock:
    return HastyClock()


@pytest.fixture
def credentials() -> ScriptedCredentials:
    return ScriptedCredentials("muk-first")


@pytest.fixture
def mulerun(host: ScriptedHost, session: aiohttp.ClientSession, credentials: ScriptedCredentials, clock: HastyClock) -> MuleRun:
    return MuleRun(session, host.url + "/", credentials, clock)

from collections.abc import AsyncGenerator
from pathlib import Path

import aiohttp
import pytest

from services.credentials.discovery import Found
from services.credentials.keeper import Keeper
from tests.hosts import HastyClock, ScriptedHost
from tests.logins import Login, store


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


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "oauth_cache.json"


@pytest.fixture
def login(path: Path, host: ScriptedHost, session: aiohttp.ClientSession, clock: HastyClock) -> Login:
    def _login(**content: object) -> Keeper:
        store(path, **content)
        return Keeper(Found(source=f"file:{path}", cache=path), session, host.url, clock)

    return _login

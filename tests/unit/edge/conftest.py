"""The edge on a loopback port in front of a scripted core."""

from collections.abc import AsyncGenerator

import httpx2
import pytest

from tests.unit.edge.scripted import Core, edge_for


@pytest.fixture
async def core() -> AsyncGenerator[Core]:
    async with Core().running() as running:
        yield running


@pytest.fixture
async def url(core: Core) -> AsyncGenerator[str]:
    async with edge_for(core.target) as running:
        yield running


@pytest.fixture
async def http(url: str) -> AsyncGenerator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=url, timeout=20) as client:
        yield client

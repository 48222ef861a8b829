"""A simulator that moves by polls, and clients that bear its key."""

from collections.abc import AsyncIterator

import aiohttp
import anthropic
import openai
import pytest

from simulator.options import ByPolls, Options
from simulator.server import KEY, Simulator


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator(Options(pace=ByPolls(pending=1, processing=1), now=lambda: 1_800_000_000.25)) as simulator:
        yield simulator


@pytest.fixture
async def client(sim: Simulator) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(sim.url, headers={"Authorization": f"Bearer {KEY}"}) as session:
        yield session


@pytest.fixture
async def openai_sdk(sim: Simulator) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{sim.url}/v1", api_key=KEY, max_retries=0) as sdk:
        yield sdk


@pytest.fixture
async def vendor_sdk(sim: Simulator) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{sim.url}/vendors/openai/v1", api_key=KEY, max_retries=0) as sdk:
        yield sdk


@pytest.fixture
async def anthropic_sdk(sim: Simulator) -> AsyncIterator[anthropic.AsyncAnthropic]:
    headers = {"X-API-Key": KEY}
    async with anthropic.AsyncAnthropic(base_url=sim.url, api_key="unused", default_headers=headers, max_retries=0) as sdk:
        yield sdk

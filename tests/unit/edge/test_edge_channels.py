"""Calls are spread over several cores, and one that is away is passed over."""

import asyncio
from pathlib import Path

import grpc
import pytest
from cli2api.v1 import catalog_pb2
from cli2api.v1.catalog_pb2_grpc import CatalogServiceStub

from edge.backend import Backend
from edge.channels import open_channel
from edge.tunnel import Channel
from tests.unit.edge.scripted import Core

ASKED = catalog_pb2.ListModelsRequest()


def core() -> Core:
    return Core({"ListModels": catalog_pb2.ListModelsResponse()})


async def test_calls_go_to_each_core_in_turn() -> None:
    async with (
        core().running() as one,
        core().running() as two,
        Backend(f"{one.target},{two.target}", max_body=1 << 20) as backend,
    ):
        await backend.ask(backend.catalog.ListModels, ASKED, metadata=())
        async with asyncio.timeout(20):
            while not (one.requests and two.requests):
                await backend.ask(backend.catalog.ListModels, ASKED, metadata=())
        before = len(one.requests), len(two.requests)
        for _ in range(6):
            await backend.ask(backend.catalog.ListModels, ASKED, metadata=())

        assert (len(one.requests) - before[0], len(two.requests) - before[1]) == (3, 3)


async def test_a_core_that_is_away_is_passed_over_and_used_again_when_it_is_back() -> None:
    async with (
        core().running() as one,
        core().running() as two,
        Backend(f"{one.target},{two.target}", max_body=1 << 20) as backend,
    ):
        await one.stop()
        for _ in range(8):
            await backend.ask(backend.catalog.ListModels, ASKED, metadata=())
        assert len(two.requests) >= 7

        async with core().running(one.target) as back, asyncio.timeout(20):
            while not back.requests:
                await backend.ask(backend.catalog.ListModels, ASKED, metadata=())


@pytest.mark.parametrize(
    "target", ["unix:/run/core.sock", "unix:///run/core.sock", "127.0.0.1:5000", "[::1]:5000", "localhost:5000"]
)
async def test_calls_to_a_single_place_share_a_line(target: str) -> None:
    async with open_channel(target, ()) as channel:
        assert type(channel) is Channel


@pytest.mark.parametrize("target", ["core:5000", "dns:///core:5000", "ipv4:127.0.0.1:5000"])
async def test_calls_to_what_may_be_several_cores_share_none(target: str) -> None:
    async with open_channel(target, ()) as channel:
        assert not isinstance(channel, Channel)


async def test_a_core_behind_a_name_is_asked_call_by_call() -> None:
    async with core().running() as one, Backend(f"ipv4:{one.target}", max_body=1 << 20) as backend:
        assert await backend.ask(backend.catalog.ListModels, ASKED, metadata=()) == catalog_pb2.ListModelsResponse()


async def test_of_several_channels_one_that_is_ready_is_enough(tmp_path: Path) -> None:
    async with core().running() as one, open_channel(f"unix:{tmp_path}/none.sock,{one.target}", ()) as channel:
        assert channel.get_state(try_to_connect=True) is not grpc.ChannelConnectivity.READY
        async with asyncio.timeout(20):
            await channel.channel_ready()
        assert channel.get_state() is grpc.ChannelConnectivity.READY
        await CatalogServiceStub(channel).ListModels(ASKED)
        assert len(one.requests) == 1

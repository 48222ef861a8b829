"""Calls are spread over several cores, and one that is away is passed over."""

import asyncio
from pathlib import Path

import grpc
from cli2api.v1 import catalog_pb2
from cli2api.v1.catalog_pb2_grpc import CatalogServiceStub

from edge.backend import Backend
from edge.channels import open_channel
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


async def test_a_single_target_is_a_plain_channel(tmp_path: Path) -> None:
    async with open_channel(f"unix:{tmp_path}/core.sock", ()) as channel:
        assert type(channel) is type(grpc.aio.insecure_channel("unix:/none"))


async def test_of_several_channels_one_that_is_ready_is_enough(tmp_path: Path) -> None:
    async with core().running() as one, open_channel(f"unix:{tmp_path}/none.sock,{one.target}", ()) as channel:
        assert channel.get_state(try_to_connect=True) is not grpc.ChannelConnectivity.READY
        async with asyncio.timeout(20):
            await channel.channel_ready()
        assert channel.get_state() is grpc.ChannelConnectivity.READY
        await CatalogServiceStub(channel).ListModels(ASKED)
        assert len(one.requests) == 1

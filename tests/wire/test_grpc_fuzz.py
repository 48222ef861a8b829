"""Random and hostile messages to every method: whatever comes in, the core answers with a reason and lives on."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import grpc.aio
import pytest
import pytest_asyncio
from cli2api.v1 import catalog_pb2, gateway_pb2, job_pb2, media_pb2, text_pb2, usage_pb2
from google.protobuf.descriptor import MethodDescriptor
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.options import ByPolls, Options
from tests.core import World, world
from tests.wire.messages import messages

pytestmark = pytest.mark.asyncio(loop_scope="module")

FILES = (text_pb2, media_pb2, job_pb2, catalog_pb2, usage_pb2, gateway_pb2)
METHODS = tuple(method for file in FILES for service in file.DESCRIPTOR.services_by_name.values() for method in service.methods)
NEVER = {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN}
PATIENCE = 0.5
EXAMPLES = settings(
    max_examples=25, deadline=None, derandomize=True, suppress_health_check=[*HealthCheck], database=None, print_blob=False
)


def name(method: MethodDescriptor) -> str:
    return f"{method.containing_service.name}.{method.name}"


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="core")
async def _core(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[World]:
    async with world(tmp_path_factory.mktemp("core"), Options(pace=ByPolls())) as core:
        yield core


async def ended(core: World, method: MethodDescriptor, content: bytes) -> tuple[grpc.StatusCode, str]:
    """How a call with these bytes ends; a watch of a real job or a long stream may end at the deadline."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    open_call: Any = core.channel.unary_stream(path)
    call = open_call(content, timeout=PATIENCE)
    try:
        async for _ in call:
            pass
    except grpc.aio.AioRpcError as error:
        return error.code(), error.details() or ""
    return grpc.StatusCode.OK, ""


@pytest.mark.parametrize("method", METHODS, ids=name)
async def test_no_message_of_a_methods_own_type_breaks_it(core: World, method: MethodDescriptor) -> None:
    loop = asyncio.get_running_loop()

    def drawn() -> None:
        @EXAMPLES
        @given(messages(method.input_type))
        def check(message: Any) -> None:
            asked = ended(core, method, message.SerializeToString())
            code, words = asyncio.run_coroutine_threadsafe(asked, loop).result(20)
            assert code not in NEVER, f"{code.name}: {words}\n{message}"

        check()

    await asyncio.to_thread(drawn)


@pytest.mark.parametrize("method", METHODS, ids=name)
async def test_no_bytes_break_it(core: World, method: MethodDescriptor) -> None:
    loop = asyncio.get_running_loop()

    def drawn() -> None:
        @EXAMPLES
        @given(st.binary(min_size=1, max_size=200))
        def check(content: bytes) -> None:
            code, words = asyncio.run_coroutine_threadsafe(ended(core, method, content), loop).result(20)
            assert code not in NEVER, f"{code.name}: {words}"

        check()

    await asyncio.to_thread(drawn)


async def test_after_all_of_it_the_core_answers_as_before(core: World) -> None:
    assert len((await core.catalog.ListModels(catalog_pb2.ListModelsRequest())).models) == 76

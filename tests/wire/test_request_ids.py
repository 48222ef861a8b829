"""One request id through all parts: the caller's where every part can carry it, else one of ours, the same in answer and log."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
from aiohttp import ClientSession

from tests.wire import front
from tests.wire.front import Front

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]

GOOD: Final = ("order-4711", "r:1/2+3=@x_y.z", "a" * 128)
BAD: Final = ("a" * 129, "with space", "br\u00fccke", 'quo"te', "<script>", "a,b", "")


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="gate")
async def _gate(module_path: Path) -> AsyncGenerator[Front]:
    async with front.edge(module_path), front.core(module_path), front.envoy(module_path) as gate:
        yield gate


async def ids(gate: Front, *given: str) -> tuple[str, str]:
    """The request id that the edge was told, and the one that the caller hears."""
    headers = [("x-request-id", each) for each in given]
    async with ClientSession() as session, session.get(f"{gate.url}/x", headers=headers) as answer:
        told: dict[str, dict[str, str]] = await answer.json()
        return told["headers"]["X-Request-ID"], answer.headers["x-request-id"]


@pytest.mark.parametrize("given", GOOD)
async def test_a_callers_id_goes_through_all_parts(gate: Front, given: str) -> None:
    assert await ids(gate, given) == (given, given)


@pytest.mark.parametrize("given", BAD)
async def test_an_id_that_no_part_can_carry_is_replaced_before_any_sees_it(gate: Front, given: str) -> None:
    inside, outside = await ids(gate, given)
    assert inside == outside
    assert len(inside) == 36
    assert "x-cli2api-given-id" not in inside


async def test_without_an_id_or_with_several_the_gateway_makes_one(gate: Front) -> None:
    for given in ((), ("one", "two")):
        inside, outside = await ids(gate, *given)
        assert inside == outside
        assert len(inside) == 36


async def test_over_grpc_it_is_the_same(gate: Front) -> None:
    told = dict(line.split("=", 1) for line in await front.call(gate.grpc_target, [("x-request-id", "two words")]))
    assert len(told["x-request-id"]) == 36
    assert "x-cli2api-given-id" not in told
    assert "x-request-id=mine-1" in await front.call(gate.grpc_target, [("x-request-id", "mine-1")])


async def test_a_callers_trace_goes_from_grpc_metadata_to_the_core(gate: Front) -> None:
    """Where nothing is traced here; tests/wire/test_traces.py has the rest."""
    trace = [("traceparent", f"00-{'a' * 32}-{'b' * 16}-01"), ("tracestate", "shop=1")]
    assert {f"{name}={value}" for name, value in trace} <= set(await front.call(gate.grpc_target, trace))

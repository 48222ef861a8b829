"""What a running gateway tells Prometheus: all parts in one place, each call counted, and nobody's secret."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import aiohttp
import openai
import pytest
import pytest_asyncio
from cli2api.v1.catalog_pb2 import ListModelsRequest
from cli2api.v1.catalog_pb2_grpc import CatalogServiceStub

from cli.metrics.envoy import FAMILIES
from tests.scrape import Scraped, scrape
from tests.wire.house import KEY, METADATA, House, environ, house

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]

PROMPT = "a mule that nobody may read of"
MADE_UP = "a-model-that-a-caller-made-up"
CHAT = "/v1/chat/completions"
SAID: Any = [{"role": "user", "content": PROMPT}]


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="home")
async def _home(module_path: Path) -> AsyncGenerator[House]:
    async with house(module_path, CLI2API_TEXT_PATH="relay") as home:
        yield home


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="told")
async def _told(home: House) -> Scraped:
    """The metrics after one call of each sort."""
    await home.sdk.chat.completions.create(model="gpt-5", messages=SAID)
    async with await home.sdk.chat.completions.create(model="gpt-5", messages=SAID, stream=True) as chunks:
        assert [chunk async for chunk in chunks]
    with pytest.raises(openai.NotFoundError):
        await home.sdk.chat.completions.create(model=MADE_UP, messages=SAID)
    await home.sdk.images.generate(model="wan2.6-t2i", prompt=PROMPT)
    with pytest.raises(openai.NotFoundError):
        await home.sdk.images.generate(model=MADE_UP, prompt=PROMPT)
    await CatalogServiceStub(home.channel).ListModels(ListModelsRequest(), metadata=METADATA)
    async with aiohttp.ClientSession(home.gateway.rest_url) as stranger, stranger.get("/v1/models") as answer:
        assert answer.status == 401
    return await scrape(home.gateway.metrics_url)


async def test_every_part_answers_and_says_its_version(told: Scraped) -> None:
    assert {sample.labels["of"]: sample.value for sample in told.samples("cli2api_part_up")} == {"core": 1, "edge": 1, "envoy": 1}
    assert {sample.labels["part"] for sample in told.samples("cli2api_build_info")} == {"core", "edge"}
    assert told.value("envoy_server_live", part="envoy") == 1


async def test_requests_are_counted_by_route_and_status(told: Scraped) -> None:
    def count(**labels: str) -> float:
        return told.value("cli2api_http_requests_total", part="edge", **labels)

    assert count(route=CHAT, method="POST", status="200") == 2
    assert count(route="/v1/images/generations", status="200") == 1
    assert count(route="/v1/images/generations", status="404") == 1
    assert count(route=CHAT, status="404") == 1
    assert told.value("cli2api_http_seconds_count", route=CHAT) == 3
    assert told.value("cli2api_http_first_byte_seconds_count", route=CHAT) == 3
    assert told.value("cli2api_http_open", part="edge") == 0


async def test_grpc_calls_are_counted_by_method_and_code(told: Scraped) -> None:
    def count(method: str, code: str) -> float:
        return told.value("cli2api_rpcs_total", part="core", method=f"/cli2api.v1.{method}", code=code)

    assert count("TextService/Relay", "OK") + count("TextService/RelayWhole", "OK") == 3
    assert count("MediaService/GenerateImages", "OK") == 1
    assert count("MediaService/GenerateImages", "NOT_FOUND") == 1
    assert count("CatalogService/ListModels", "OK") == 1
    assert told.value("cli2api_rpc_seconds_count", method="/cli2api.v1.MediaService/GenerateImages") == 2


async def test_calls_of_mulerun_are_counted_by_plane_and_status(told: Scraped) -> None:
    def count(**labels: str) -> float:
        return told.value("cli2api_upstream_calls_total", part="core", **labels)

    assert count(plane="text", operation="chat_completions", status="200", failure="") == 2
    assert count(plane="text", operation="chat_completions", status="404", failure="") == 1
    assert count(plane="studio", operation="submit", status="200") == 1
    assert count(plane="studio", operation="poll", status="200") >= 1
    assert told.value("cli2api_upstream_seconds_count", plane="text") == 3
    assert told.value("cli2api_upstream_open", plane="text") == 0


async def test_a_job_is_counted_from_its_order_to_its_copy(home: House, told: Scraped) -> None:
    assert told.value("cli2api_jobs_written_total", kind="image") == 1
    assert told.value("cli2api_jobs_settled_total", kind="image", state="succeeded") == 1
    assert {sample.labels["state"]: sample.value for sample in told.samples("cli2api_jobs_unfinished")} == {
        "submitting": 0,
        "queued": 0,
        "running": 0,
    }
    assert told.value("cli2api_store_seconds_count", store="jobs", operation="insert") == 1
    assert told.value("cli2api_store_errors_total") == 0
    while not (await scrape(home.gateway.metrics_url)).value("cli2api_assets_copied_total"):
        pass  # the copy is made beside the call, and each scrape takes its time
    assert (await scrape(home.gateway.metrics_url)).value("cli2api_assets_copied_bytes_total") > 100


async def test_envoys_numbers_are_the_useful_ones(told: Scraped) -> None:
    assert (
        told.value("envoy_http_downstream_rq_xx_total", envoy_http_conn_manager_prefix="rest", envoy_response_code_class="2") >= 3
    )
    assert told.value("envoy_cluster_membership_healthy", envoy_cluster_name="core") == 1
    from_envoy = {line.split(" ")[2] for line in told.text.splitlines() if line.startswith("# TYPE envoy_")}
    assert from_envoy <= set(FAMILIES)
    assert len(from_envoy) >= 10


async def test_no_label_and_no_value_has_a_secret_a_prompt_or_a_name_that_a_caller_made_up(home: House, told: Scraped) -> None:
    token = environ(Path("/"), home.simulator)["MULERUN_TOKEN"]
    for secret in (KEY, token, PROMPT, MADE_UP):
        assert secret not in told.text


async def test_from_outside_there_are_no_metrics(home: House) -> None:
    async with home.http.get("/metrics") as answer:
        assert answer.status == 404


async def test_the_socket_of_a_part_is_its_owners_alone(home: House, module_path: Path) -> None:
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in (module_path / "run").glob("*.prom")} == {
        "core.prom": "0o600",
        "edge.prom": "0o600",
    }

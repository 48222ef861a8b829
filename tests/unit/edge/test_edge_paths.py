"""Paths, methods and health: what the shim answers by itself."""

import httpx2
import pytest
from grpc_health.v1 import health_pb2

from tests.unit.edge.scripted import Core, edge_for


@pytest.mark.parametrize(
    "path",
    ["/", "/v1", "/v1/nothing", "/v1/videos/a/b", "/v1/videos/", "/v1/chat/completions/", "/v1/models/", "/v1/catalog/models/"],
)
async def test_an_unknown_path_is_404_in_openais_shape(http: httpx2.AsyncClient, path: str) -> None:
    answer = await http.get(path)
    assert answer.status_code == 404
    assert answer.json() == {
        "error": {"message": f"no such path: {path}", "type": "invalid_request_error", "param": None, "code": "not_found"}
    }


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/chat/completions", "POST"),
        ("PUT", "/v1/videos", "GET, HEAD, POST"),
        ("POST", "/v1/videos/job_1", "DELETE, GET, HEAD"),
        ("DELETE", "/v1/models", "GET, HEAD"),
        ("OPTIONS", "/v1/images/generations", "POST"),
        ("GET", "/v1/text:generate", "POST"),
        ("POST", "/v1/gateway", "GET"),
    ],
)
async def test_a_wrong_method_is_405_and_names_the_right_ones(
    http: httpx2.AsyncClient, method: str, path: str, allowed: str
) -> None:
    answer = await http.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    assert answer.json()["error"]["message"] == f"{path} takes {allowed}, not {method}"


async def test_what_envoy_carries_past_the_shim_is_not_there_for_who_asks_the_shim_itself(http: httpx2.AsyncClient) -> None:
    assert (await http.post("/v1/text:generate")).status_code == 404


async def test_a_request_id_of_odd_signs_is_replaced(http: httpx2.AsyncClient) -> None:
    answer = await http.get("/healthz", headers={"x-request-id": "a b"})
    assert len(answer.headers["x-request-id"]) == 32


async def test_a_key_that_no_header_of_grpc_can_carry_is_not_passed_on(core: Core, http: httpx2.AsyncClient) -> None:
    answer = await http.get("/v1/models", headers=[(b"authorization", "Bearer schlüssel".encode())])
    assert answer.status_code == 500  # the scripted core has no answer; what matters is that it was asked
    assert "authorization" not in core.metadata[-1]


async def test_alive_means_that_the_edge_answers() -> None:
    async with edge_for("127.0.0.1:1") as url, httpx2.AsyncClient(base_url=url) as http:
        assert (await http.get("/healthz")).json() == {"status": "ok"}
        ready = await http.get("/readyz")
    assert ready.status_code == 503
    assert ready.json() == {
        "status": "not ready",
        "missing": ["the gateway's core cannot be reached; try again in a moment"],
    }


async def test_ready_means_that_the_core_serves(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["Check"] = health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVING)
    serving = await http.get("/readyz")
    core.answers["Check"] = health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.NOT_SERVING)
    not_serving = await http.get("/readyz")

    assert (serving.status_code, serving.json()) == (200, {"status": "ready"})
    assert (not_serving.status_code, not_serving.json()["status"]) == (503, "not ready")

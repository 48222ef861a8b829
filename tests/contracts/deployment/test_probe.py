"""The health check of the containers, against a gRPC server and an HTTP server of the outside world."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from cli import probe


class Answer(BaseHTTPRequestHandler):
    """/200 is answered with 200, /503 with 503."""

    def do_GET(self) -> None:
        body = b"the core is not there"
        self.send_response(int(self.path[1:]))
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Says nothing."""


@pytest.fixture
def http_url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def core() -> Iterator[tuple[str, health.HealthServicer]]:
    servicer = health.HealthServicer()
    server = grpc.server(ThreadPoolExecutor(max_workers=1))
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"grpc://127.0.0.1:{port}", servicer
    server.stop(0).wait()


def test_a_core_that_serves_is_well(core: tuple[str, health.HealthServicer]) -> None:
    address, servicer = core
    servicer.set("", health_pb2.HealthCheckResponse.SERVING)
    assert probe.main([address]) == 0


def test_a_core_that_drains_is_not_well_and_says_so(
    core: tuple[str, health.HealthServicer], capsys: pytest.CaptureFixture[str]
) -> None:
    address, servicer = core
    servicer.set("", health_pb2.HealthCheckResponse.NOT_SERVING)
    assert probe.main([address]) == 1
    assert "is NOT_SERVING" in capsys.readouterr().err


def test_a_core_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert probe.main(["grpc://127.0.0.1:1"]) == 1
    assert capsys.readouterr().err == "127.0.0.1:1 does not answer\n"


def test_an_edge_that_is_ready_is_well(http_url: str) -> None:
    assert probe.main([f"{http_url}/200"]) == 0


def test_an_edge_that_is_not_ready_is_told_with_its_answer(http_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert probe.main([f"{http_url}/503"]) == 1
    assert capsys.readouterr().err == f"{http_url}/503 answers 503: the core is not there\n"


def test_an_edge_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert probe.main(["http://127.0.0.1:1/readyz"]) == 1
    assert capsys.readouterr().err == "http://127.0.0.1:1/readyz does not answer\n"

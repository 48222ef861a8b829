"""The README tells the truth: its tables are the code's, and its examples run."""

import asyncio
import os
import re
import sys
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Final

import grpc
import httpx2
import pytest
from cli2api.v1 import catalog_pb2, gateway_pb2, job_pb2, media_pb2, text_pb2, usage_pb2
from google.protobuf import json_format, message_factory

from cli.__main__ import VERBS
from cli.gateway import Gateway
from edge.app import App
from edge.backend import Backend
from edge.settings import Settings as EdgeSettings
from services.settings import FROM_FILE, Settings, names
from simulator.server import Simulator

ROOT: Final = Path(__file__).resolve().parents[3]
README: Final = (ROOT / "README.md").read_text()
PROTOS: Final = (text_pb2, media_pb2, job_pb2, catalog_pb2, usage_pb2, gateway_pb2)


def rows(head: str) -> list[list[str]]:
    """The cells of the table whose first column is called `head`."""
    table = README.split(f"| {head} |", 1)[1].split("\n\n", 1)[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def blocks(language: str) -> list[str]:
    """The code blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def endpoints(today: str) -> set[tuple[str, str]]:
    """Method and path of the endpoints that are, today, as the table says."""
    return {
        (cell.strip("`").split(" ")[0], cell.strip("`").split(" ")[1]) for cell, state, _ in rows("endpoint") if state == today
    }


def methods(today: str) -> set[str]:
    """The gRPC methods that are, today, as the table says: `Service.Method`."""
    cells = [cell.replace("`", "").split(".", 1) for cell, state, _ in rows("method") if state == today]
    return {f"{service}.{method}" for service, listed in cells for method in listed.split(", ")}


def paths(proto: ModuleType) -> list[tuple[str, bool]]:
    """The methods of a contract's file as gRPC paths, with whether the answer is a stream."""
    return [
        (f"/{service.full_name}/{method.name}", method.server_streaming)
        for service in proto.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    ]


def as_it_is(message: bytes) -> bytes:
    """No message at all is an empty one of any type."""
    return message


@asynccontextmanager
async def a_gateway() -> AsyncGenerator[Gateway]:
    """The gateway as the README's reader runs it, over a simulator."""
    with tempfile.TemporaryDirectory(prefix="c2a") as state:
        async with Simulator() as simulator:
            environ = {
                "PATH": os.environ["PATH"],
                "HOME": state,
                "CLI2API_STATE_DIR": state,
                "CLI2API_PORT": "0",
                "CLI2API_GRPC_PORT": "0",
                "CLI2API_METRICS_LISTEN": "off",
                "CLI2API_LOG_LEVEL": "error",
                "CLI2API_POLL_INTERVAL": "200ms",
                "MULERUN_API_BASE_URL": simulator.url,
                "MULERUN_OAUTH_BASE_URL": simulator.url,
                "MULERUN_TOKEN": "muk-" + "r" * 64,
            }
            async with Gateway(environ) as gateway:
                yield gateway


async def output_of(gateway: Gateway, cwd: Path, *argv: str) -> str:
    """What an example prints, run against `gateway` where it names the default ports. It has to succeed."""
    here = [
        word.replace("http://127.0.0.1:8080", gateway.rest_url).replace("127.0.0.1:50051", gateway.grpc_target) for word in argv
    ]
    process = await asyncio.create_subprocess_exec(*here, cwd=cwd, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


def test_the_settings_table_names_every_setting_and_no_other() -> None:
    named = [cells[0].strip("`") for cells in rows("setting")]
    assert sorted(named) == sorted(names())


def test_every_default_in_the_settings_table_is_the_default() -> None:
    base = {"HOME": "/"}
    fields = {str(field.alias): name for name, field in Settings.model_fields.items()}
    defaults = {name.strip("`"): default.strip("`") for name, default, _ in rows("setting")}
    stated = {name: default for name, default in defaults.items() if default and name != "CLI2API_ALLOW_ANONYMOUS"}
    unset = Settings.read(base)
    for name, default in stated.items():
        assert getattr(Settings.read({**base, name: default}), fields[name]) == getattr(unset, fields[name]), name


def test_the_secrets_that_may_come_as_files_are_named() -> None:
    sentence = README.split("can also come as\nfiles", 1)[0].rsplit("\n\n", 1)[1]
    assert set(re.findall(r"`(\w+)`", sentence)) == set(FROM_FILE)


def test_every_variable_that_is_mentioned_exists() -> None:
    mentioned = set(re.findall(r"\b((?:CLI2API|MULERUN)_[A-Z0-9_]+[A-Z0-9])\b", README))
    assert mentioned - {*names(), *(f"{name}_FILE" for name in FROM_FILE)} == set()


def test_every_command_that_is_mentioned_exists() -> None:
    verbs = set(re.findall(r"cli2api\s(serve|demo|simulate|[a-z]+-[a-z]+)\b", README))
    assert verbs <= set(VERBS)
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = re.findall(r"^make ([a-z-]+)$|`make ([a-z-]+)`", README, flags=re.MULTILINE)
    assert named
    assert {first or second for first, second in named} <= targets


def test_every_file_that_is_linked_exists() -> None:
    for document in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("proto/*.md")):
        links = re.findall(r"\]\((?!https?://|#)([^)#]+)", document.read_text())
        assert [link for link in links if not (document.parent / link).exists()] == [], document


async def test_the_endpoints_table_is_what_the_edge_routes() -> None:
    settings = EdgeSettings.read({"CLI2API_EDGE_LISTEN": "127.0.0.1:1", "CLI2API_CORE_TARGET": "127.0.0.1:1"})
    async with Backend(settings.core_target, max_body=settings.max_body) as backend:
        routed = {re.sub(r":\w+}", "}", str(getattr(route, "path", ""))) for route in App(backend, settings)._router.routes}
    assert routed == {path for _, path in endpoints("served")}


def test_the_methods_table_is_what_the_contract_has() -> None:
    there = {path.rpartition(".")[2].replace("/", ".") for proto in PROTOS for path, _ in paths(proto)}
    assert methods("served") | methods("with `CLI2API_WEBHOOK_SECRET`") == there


def test_the_grpcurl_example_is_a_request_of_the_contract() -> None:
    [example] = [block for block in blocks("sh") if block.startswith("grpcurl")]
    [(request, method)] = re.findall(r"-d '(.*?)'.*\s(cli2api\.v1\.\S+)\s*$", example, flags=re.DOTALL)
    service, _, name = method.rpartition("/")
    found = text_pb2.DESCRIPTOR.services_by_name[service.rpartition(".")[2]].methods_by_name[name]
    message = message_factory.GetMessageClass(found.input_type)()
    parsed = json_format.MessageToDict(json_format.Parse(request, message))
    assert parsed["messages"][0]["parts"] == [{"text": "Good morning!"}]


@pytest.mark.wire
async def test_what_is_called_served_is_served_and_what_is_not_yet_answers_404() -> None:
    async with a_gateway() as gateway, httpx2.AsyncClient(base_url=gateway.rest_url) as client:
        allowed: dict[str, set[str]] = {}
        for _, path in endpoints("served"):
            answer = await client.request("PATCH", path.replace("{id}", "x"))
            assert answer.status_code == 405, path
            allowed[path] = set(answer.headers["allow"].split(", ")) - {"HEAD"}
        for method, path in endpoints("not yet"):
            answer = await client.request(method, path.replace("{id}", "x"), json={} if method == "POST" else None)
            assert answer.status_code in (404, 405), path
    assert {(method, path) for path, methods in allowed.items() for method in methods} == endpoints("served")


@pytest.mark.wire
async def test_the_methods_that_are_called_served_are_and_the_others_say_that_they_are_not() -> None:
    answered: dict[str, bool] = {}
    async with a_gateway() as gateway, grpc.aio.insecure_channel(gateway.grpc_target) as channel:
        for path, streams in ((path, streams) for proto in PROTOS for path, streams in paths(proto)):
            try:
                if streams:
                    async for _ in channel.unary_stream(path, as_it_is, as_it_is)(b"", timeout=10):
                        break
                else:
                    await channel.unary_unary(path, as_it_is, as_it_is)(b"", timeout=10)
            except grpc.aio.AioRpcError as refused:
                answered[path] = refused.code() is not grpc.StatusCode.UNIMPLEMENTED
            else:
                answered[path] = True
    assert {path.rpartition(".")[2].replace("/", ".") for path, served in answered.items() if served} == methods("served")


@pytest.mark.wire
async def test_the_examples_run(tmp_path: Path) -> None:
    [curl] = [block for block in blocks("sh") if block.startswith("curl")]
    by_sdk, by_stub = blocks("python")
    async with a_gateway() as gateway:
        assert "You said: Good morning!" in await output_of(gateway, tmp_path, "sh", "-c", curl)

        said = await output_of(gateway, tmp_path, sys.executable, "-c", by_sdk)
        assert re.fullmatch(r"You said: Good morning!http://\S+\.png\n", said), said
        assert (tmp_path / "morning.mp3").read_bytes()[:3] in (b"ID3", b"\xff\xfb\x90", b"\xff\xf3\x84")
        assert (tmp_path / "dawn.mp4").read_bytes()[4:8] == b"ftyp"

        watched = await output_of(gateway, tmp_path, sys.executable, "-c", by_stub)
        assert re.search(r"JOB_STATE_SUCCEEDED 100 %\n\['http://\S+\.mp4'\]\n$", watched), watched

"""Secrets that were given to the gateway are looked for everywhere: in what it says, in its processes, and in its files."""

import json
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import grpc
import psutil
import pytest
import pytest_asyncio
from cli2api.v1 import job_pb2, job_pb2_grpc

from simulator.faults import Fault
from tests import hrana
from tests.attacks.wires import said
from tests.wire import served
from tests.wire.house import KEY, House, house
from tests.wire.ways import OPENED

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]

WRONG = "sk-wrong-key-of-a-caller"
SECRETS = {
    "CLI2API_API_KEYS": f"{KEY},sk-second-key",
    "CLI2API_NOTIFY_SECRETS": "whsec_bm90aWZ5LXNlY3JldC1ub3RpZnktc2VjcmV0",
    "AWS_SECRET_ACCESS_KEY": "bucket-secret-access-key",
}
HELLO = {"messages": [{"role": "user", "content": "hello"}]}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def home(module_path: Path) -> AsyncIterator[House]:
    """A gateway with every kind of secret, at work: its log tells all, and a picture has been made and kept."""
    with hrana.serving() as server:
        more = SECRETS | {"CLI2API_JOBSTORE_DSN": server.dsn("jobs"), "CLI2API_LOG_LEVEL": "debug"}
        async with house(module_path, options=None, **more) as found:
            await found.log.until(lambda lines: any(line["message"] == OPENED for line in lines))
            async with found.http.post("/v1/images/generations", json={"model": "wan2.6-t2i", "prompt": "a fox"}) as answer:
                assert answer.status == 200
            yield found


def secrets(home: House) -> dict[str, bytes]:
    """By name, as they would be seen."""
    given = {name: value for name, value in SECRETS.items() if name != "CLI2API_API_KEYS"}
    found = given | {"first key": KEY, "second key": "sk-second-key", "wrong key": WRONG, "libSQL token": hrana.TOKEN}
    return {name: value.encode() for name, value in (found | {"token": home.simulator.environ["MULERUN_TOKEN"]}).items()}


def below(folder: Path) -> list[Path]:
    """The folder and all that is in it."""
    return [folder, *sorted(folder.rglob("*"))]


def leaked(home: House, *texts: bytes) -> list[str]:
    return [name for name, secret in secrets(home).items() for text in texts if secret in text]


async def everything_that_can_go_wrong(home: House) -> list[bytes]:
    """What callers were told, with secrets put wherever they may put them."""
    answers = []
    for status in (401, 403, 402, 429, 500):
        home.simulator.fault(Fault(status=status), path="/v1/*", times=2)
        for model in ("gpt-5", "no/such"):
            async with home.http.post("/v1/chat/completions", json={"model": model, **HELLO}) as answer:
                answers += [await answer.read(), str(answer.headers).encode()]
        home.simulator.clear_faults()
    for headers in ({"authorization": f"Bearer {WRONG}"}, {"x-api-key": WRONG, "authorization": ""}):
        async with home.http.get(f"/v1/models?key={WRONG}", headers=headers) as answer:
            answers.append(await answer.read())
    stub = job_pb2_grpc.JobServiceStub(home.channel)
    for key, name in ((WRONG, "authorization"), (KEY, "authorization"), (WRONG, "x-api-key")):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.GetJob(job_pb2.GetJobRequest(id="none"), metadata=((name, f"Bearer {key}"),))
        answers.append(str(refused.value.details()).encode())
    port = int(home.gateway.rest_url.rpartition(":")[2])
    answers.append(await said(port, f"GET / HTTP/1.1\r\nx-api-key: {KEY}\0\r\n\r\n".encode()))
    return answers


async def test_no_secret_is_said_to_callers_or_in_the_log_or_in_the_metrics(home: House) -> None:
    answers = await everything_that_can_go_wrong(home)
    async with aiohttp.ClientSession() as session, session.get(home.gateway.metrics_url) as page:
        metrics = await page.read()
    assert b"cli2api" in metrics
    assert leaked(home, *answers, metrics) == []
    assert len(home.log.lines) > 20
    assert leaked(home, *home.log.lines) == []


async def test_no_secret_is_seen_in_the_list_of_processes_and_only_the_core_is_given_any(home: House) -> None:
    for name, pid in home.gateway.pids.items():
        process = psutil.Process(pid)
        assert leaked(home, "\0".join(process.cmdline()).encode()) == []
        if name != "core":
            environ = process.environ()
            assert leaked(home, json.dumps(environ).encode()) == []
            assert not {"MULERUN_TOKEN", *SECRETS} & set(environ)


KEPT_FOR_ENVOY = {
    "first key": ["dynamic/keys.yaml"],
    "second key": ["dynamic/keys.yaml"],
    "token": ["dynamic/direct/bearer.yaml", "dynamic/direct/key.yaml"],
}
"""Under `run`, while the gateway runs."""


async def test_every_file_is_its_owners_alone_and_a_secret_lies_only_where_envoy_reads_it(home: House, module_path: Path) -> None:
    found: dict[str, list[str]] = {}
    for path in below(module_path):
        mode = path.stat().st_mode
        assert not stat.S_IMODE(mode) & 0o077, f"{path} is {stat.filemode(mode)}"
        if stat.S_ISREG(mode):
            for name in leaked(home, path.read_bytes()):
                found.setdefault(name, []).append(str(path.relative_to(module_path / "run")))
    assert found == KEPT_FOR_ENVOY


async def test_when_the_gateway_has_ended_no_secret_is_left_on_the_disk(short_path: Path) -> None:
    hook = "whsec_d2ViaG9vay1zZWNyZXQtd2ViaG9vay1zZWNyZXQ"
    async with house(short_path, options=None, **SECRETS, CLI2API_WEBHOOK_SECRET=hook) as ended:
        await ended.log.until(lambda lines: any(line["message"] == OPENED for line in lines))
    left = b"".join(path.read_bytes() for path in below(short_path) if path.is_file())
    assert (leaked(ended, left), hook.encode() in left + b"".join(ended.log.lines)) == ([], False)


async def test_a_gateway_listens_where_it_says_and_nowhere_else(short_path: Path) -> None:
    (short_path / "state").mkdir()
    environ = served.environment(short_path / "state", CLI2API_API_KEYS=KEY)
    async with served.serve(environ) as gateway:
        said_so = {gateway.startup["port"], gateway.startup["grpc_port"], urlsplit(gateway.startup["metrics"]).port}
        listened = {
            (each.laddr.ip, each.laddr.port)
            for process in (psutil.Process(gateway.process.pid), *gateway.parts.values())
            for each in process.net_connections("tcp")
            if each.status == psutil.CONN_LISTEN
        }
        assert listened == {("127.0.0.1", port) for port in said_so}
        sockets = [path for path in below(short_path) if path.is_socket()]
        assert {path.name for path in sockets} >= {"admin.sock", "core.sock", "edge.sock"}
        assert {stat.S_IMODE(path.stat().st_mode) for path in sockets} == {0o600}
        assert stat.S_IMODE((short_path / "state" / "run").stat().st_mode) == 0o700

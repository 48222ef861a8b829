"""`cli2api doctor` says of each thing whether it works, and of each that does not, how to mend it."""

import json
import socket
import time
from pathlib import Path

import pytest
from aiohttp import web

from cli.doctor import upstream
from services.settings import Settings
from simulator.options import Options
from simulator.server import Simulator
from tests.logins import store
from tests.wire.examined import Told, doctor, findings, of
from tests.wire.house import environ, house

pytestmark = pytest.mark.wire


async def test_where_all_is_well_it_says_so_and_nothing_is_paid_or_made(short_path: Path) -> None:
    folder = short_path / "state"
    async with Simulator() as simulator:
        given = environ(folder, simulator)
        code, out = await doctor(given, "--json")
        assert (code, simulator.submissions(), simulator.tasks) == (0, (), ())
    found: list[Told] = json.loads(out)
    assert given["MULERUN_TOKEN"] not in out
    assert not folder.exists()
    assert {each["verdict"] for each in found} == {"ok"}
    assert all(set(each) == {"check", "verdict", "says", "fix"} for each in found)
    assert [each["check"] for each in found] == [
        "programs",
        "gRPC",
        "Envoy",
        "settings",
        "state directory",
        "disk",
        "ports",
        "way to MuleRun",
        "clock",
        "job store",
        "usage store",
        "asset store",
        "credential",
        "MuleRun, text",
        "MuleRun, media",
    ]
    assert of("credential", found)["says"] == "found in env:MULERUN_TOKEN"


async def test_of_a_running_gateway_it_says_that_it_is_ready(short_path: Path) -> None:
    async with house(short_path) as home:
        port = home.gateway.rest_url.rpartition(":")[2]
        code, found = await findings({**environ(short_path, home.simulator), "CLI2API_PORT": port})
    assert of("gateway", found) == {
        "check": "gateway",
        "verdict": "ok",
        "says": f"runs at http://127.0.0.1:{port} and is ready",
        "fix": "",
    }
    assert code == 0
    assert "schema" in of("job store", found)["says"]


async def test_of_a_gateway_that_does_not_answer_it_says_where_to_look(short_path: Path) -> None:
    async with house(short_path) as home:
        code, found = await findings({**environ(short_path, home.simulator), "CLI2API_PORT": "1"})
    assert (code, of("gateway", found)["verdict"]) == (1, "problem")
    assert "look at its log" in of("gateway", found)["fix"]


async def test_a_bad_setting_is_named_and_what_stands_on_it_is_not_looked_at(short_path: Path) -> None:
    async with Simulator() as simulator:
        code, out = await doctor({**environ(short_path, simulator), "CLI2API_PORT": "http"}, "--json")
        assert simulator.requests == ()
    told = json.loads(out)[-1]
    assert (code, told["check"], told["verdict"]) == (1, "settings", "problem")
    assert told["says"].startswith('CLI2API_PORT is "http"')


async def test_a_port_that_is_taken_is_a_problem_and_one_for_metrics_a_warning(short_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        rest, metrics = one.getsockname()[1], other.getsockname()[1]
        async with Simulator() as simulator:
            taken = {"CLI2API_PORT": str(rest), "CLI2API_METRICS_LISTEN": f"127.0.0.1:{metrics}"}
            code, found = await findings(environ(short_path, simulator) | taken)
    problem, warning = (each for each in found if each["check"] == "ports")
    assert (code, problem["verdict"], problem["says"]) == (1, "problem", f"port {rest} on 127.0.0.1 is in use")
    assert problem["fix"].endswith("set CLI2API_PORT to another port")
    assert (warning["verdict"], warning["says"]) == (
        "warning",
        f"port {metrics} on 127.0.0.1 is in use, so metrics would not be served",
    )


async def test_without_a_credential_it_says_how_to_get_one(short_path: Path) -> None:
    async with Simulator() as simulator:
        code, found = await findings(environ(short_path, simulator, MULERUN_TOKEN=""))
    assert (code, of("credential", found)["verdict"]) == (1, "problem")
    assert "run `mulerun login`" in of("credential", found)["fix"]
    assert of("way to the login", found)["verdict"] == "ok"


async def test_a_credential_that_mulerun_refuses_is_a_problem_on_each_plane_that_refuses_it(short_path: Path) -> None:
    token, other = "muk-" + "a" * 64, "muk-" + "b" * 64
    options = Options(studio_keys=frozenset({token}))
    async with Simulator(options) as simulator:
        code, found = await findings(environ(short_path, simulator, MULERUN_TOKEN=other, MULERUN_STUDIO_TOKEN=token))
    assert (code, of("MuleRun, text", found)["verdict"], of("MuleRun, media", found)["verdict"]) == (1, "problem", "ok")
    assert "LLM gateway key" in of("MuleRun, text", found)["fix"]
    assert token not in str(found)
    assert other not in str(found)


async def test_a_login_that_has_ended_and_cannot_be_renewed_is_a_problem(short_path: Path) -> None:
    cache = short_path / "cache.json"
    store(cache, access_token="eyJold", refresh_token="ory_rt_dead", expires_at=int(time.time()) - 60)
    async with Simulator() as simulator:
        simulator.account.kill("ory_rt_dead")
        code, found = await findings(environ(short_path, simulator, MULERUN_TOKEN="", CLI2API_TOKEN_CACHE=str(cache)))
    assert (code, of("credential", found)["verdict"]) == (1, "problem")
    assert "has ended" in of("credential", found)["says"]
    assert "mulerun login" in of("credential", found)["fix"]
    assert "ory_rt_dead" not in str(found)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://no-such-host.invalid", "the name no-such-host.invalid does not resolve"),
        ("http://127.0.0.1:1", "127.0.0.1 takes no connection on port 1"),
    ],
)
async def test_a_mulerun_that_cannot_be_reached_is_told_step_by_step(url: str, says: str) -> None:
    settings = Settings.read({"HOME": "/", "MULERUN_TOKEN": "muk-x", "MULERUN_API_BASE_URL": url})
    [found] = [each async for each in upstream.look(settings)]
    assert (found.verdict, found.says) == ("problem", says)
    assert "MULERUN_API_BASE_URL" in found.fix


async def test_a_host_that_speaks_no_tls_and_a_clock_that_is_wrong_are_told(short_path: Path) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(headers={"date": "Mon, 01 Jan 2024 00:00:00 GMT"})

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        settings = Settings.read({"HOME": "/", "MULERUN_TOKEN": "x", "MULERUN_API_BASE_URL": f"https://127.0.0.1:{port}"})
        [plain] = [each async for each in upstream.look(settings)]
        settings = Settings.read({"HOME": "/", "MULERUN_TOKEN": "x", "MULERUN_API_BASE_URL": f"http://127.0.0.1:{port}"})
        _, clock = [each async for each in upstream.look(settings)]
    finally:
        await runner.cleanup()
    assert "does not speak TLS" in plain.says
    assert (clock.check, clock.verdict) == ("clock", "warning")
    assert "ahead of MuleRun's" in clock.says

"""Keys, aliases and the MuleRun credential change while the gateway runs: by their files, by SIGHUP, by `cli2api reload`."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import grpc
import grpc.aio
import pytest
from cli2api.v1 import catalog_pb2
from cli2api.v1.catalog_pb2_grpc import CatalogServiceStub

from cli.readiness import until
from tests.wire import served
from tests.wire.house import KEY, House, house

pytestmark = pytest.mark.wire

TOKEN = "muk-" + "o" * 64
NEW_TOKEN = "muk-" + "n" * 64


@dataclass(frozen=True)
class Home:
    """A gateway whose keys, aliases and token are files."""

    house: House
    keys: Path
    aliases: Path
    token: Path
    usage_dsn: Path
    state: Path

    async def rest(self, key: str, path: str = "/v1/models") -> int:
        async with self.house.http.get(path, headers={"authorization": f"Bearer {key}"}) as answer:
            return answer.status

    async def over_grpc(self, key: str) -> grpc.StatusCode:
        stub = CatalogServiceStub(self.house.channel)
        try:
            await stub.ListModels(catalog_pb2.ListModelsRequest(), metadata=(("x-api-key", key),), timeout=10)
        except grpc.aio.AioRpcError as error:
            return error.code()
        return grpc.StatusCode.OK

    async def is_known(self, key: str) -> bool:
        """At both places where keys are checked."""
        return (await self.rest(key), await self.over_grpc(key)) == (200, grpc.StatusCode.OK)

    async def is_unknown(self, key: str) -> bool:
        return (await self.rest(key), await self.over_grpc(key)) == (401, grpc.StatusCode.UNAUTHENTICATED)

    async def reload(self) -> tuple[int | None, str, str]:
        """Exit code, stdout and stderr of `cli2api reload`."""
        return await reload_command(self.state)

    def refusals(self) -> int:
        return sum(b"reload refused" in line for line in self.house.log.lines)

    def taken_up(self) -> set[str]:
        """What has changed, as the log has it: a file's change may be noticed before the command asks for it."""
        lines = [json.loads(line) for line in self.house.log.lines]
        return {word for line in lines if line["message"] == "reloaded" for word in line["changed"]}

    async def sent(self, model: str) -> str:
        """The credential that a chat with that model is sent with; an alias goes by the core, a plain name by Envoy alone."""
        return await credential_of(self.house, model, "sk-old")


@asynccontextmanager
async def home(folder: Path) -> AsyncGenerator[Home]:
    files = {name: folder / name for name in ("keys", "aliases", "token", "usage_dsn")}
    for path, text in zip(files.values(), ("sk-old", "painter=gpt-image-2,mine=gpt-5-mini", TOKEN, ""), strict=True):
        path.write_text(text)
    state = folder / "state"
    settings = {
        "CLI2API_API_KEYS": "",
        "MULERUN_TOKEN": "",
        "CLI2API_API_KEYS_FILE": str(files["keys"]),
        "CLI2API_MODEL_ALIASES_FILE": str(files["aliases"]),
        "MULERUN_TOKEN_FILE": str(files["token"]),
        "CLI2API_USAGE_DSN_FILE": str(files["usage_dsn"]),
    }
    async with house(state, options=None, **settings) as running:
        yield Home(running, state=state, **files)


async def reload_command(state: Path) -> tuple[int | None, str, str]:
    environ = {"PATH": os.environ["PATH"], "HOME": str(state), "CLI2API_STATE_DIR": str(state)}
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "cli", "reload", env=environ, stdout=PIPE, stderr=PIPE)
    async with asyncio.timeout(30):
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def credential_of(house: House, model: str, key: str) -> str:
    body = {**served.CHAT, "model": model, "stream": False}
    async with house.http.post("/v1/chat/completions", headers={"authorization": f"Bearer {key}"}, json=body) as answer:
        assert answer.status == 200, await answer.text()
    return house.simulator.requests[-1].headers["authorization"].removeprefix("Bearer ")


async def soon(holds: object) -> None:
    async with asyncio.timeout(20):
        await until(holds)  # type: ignore[arg-type]


async def test_a_changed_key_file_is_taken_up_by_itself_at_both_doors(short_path: Path) -> None:
    async with home(short_path) as gateway:
        assert await gateway.is_known("sk-old")
        draft = gateway.keys.with_name("draft")
        draft.write_text("sk-new")
        draft.replace(gateway.keys)

        await soon(lambda: gateway.is_known("sk-new"))
        await soon(lambda: gateway.is_unknown("sk-old"))


async def test_the_command_says_what_has_changed_when_it_is_in_force(short_path: Path) -> None:
    async with home(short_path) as gateway:
        gateway.keys.write_text("sk-new\nsk-second\n")
        gateway.aliases.write_text("painter=gpt-image-2\nsinger=speech-2.8-turbo\n")
        gateway.usage_dsn.write_text("memory:")

        code, out, err = await gateway.reload()

        changed, restart = out.splitlines()
        assert (code, err) == (0, "")
        assert changed.startswith("reloaded: ")
        assert gateway.taken_up() == {"keys", "aliases"}
        assert restart == "CLI2API_USAGE_DSN has changed too, and counts after a restart"
        # The core has it at once, Envoy as soon as it has seen its file.
        assert [await gateway.over_grpc(key) for key in ("sk-new", "sk-second", "sk-old")] == [
            grpc.StatusCode.OK,
            grpc.StatusCode.OK,
            grpc.StatusCode.UNAUTHENTICATED,
        ]
        await soon(lambda: gateway.is_known("sk-new"))
        assert await gateway.rest("sk-new", "/v1/models/singer") == 200
        assert await gateway.reload() == (0, "reloaded: nothing has changed\n" + restart + "\n", "")


@pytest.mark.parametrize(
    ("file", "text", "why"),
    [
        ("aliases", "painter", 'CLI2API_MODEL_ALIASES is "painter": takes a comma list of alias=model'),
        ("aliases", "sora-2=gpt-image-2", "alias 'sora-2' would hide the model sora-2"),
        ("keys", "", "CLI2API_API_KEYS has no key any more"),
        ("keys", "sk-new\nsk with spaces", "CLI2API_API_KEYS: takes a comma list of keys"),
        ("token", "", "no mulerun credentials found"),
    ],
)
async def test_a_bad_change_is_refused_whole_and_the_former_stays(short_path: Path, file: str, text: str, why: str) -> None:
    async with home(short_path) as gateway:
        gateway.keys.write_text("sk-old,sk-new")
        before = gateway.refusals()
        {"aliases": gateway.aliases, "keys": gateway.keys, "token": gateway.token}[file].write_text(text)

        code, out, err = await gateway.reload()

        assert (code, out) == (1, "")
        assert err.startswith("cli2api: refused, and the gateway goes on with what it has: ")
        assert why in err
        assert gateway.refusals() > before
        assert await gateway.is_known("sk-old")
        assert await gateway.is_unknown("sk-new")
        assert await gateway.rest("sk-old", "/v1/models/painter") == 200


async def test_a_new_credential_is_used_from_the_next_call_on(short_path: Path) -> None:
    async with home(short_path) as gateway:
        assert await gateway.sent("mine") == TOKEN
        gateway.token.write_text(NEW_TOKEN)

        code, out, err = await gateway.reload()

        assert (code, out.startswith("reloaded: "), err) == (0, True, "")
        assert gateway.taken_up() == {"credential"}
        assert await gateway.sent("mine") == NEW_TOKEN

        async def envoy_has_it() -> bool:
            return await gateway.sent("gpt-5-mini") == NEW_TOKEN

        await soon(envoy_has_it)
    assert not [line for line in gateway.house.log.lines if b"muk-" in line]


async def test_a_login_that_is_made_while_the_gateway_runs_is_taken_up(short_path: Path) -> None:
    """The file of an older client, since the login's cache follows its own file anyway."""
    legacy = short_path / "home" / ".mulerun" / "auth.json"
    legacy.parent.mkdir(parents=True)
    legacy.write_text(f'{{"token": "{TOKEN}"}}')
    async with house(
        short_path / "state", MULERUN_TOKEN="", HOME=str(short_path / "home"), CLI2API_MODEL_ALIASES="mine=gpt-5-mini"
    ) as running:
        legacy.write_text(f'{{"token": "{NEW_TOKEN}"}}')

        await running.log.until(lambda lines: any(line.get("changed") == ["credential"] for line in lines))
        assert await credential_of(running, "mine", KEY) == NEW_TOKEN


async def test_a_stream_runs_on_through_a_change_of_its_own_key_by_sighup(short_path: Path) -> None:
    keys = short_path / "keys"
    keys.write_text("sk-old")
    environ = served.environment(short_path / "state", CLI2API_API_KEYS_FILE=str(keys))
    async with (
        served.upstream() as upstream,
        served.serve(environ | {"MULERUN_API_BASE_URL": upstream.url}) as gateway,
        aiohttp.ClientSession() as session,
        session.post(
            f"{gateway.url}/v1/chat/completions", json=served.CHAT, headers={"authorization": "Bearer sk-old"}
        ) as answer,
    ):
        assert await answer.content.readuntil(b"\n\n") == b'data: {"choices":[]}\n\n'
        parts = {name: part.pid for name, part in gateway.parts.items()}
        keys.write_text("sk-new")

        gateway.process.send_signal(signal.SIGHUP)
        while (await gateway.until_logged("reloaded"))["logger"] != "cli2api":
            pass

        async def status(key: str) -> int:
            async with session.get(f"{gateway.url}/v1/models", headers={"x-api-key": key}) as models:
                return models.status

        async def old_is_out() -> bool:
            return (await status("sk-old"), await status("sk-new")) == (401, 200)

        await soon(old_is_out)
        upstream.go_on.set()
        assert await answer.content.read() == b"data: [DONE]\n\n"
        assert {name: part.pid for name, part in gateway.parts.items() if part.is_running()} == parts


async def test_without_a_gateway_the_command_says_how_to_start_one(short_path: Path) -> None:
    code, out, err = await reload_command(short_path / "state")

    assert (code, out) == (1, "")
    assert err.startswith(f"cli2api: no gateway runs on {short_path}/state: start one with `cli2api serve`, or set CLI2API_STATE")


async def test_a_gateway_that_logs_errors_only_says_all_the_same_what_it_has_taken_up(short_path: Path) -> None:
    keys = short_path / "keys"
    keys.write_text(KEY)
    given = {"CLI2API_API_KEYS": "", "CLI2API_API_KEYS_FILE": str(keys), "CLI2API_LOG_LEVEL": "error"}
    async with house(short_path / "state", options=None, **given) as running:
        keys.write_text(f"{KEY},sk-second")

        code, out, err = await reload_command(short_path / "state")

        assert (code, out.startswith("reloaded: "), err) == (0, True, "")
        assert not [line for line in running.log.lines if b"reloaded" in line]


async def test_after_a_refused_file_the_next_good_one_is_taken_up(short_path: Path) -> None:
    async with home(short_path) as gateway:
        gateway.aliases.write_text("sora-2=gpt-image-2")
        both = {"cli2api", "services.live"}
        refused = "reload refused"
        await gateway.house.log.until(lambda lines: {each["logger"] for each in lines if each["message"] == refused} == both)
        gateway.aliases.write_text("singer=speech-2.8-turbo")

        async def sings() -> bool:
            return await gateway.rest("sk-old", "/v1/models/singer") == 200

        await soon(sings)
        assert await gateway.rest("sk-old", "/v1/models/painter") == 404

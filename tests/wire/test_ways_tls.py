"""TLS on both ports, callers' certificates where they are asked for, and new certificates without a restart."""

import asyncio
import os
import shutil
import socket
import ssl
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import grpc.aio
import openai
import pytest
import pytest_asyncio
from cli2api.v1 import catalog_pb2, catalog_pb2_grpc
from cli2api_client import Tls, Unavailable, aio

from cli import usage
from cli.doctor import gateway as doctor
from cli.errors import StartFailed
from cli.gateway import Gateway
from cli.jobs.line import opened
from cli.readiness import until
from services.settings import Settings
from simulator.server import Simulator
from tests.authority import Authority
from tests.wire.house import KEY, METADATA, environ

pytestmark = [
    pytest.mark.wire,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl on this machine"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="authority")
async def _authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    authority = Authority(tmp_path_factory.mktemp("authority"))
    await authority.begin()
    return authority


@dataclass(frozen=True)
class Private:
    """A gateway that asks for certificates, and one to show."""

    gateway: Gateway
    environ: dict[str, str]
    certificate: Path
    key: Path


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="private")
async def _private(module_path: Path, authority: Authority) -> AsyncGenerator[Private]:
    own, key = await authority.issue("gateway")
    mine = await authority.issue("caller")
    async with Simulator() as simulator:
        settings = {"CLI2API_TLS_CERT": str(own), "CLI2API_TLS_KEY": str(key), "CLI2API_TLS_CLIENT_CA": str(authority.ca)}
        known = environ(module_path, simulator, **settings)
        async with Gateway(known, write=lambda _: None) as gateway:
            yield Private(gateway, known, *mine)


NOWHERE = {"MULERUN_API_BASE_URL": "http://127.0.0.1:9", "MULERUN_OAUTH_BASE_URL": "http://127.0.0.1:9"}


def trusting(authority: Authority, private: Private | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=authority.ca)
    if private:
        context.load_cert_chain(private.certificate, private.key)
    return context


async def listed(target: str, credentials: grpc.ChannelCredentials) -> int:
    async with grpc.aio.secure_channel(target, credentials) as channel:
        stub: catalog_pb2_grpc.CatalogServiceAsyncStub = catalog_pb2_grpc.CatalogServiceStub(channel)
        return len((await stub.ListModels(catalog_pb2.ListModelsRequest(), metadata=METADATA, timeout=10)).models)


async def test_the_sdk_and_stubs_come_in_with_a_certificate(private: Private, authority: Authority) -> None:
    async with (
        aiohttp.ClientSession(headers=dict(METADATA)) as session,
        session.get(f"{private.gateway.rest_url}/v1/models", ssl=trusting(authority, private)) as answer,
    ):
        assert answer.status == 200
    credentials = grpc.ssl_channel_credentials(
        authority.ca.read_bytes(), private.key.read_bytes(), private.certificate.read_bytes()
    )
    assert private.gateway.rest_url.startswith("https://")
    assert await listed(private.gateway.grpc_target, credentials) == 76


async def test_nobody_comes_in_without_a_certificate_or_with_a_strangers(
    private: Private, authority: Authority, tmp_path: Path
) -> None:
    strangers = Authority(tmp_path / "strangers")
    await strangers.begin()
    certificate, key = await strangers.issue("stranger")
    for shown in ({}, {"private_key": key.read_bytes(), "certificate_chain": certificate.read_bytes()}):
        credentials = grpc.ssl_channel_credentials(authority.ca.read_bytes(), **shown)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await listed(private.gateway.grpc_target, credentials)
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
    async with aiohttp.ClientSession(headers=dict(METADATA)) as session:
        with pytest.raises(aiohttp.ClientError):
            await session.get(f"{private.gateway.rest_url}/healthz", ssl=trusting(authority))


async def test_a_certificate_does_not_stand_for_a_key(private: Private, authority: Authority) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{private.gateway.rest_url}/v1/models", ssl=trusting(authority, private)) as answer,
    ):
        assert answer.status == 401


async def test_old_protocols_are_refused_and_http2_is_offered(private: Private, authority: Authority) -> None:
    host, _, port = private.gateway.rest_url.removeprefix("https://").rpartition(":")
    context = trusting(authority, private)
    context.set_alpn_protocols(["h2", "http/1.1"])
    _, writer = await asyncio.open_connection(host, int(port), ssl=context)
    spoken: ssl.SSLObject = writer.get_extra_info("ssl_object")
    assert (spoken.selected_alpn_protocol(), spoken.version()) == ("h2", "TLSv1.3")
    writer.close()
    await writer.wait_closed()
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, OSError)):
        await asyncio.open_connection(host, int(port), ssl=context)


async def test_the_command_line_asks_the_core_itself(private: Private) -> None:
    with opened(None, KEY, private.environ) as line:
        assert line.target == f"unix:{private.environ['CLI2API_STATE_DIR']}/run/core.sock"
    sums = await asyncio.to_thread(usage.ask, {}, private.environ, url=None, key=None)
    assert sums["object"] == "usage"


async def test_the_doctor_has_no_certificate_and_sees_all_the_same_that_the_gateway_is_ready(private: Private) -> None:
    port = private.gateway.rest_url.rpartition(":")[2]
    settings = Settings.read({**private.environ, "CLI2API_PORT": port})
    [found] = [each async for each in doctor.look(settings)]
    assert (found.verdict, found.says) == ("ok", f"runs at https://127.0.0.1:{port} and is ready")


async def shown(gateway: Gateway) -> bytes:
    """The certificate that a caller is shown, who does not care whose it is."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    host, _, port = gateway.rest_url.removeprefix("https://").rpartition(":")
    _, writer = await asyncio.open_connection(host, int(port), ssl=context)
    spoken: ssl.SSLObject = writer.get_extra_info("ssl_object")
    found = spoken.getpeercert(binary_form=True)
    writer.close()
    await writer.wait_closed()
    assert found
    return found


async def test_a_new_certificate_is_shown_without_a_restart_and_an_open_stream_goes_on(
    short_path: Path, tmp_path: Path, authority: Authority
) -> None:
    own, key = await authority.issue("first")
    used = tmp_path / "used"
    used.mkdir()
    for source, name in ((own, "tls.pem"), (key, "tls.key")):
        shutil.copy(source, used / name)
    settings = {"CLI2API_TLS_CERT": str(used / "tls.pem"), "CLI2API_TLS_KEY": str(used / "tls.key")}
    async with (
        Simulator() as simulator,
        Gateway(environ(short_path, simulator, **settings), write=lambda _: None) as gateway,
        aiohttp.ClientSession(headers=dict(METADATA)) as session,
        openai.AsyncOpenAI(
            base_url=f"{gateway.rest_url}/v1",
            api_key=KEY,
            max_retries=0,
            http_client=openai.DefaultAsyncHttpxClient(verify=trusting(authority)),
        ) as sdk,
    ):
        before = await shown(gateway)
        async with session.get(f"{gateway.rest_url}/healthz", ssl=trusting(authority)) as answer:
            assert answer.status == 200
        again, its_key = await authority.issue("second")
        os.replace(its_key, used / "tls.key")
        os.replace(again, used / "tls.pem")

        async def is_new() -> bool:
            return await shown(gateway) != before

        async with asyncio.timeout(10):
            await until(is_new)
        said = await sdk.chat.completions.create(model="gpt-5", messages=[{"role": "user", "content": "private"}])
        assert said.choices[0].message.content == "You said: private"


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("CLI2API_TLS_CERT", "which cannot be read: No such file or directory"),
        ("CLI2API_TLS_KEY", "which cannot be read: No such file or directory"),
        ("CLI2API_TLS_CLIENT_CA", "which cannot be read: No such file or directory"),
    ],
)
async def test_a_file_that_is_not_there_stops_the_start_and_names_the_setting(
    short_path: Path, authority: Authority, setting: str, words: str
) -> None:
    own, key = await authority.issue("third")
    settings = {"CLI2API_TLS_CERT": str(own), "CLI2API_TLS_KEY": str(key), setting: str(short_path / "nowhere.pem")}
    with pytest.raises(StartFailed) as refused:
        async with Gateway(environ(short_path, Simulator(), **NOWHERE, **settings)):
            pass
    assert str(refused.value) == f'{setting} is "{short_path}/nowhere.pem", {words}'


async def test_a_key_of_another_certificate_is_refused_and_an_open_one_is_warned_of(
    short_path: Path, authority: Authority
) -> None:
    own, key = await authority.issue("fourth")
    _, other = await authority.issue("fifth")
    settings = {"CLI2API_TLS_CERT": str(own), "CLI2API_TLS_KEY": str(other)}
    with pytest.raises(StartFailed, match=r"CLI2API_TLS_KEY is .*: takes the unencrypted PEM key of the certificate"):
        async with Gateway(environ(short_path, Simulator(), **NOWHERE, **settings)):
            pass
    key.chmod(0o644)
    lines: list[bytes] = []
    with socket.socket() as taken:  # the start ends at once, after it has looked at the files
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings = {"CLI2API_TLS_CERT": str(own), "CLI2API_TLS_KEY": str(key), "CLI2API_PORT": str(taken.getsockname()[1])}
        with pytest.raises(StartFailed, match="is in use"):
            async with Gateway(environ(short_path, Simulator(), **NOWHERE, **settings), write=lines.append):
                pass
    assert b"which others than its owner can read: chmod 600 it" in b"".join(lines)


async def test_the_client_package_trusts_the_authority_and_shows_its_certificate(authority: Authority, private: Private) -> None:
    roots, certificate, key = (path.read_bytes() for path in (authority.ca, private.certificate, private.key))
    known = Tls(roots=roots, certificate=certificate, private_key=key)

    async with aio.connect(private.gateway.grpc_target, key=KEY, tls=known) as client:
        assert (await client.catalog.ListModels(catalog_pb2.ListModelsRequest(), timeout=20)).models
    async with aio.connect(private.gateway.grpc_target, key=KEY, tls=Tls(roots=roots)) as stranger:
        with pytest.raises(Unavailable):
            await stranger.catalog.ListModels(catalog_pb2.ListModelsRequest(), timeout=20)

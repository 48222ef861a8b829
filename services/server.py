"""The core's front door: serves with its parts, drains, closes in reverse. Only it and `parts` know all rooms."""

import asyncio
import gc
import logging
import signal
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final
from urllib.parse import urlsplit

import grpc.aio
import uvloop
from cli2api.v1 import (
    catalog_pb2,
    catalog_pb2_grpc,
    gateway_pb2,
    gateway_pb2_grpc,
    job_pb2,
    job_pb2_grpc,
    media_pb2,
    media_pb2_grpc,
    text_pb2,
    text_pb2_grpc,
    tunnel_pb2,
    tunnel_pb2_grpc,
    usage_pb2,
    usage_pb2_grpc,
)
from grpc_health.v1 import health, health_pb2_grpc
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2_grpc

from services import telemetry
from services.api.catalog import Models
from services.api.gateway import Facts, Gateway
from services.api.job import Jobs
from services.api.logs import GATHERED, Logs
from services.api.media import Media
from services.api.text import Texts
from services.api.tunnel import Tunnel
from services.api.usage import Usage
from services.assets.place import redact as redact_place
from services.beside import beside
from services.by_name import ByName
from services.inspection import open_to_tools
from services.interceptors.access import access
from services.interceptors.auth import Keys, auth
from services.interceptors.deadline import deadline
from services.interceptors.faults import faults
from services.interceptors.records import records
from services.interceptors.rules import Rules
from services.interceptors.shapes import Rings
from services.listening import CannotListen, listen
from services.live.core import Live
from services.lookout import Lookout
from services.parts import CannotStart, Parts, opened
from services.readiness import Readiness
from services.settings import BadSetting, Settings, strays
from services.stores.dsn import redact

_log = logging.getLogger("services.server")

_PENDING: Final = 10_000
"""Calls that have come in and not begun yet; as many as Envoy has room for."""
_SLACK: Final = 1 << 20
"""Bytes that a message may have beside the body that it carries."""
_STORED: Final = tuple(
    each.full_name
    for each in (media_pb2.DESCRIPTOR.services_by_name["MediaService"], job_pb2.DESCRIPTOR.services_by_name["JobService"])
)
"""Services that need the job store."""
_OTHERS: Final = tuple(
    each.full_name
    for each in (
        text_pb2.DESCRIPTOR.services_by_name["TextService"],
        catalog_pb2.DESCRIPTOR.services_by_name["CatalogService"],
        usage_pb2.DESCRIPTOR.services_by_name["UsageService"],
        gateway_pb2.DESCRIPTOR.services_by_name["GatewayService"],
        tunnel_pb2.DESCRIPTOR.services_by_name["TunnelService"],
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """A core that serves."""

    target: str
    """Where gRPC clients reach it."""
    server: grpc.aio.Server
    tunnel: Tunnel
    parts: Parts
    readiness: Readiness
    live: Live
    metrics: str
    """Where its metrics are read; empty for nowhere."""

    async def drain(self, grace: float) -> None:
        """Takes no new work; calls that are running get `grace` seconds to end."""
        await self.readiness.drain()
        self.parts.engine.drain()
        stopping = asyncio.create_task(self.server.stop(grace), name="stop")
        # Lines hear of it after the connections have: whoever leaves a line then opens no other one here.
        await asyncio.sleep(0)
        self.tunnel.drain()
        await stopping


@asynccontextmanager
async def serving(settings: Settings, environ: Mapping[str, str]) -> AsyncGenerator[Core, None]:
    """A core that serves inside the block; its parts are closed after it, in reverse. Raises CannotStart."""
    async with AsyncExitStack() as stack:
        lookout = Lookout(environ, urlsplit(settings.api_base_url).hostname or "")
        await stack.enter_async_context(lookout.tracing())
        parts = await opened(stack, settings, environ, lookout)
        keys = Keys(settings.api_keys)
        interceptors = [_rings(keys, parts, lookout), Rules()]
        server = grpc.aio.server(interceptors=interceptors, options=_options(settings))
        services, probes = ByName(server, interceptors), health.aio.HealthServicer()
        tunnel = Tunnel(services.find)
        tunnel_pb2_grpc.add_TunnelServiceServicer_to_server(tunnel, services)  # type: ignore[arg-type]  # as below
        _furnish(services, settings, parts, probes)  # type: ignore[arg-type]  # all that is done to it is to add services
        readiness = Readiness(store=parts.store, clock=parts.clock, servicer=probes, stored=_STORED, others=_OTHERS)
        await readiness.look()
        await stack.enter_async_context(beside(readiness.run(), name="readiness"))
        try:
            target = listen(server, settings.core_listen)
        except CannotListen as error:
            raise CannotStart(str(error)) from error
        await server.start()
        stack.push_async_callback(server.stop, 0)
        told = lookout.telling(
            settings.metrics_listen, store=parts.store, recorder=parts.recorder, credentials=parts.credentials, clock=parts.clock
        )
        metrics = await stack.enter_async_context(told)
        _log.info("ready", extra={"listen": target, **_told(settings, parts)})
        live = Live(environ, settings, keys=keys, catalog=parts.catalog, credentials=parts.credentials)
        await stack.enter_async_context(live.watching())
        yield Core(target=target, server=server, tunnel=tunnel, parts=parts, readiness=readiness, live=live, metrics=metrics)


async def run(settings: Settings, environ: Mapping[str, str]) -> None:
    """Serves until SIGTERM or SIGINT, then drains; the second one stops at once. SIGHUP reloads. Raises CannotStart."""
    asked, insisted = asyncio.Event(), asyncio.Event()

    def heard() -> None:
        if asked.is_set():
            insisted.set()
        asked.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, heard)
    async with serving(settings, environ) as core:
        gc.freeze()  # what is there now stays: looking through it at each collection cost a twelfth of a call
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, core.live.reload)
        await asked.wait()
        _log.info("draining", extra={"seconds": settings.drain_timeout})
        # Who shares the calls out sees a health check or two later that this core is going. What it sends until then is served: a
        # call that comes in just as a gRPC server stops ends as CANCELLED.
        await core.readiness.drain()
        with suppress(TimeoutError):
            await asyncio.wait_for(insisted.wait(), settings.drain_delay)
        draining = asyncio.create_task(core.drain(settings.drain_timeout), name="drain")
        impatience = asyncio.create_task(insisted.wait(), name="impatience")
        await asyncio.wait({draining, impatience}, return_when=asyncio.FIRST_COMPLETED)
        if not draining.done():
            await core.server.stop(0)
        await draining
        impatience.cancel()
        await asyncio.wait({impatience})
    _log.info("stopped")


def main(environ: Mapping[str, str]) -> int:
    """The exit code: 0 after a drain, 1 where the core cannot start, with one line that says why."""
    telemetry.log_to_stderr("info")
    try:
        settings = Settings.read(environ)
        telemetry.log_to_stderr(settings.log_level)
        for warning in strays(environ):
            _log.warning(warning)
        uvloop.run(run(settings, environ))
    except (BadSetting, CannotStart) as error:
        _log.error(str(error))
        return 1
    return 0


def _furnish(server: grpc.aio.Server, settings: Settings, parts: Parts, probes: health.aio.HealthServicer) -> None:
    """Adds every service to the server."""
    media = Media(engine=parts.engine, catalog=parts.catalog, assets=parts.assets)
    texts = Texts(catalog=parts.catalog, upstream=parts.upstream, stream_usage=settings.stream_usage)
    text_pb2_grpc.add_TextServiceServicer_to_server(texts, server)
    media_pb2_grpc.add_MediaServiceServicer_to_server(media, server)
    job_pb2_grpc.add_JobServiceServicer_to_server(
        Jobs(engine=parts.engine, assets=parts.assets, inbox=parts.inbox, notifier=parts.notifier), server
    )
    catalog_pb2_grpc.add_CatalogServiceServicer_to_server(Models(parts.catalog), server)
    usage = Usage(
        store=parts.usage,
        recorder=parts.recorder,
        catalog=parts.catalog,
        clock=parts.clock,
        under_way=GATHERED if parts.handover else 0.0,
    )
    usage_pb2_grpc.add_UsageServiceServicer_to_server(usage, server)
    if parts.handover is not None:
        logs = Logs(recorder=parts.recorder, word=parts.handover.word, refused=parts.handover.refused)
        logs_service_pb2_grpc.add_LogsServiceServicer_to_server(logs, server)  # type: ignore[no-untyped-call]
    health_pb2_grpc.add_HealthServicer_to_server(probes, server)
    gateway_pb2_grpc.add_GatewayServiceServicer_to_server(Gateway(_facts(settings, parts)), server)
    names = (*_STORED, *_OTHERS, health.SERVICE_NAME)
    open_to_tools(server, names)


def _rings(keys: Keys, parts: Parts, lookout: Lookout) -> Rings:
    """Access outermost, so that its line tells how the call ended; auth inside of faults, so that a refusal is a fault too.

    Records only of who was let in. The deadline innermost, so that a call that it ends is recorded as one.
    """
    return Rings(access, *lookout.rings, faults, auth(keys), records(parts.recorder, parts.clock), deadline)


def _options(settings: Settings) -> Sequence[tuple[str, int]]:
    return (
        ("grpc.max_receive_message_length", settings.max_body + _SLACK),
        ("grpc.max_send_message_length", -1),
        ("grpc.so_reuseport", 0),  # a port in use is an error, not a second core in silence
        # Many callers may begin at once, and wait for a turn of the loop. Left to itself gRPC turns some away beyond a thousand.
        ("grpc.server.max_pending_requests", _PENDING),
        ("grpc.server.max_pending_requests_hard_limit", _PENDING),
        ("grpc.keepalive_time_ms", 60_000),
        ("grpc.keepalive_timeout_ms", 20_000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
        ("grpc.http2.max_ping_strikes", 0),  # a proxy may ask whether we live as often as it likes
    )


def _facts(settings: Settings, parts: Parts) -> Facts:
    return Facts(
        version=version("mulerun-cli2api"),
        started_at=parts.clock.now(),
        models=len(parts.catalog.models),
        max_request_bytes=settings.max_body + _SLACK,
        job_retention=settings.job_retention,
    )


def _told(settings: Settings, parts: Parts) -> Mapping[str, str | int]:
    """What the ready line says of this core; no secrets."""
    return {
        "version": version("mulerun-cli2api"),
        "token_source": parts.credentials.source,
        "job_store": redact(settings.jobstore_dsn.get_secret_value()) or f"file:{settings.state_dir / 'jobs.db'}",
        "asset_store": redact_place(settings.asset_store) or str(settings.state_dir / "assets"),
        "models": len(parts.catalog.models),
        "keys": len(settings.api_keys),
    }

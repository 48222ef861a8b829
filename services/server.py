"""The core's front door: builds each part once, serves, drains, closes in reverse. Only this room knows all the others."""

import asyncio
import logging
import os
import secrets
import signal
import socket
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

import grpc.aio
import uvloop
from cli2api.v1 import (
    catalog_pb2,
    catalog_pb2_grpc,
    job_pb2,
    job_pb2_grpc,
    media_pb2,
    media_pb2_grpc,
    text_pb2,
    text_pb2_grpc,
    usage_pb2,
    usage_pb2_grpc,
)
from grpc_health.v1 import health, health_pb2_grpc  # type: ignore[import-untyped]
from grpc_reflection.v1alpha import reflection  # type: ignore[import-untyped]

from services import telemetry
from services.api.catalog import Models
from services.api.job import Jobs
from services.api.media import Media
from services.api.text import Texts
from services.api.usage import Usage
from services.catalog.catalog import Catalog
from services.credentials.discovery import NO_CREDENTIALS, find
from services.credentials.keeper import Keeper
from services.domain.errors import StoreUnavailable
from services.interceptors.access import access
from services.interceptors.auth import auth
from services.interceptors.faults import faults
from services.interceptors.metrics import metrics
from services.interceptors.shapes import Rings
from services.jobs.backoff import Pace
from services.jobs.clock import SystemClock
from services.jobs.engine import Engine
from services.jobs.retention import Retention
from services.listening import CannotListen, listen
from services.readiness import Readiness
from services.settings import BadSetting, Settings, strays
from services.stores.dsn import BadDsn, open_store, redact
from services.upstream.assets import Assets
from services.upstream.mulerun import MuleRun
from services.upstream.session import open_session

_log = logging.getLogger("services.server")

_SLACK: Final = 1 << 20
"""Bytes that a message may have beside the body that it carries."""
_STORED: Final = tuple(each.DESCRIPTOR.services_by_name[name].full_name for each, name in (
    (media_pb2, "MediaService"),
    (job_pb2, "JobService"),
))
_OTHERS: Final = tuple(each.DESCRIPTOR.services_by_name[name].full_name for each, name in (
    (text_pb2, "TextService"),
    (catalog_pb2, "CatalogService"),
    (usage_pb2, "UsageService"),
))


class CannotStart(Exception):
    """The core cannot start; the text is one line for the operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """A core that serves."""

    target: str
    """Where gRPC clients reach it."""
    server: grpc.aio.Server
    engine: Engine
    readiness: Readiness

    async def drain(self, grace: float) -> None:
        """Takes no new work; calls that are running get `grace` seconds to end."""
        await self.readiness.drain()
        self.engine.drain()
        await self.server.stop(grace)


@asynccontextmanager
async def serving(settings: Settings, environ: Mapping[str, str]) -> AsyncGenerator[Core, None]:
    """A core that serves inside the block and is closed after it, its parts in reverse. Raises CannotStart."""
    found = find(_with_secrets(environ, settings), Path(environ.get("HOME") or Path.home()))
    if found is None:
        raise CannotStart(NO_CREDENTIALS)
    dsn = settings.jobstore_dsn.get_secret_value()
    clock = SystemClock()
    try:
        catalog = Catalog(settings.model_aliases)
    except ValueError as error:
        raise CannotStart(f"CLI2API_MODEL_ALIASES: {error}") from error

    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(open_session())
        keeper = await stack.enter_async_context(
            Keeper(found, session, settings.oauth_base_url, clock, oauth_seconds=settings.oauth_timeout)
        )
        upstream = MuleRun(session, settings.api_base_url, keeper, clock)
        assets = Assets(session)
        try:
            settings.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            store = await open_store(dsn, settings.state_dir)
            stack.push_async_callback(store.close)
            engine = Engine(
                store=store,
                upstream=upstream,
                clock=clock,
                pace=Pace(initial=settings.poll_interval, maximum=settings.poll_max_interval),
                owner=f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}",
                retention=Retention(
                    seconds=settings.job_retention,
                    hard_cap=settings.job_hard_cap_mult,
                    interval=settings.reaper_interval,
                ),
            )
            await stack.enter_async_context(engine)
        except BadDsn as error:
            raise CannotStart(f"CLI2API_JOBSTORE_DSN: {error}") from error
        except StoreUnavailable as error:
            raise CannotStart(error.message) from error
        except OSError as error:
            raise CannotStart(f"CLI2API_STATE_DIR: {settings.state_dir}: {error.strerror}") from error

        registry = telemetry.open_registry()
        rings = Rings(access, metrics(registry), faults, auth(settings.api_keys))
        server = grpc.aio.server(interceptors=[rings], options=_options(settings))
        text_pb2_grpc.add_TextServiceServicer_to_server(Texts(catalog=catalog, upstream=upstream), server)
        media_pb2_grpc.add_MediaServiceServicer_to_server(Media(engine=engine, catalog=catalog, assets=assets), server)
        job_pb2_grpc.add_JobServiceServicer_to_server(Jobs(engine=engine, assets=assets), server)
        catalog_pb2_grpc.add_CatalogServiceServicer_to_server(Models(catalog), server)
        usage_pb2_grpc.add_UsageServiceServicer_to_server(Usage(), server)
        probes = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(probes, server)
        reflection.enable_server_reflection((*_STORED, *_OTHERS, health.SERVICE_NAME, reflection.SERVICE_NAME), server)

        readiness = Readiness(store=store, clock=clock, servicer=probes, stored=_STORED, others=_OTHERS)
        await readiness.look()
        watching = asyncio.create_task(readiness.run(), name="readiness")
        stack.push_async_callback(_ended, watching)
        try:
            target = listen(server, settings.core_listen)
        except CannotListen as error:
            raise CannotStart(str(error)) from error
        await server.start()
        stack.push_async_callback(server.stop, 0)
        _log.info(
            "ready",
            extra={
                "version": version("mulerun-cli2api"),
                "listen": target,
                "token_source": keeper.source,
                "job_store": redact(dsn) or f"sqlite in {settings.state_dir}",
                "models": len(catalog.models),
                "keys": len(settings.api_keys),
            },
        )
        yield Core(target=target, server=server, engine=engine, readiness=readiness)

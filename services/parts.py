"""Builds the core's parts, each once and from settings alone, and introduces them to each other.

Law: what is opened here is closed in reverse, also when a later part cannot be opened.
"""

import os
import secrets
import socket
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from yarl import URL

from services.api.notices import job_document
from services.assets.keeping import keeping
from services.assets.kept import KeptAssets
from services.assets.place import BadPlace, open_shelf
from services.catalog.catalog import Catalog
from services.credentials.discovery import NO_CREDENTIALS, Found, find
from services.credentials.handover import Handover
from services.credentials.keeper import Keeper
from services.domain.errors import StoreUnavailable
from services.domain.ports import Clock, Follower, JobAssets, JobStore, Upstream, UsageStore
from services.jobs.backoff import Pace
from services.jobs.clock import SystemClock
from services.jobs.engine import Engine
from services.jobs.inbox import Inbox
from services.jobs.notifier import Notifier
from services.jobs.retention import Retention
from services.lookout import Lookout
from services.settings import Settings
from services.stores.dsn import BadDsn, open_store, open_usage_store
from services.upstream.allow import Allow
from services.upstream.assets import Assets, open_links
from services.upstream.courier import open_courier
from services.upstream.mulerun import MuleRun
from services.upstream.session import open_session
from services.upstream.wire import notified
from services.usage.recorder import Recorder

_SAFETY_NET: Final = 60.0
"""Seconds between two polls of a task that a webhook is to tell of."""


class CannotStart(Exception):
    """The core cannot start; the text is one line for the operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the servicers work with, each built once."""

    catalog: Catalog
    credentials: Keeper
    upstream: Upstream
    assets: JobAssets
    store: JobStore
    engine: Engine
    inbox: Inbox | None
    """None where no webhook is awaited."""
    notifier: Notifier | None
    """None where nobody outside is told of jobs."""
    handover: Handover | None
    """None where Envoy gets no credential, because all text goes through the core."""
    usage: UsageStore
    recorder: Recorder
    clock: Clock


async def opened(stack: AsyncExitStack, settings: Settings, environ: Mapping[str, str], lookout: Lookout) -> Parts:
    """Every part, closed in reverse when `stack` is. Raises CannotStart."""
    found = credential(settings, environ)
    if found is None:
        raise CannotStart(NO_CREDENTIALS)
    try:
        catalog = Catalog(settings.model_aliases)
    except ValueError as error:
        raise CannotStart(f"CLI2API_MODEL_ALIASES: {error}") from error
    clock = SystemClock()
    session = await stack.enter_async_context(open_session())
    keeper = Keeper(found, session, settings.oauth_base_url, clock, oauth_seconds=settings.oauth_timeout)
    await stack.enter_async_context(keeper)
    handover = Handover(keeper, settings.direct_dir, clock) if settings.direct_dir else None
    if handover is not None:
        await stack.enter_async_context(handover.running())
    upstream = lookout.upstream(MuleRun(session, settings.api_base_url, keeper, clock))
    try:
        settings.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        dsn = settings.jobstore_dsn.get_secret_value()
        store = lookout.jobs(await open_store(dsn, settings.state_dir, pool=settings.jobstore_pool))
        stack.push_async_callback(store.close)
        allow = Allow(home=URL(settings.api_base_url), private=settings.asset_allow_private)
        source = Assets(await stack.enter_async_context(open_links(allow)), allow)
        shelf = open_shelf(settings.asset_store, settings.state_dir)
        followers: list[Follower] = [*lookout.followers]
        if shelf is not None:
            following = keeping(
                shelf,
                jobs=store,
                source=source,
                clock=clock,
                largest=settings.asset_max,
                retention=settings.job_retention,
                tally=lookout.copies,
            )
            followers.append(await stack.enter_async_context(following))
        notifier: Notifier | None = None
        if settings.notify_url:
            courier = await stack.enter_async_context(open_courier(settings.notify_url, private=settings.notify_allow_private))
            notifier = Notifier(
                store=store,
                courier=lookout.courier(courier),
                secrets=settings.notify_secrets,
                document=job_document,
                clock=clock,
            )
            followers.append(await stack.enter_async_context(notifier))
        engine = Engine(
            store=store,
            upstream=upstream,
            clock=clock,
            pace=_pace(settings),
            owner=f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}",
            retention=Retention(
                seconds=settings.job_retention, hard_cap=settings.job_hard_cap_mult, interval=settings.reaper_interval
            ),
            grace=settings.drain_timeout,
            followers=followers,
            announces=bool(settings.notify_url),
        )
        await stack.enter_async_context(engine)
    except BadDsn as error:
        raise CannotStart(f"CLI2API_JOBSTORE_DSN: {error}") from error
    except BadPlace as error:
        raise CannotStart(f"CLI2API_ASSET_STORE {error}") from error
    except StoreUnavailable as error:
        raise CannotStart(error.message) from error
    except OSError as error:
        raise CannotStart(f"CLI2API_STATE_DIR is {settings.state_dir}, which cannot be used: {error.strerror}") from error
    secret = settings.webhook_secret.get_secret_value()
    usage, recorder = await _recording(stack, settings, clock, lookout)
    return Parts(
        catalog=catalog,
        credentials=keeper,
        upstream=upstream,
        assets=KeptAssets(source, shelf),
        store=store,
        engine=engine,
        inbox=Inbox(engine=engine, secret=secret, read=notified, clock=clock) if secret else None,
        notifier=notifier,
        handover=handover,
        usage=usage,
        recorder=recorder,
        clock=clock,
    )


async def _recording(stack: AsyncExitStack, settings: Settings, clock: Clock, lookout: Lookout) -> tuple[UsageStore, Recorder]:
    """Where records of calls are kept, and who writes them; both outlive the last call."""
    try:
        usage = await open_usage_store(settings.usage_dsn.get_secret_value(), settings.state_dir)
    except BadDsn as error:
        raise CannotStart(f"CLI2API_USAGE_DSN: {error}") from error
    except StoreUnavailable as error:
        raise CannotStart(f"CLI2API_USAGE_DSN: {error.message}") from error
    stack.push_async_callback(usage.close)
    recorder = Recorder(
        store=usage,
        clock=clock,
        buffer=settings.usage_buffer,
        retention=settings.usage_retention,
        interval=settings.reaper_interval,
    )
    return usage, await stack.enter_async_context(recorder)


def _pace(settings: Settings) -> Pace:
    """How often a task is polled: where webhooks tell of it, only in case that one is lost."""
    if settings.webhook_secret.get_secret_value():
        rest = max(_SAFETY_NET, settings.poll_max_interval)
        return Pace(initial=rest, maximum=rest)
    return Pace(initial=settings.poll_interval, maximum=settings.poll_max_interval)


def credential(settings: Settings, environ: Mapping[str, str]) -> Found | None:
    """The MuleRun credential as it is found now; None where there is none."""
    return find(_with_secrets(environ, settings), home_of(environ))


def home_of(environ: Mapping[str, str]) -> Path:
    """Where logins lie."""
    return Path(environ.get("HOME") or Path.home())


def _with_secrets(environ: Mapping[str, str], settings: Settings) -> Mapping[str, str]:
    """The environment as if secrets that came in files stood in it."""
    secret = {"MULERUN_TOKEN": settings.mulerun_token, "MULERUN_STUDIO_TOKEN": settings.mulerun_studio_token}
    return {**environ, **{name: value.get_secret_value() for name, value in secret.items()}}

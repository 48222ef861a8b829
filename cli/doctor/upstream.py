"""Whether MuleRun can be reached, step by step: its name, a connection, TLS, an answer, and whether our clocks agree."""

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncGenerator
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import SplitResult, urlsplit

import aiohttp

from cli.doctor.finding import ok, problem, warning
from services.doctor.finding import Finding
from services.settings import Settings

_SECONDS: Final = 5.0
_SKEW: Final = 60.0
"""Seconds by which clocks may differ: a login is renewed that long before its end."""


async def look(settings: Settings) -> AsyncGenerator[Finding]:
    """The API's host, and the one that renews logins where one is to be renewed."""
    async for each in _host("way to MuleRun", settings.api_base_url, "MULERUN_API_BASE_URL"):
        yield each
    token = settings.mulerun_token.get_secret_value()
    if not token or token.startswith("eyJ"):
        async for each in _host("way to the login", settings.oauth_base_url, "MULERUN_OAUTH_BASE_URL"):
            yield each


async def _host(check: str, url: str, setting: str) -> AsyncGenerator[Finding]:
    parts = urlsplit(url)
    host = parts.hostname or ""
    broken = await _reached(check, parts, setting)
    if broken:
        yield broken
        return
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_SECONDS), trust_env=False) as session,
            session.get(url, allow_redirects=False) as answer,
        ):
            date = answer.headers.get("date", "")
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        fix = f"check {setting}, and proxies and firewalls between here and there"
        yield problem(check, f"{host} takes connections and does not answer HTTP ({type(error).__name__})", fix)
        return
    yield ok(check, f"{host} answers")
    if finding := _clock(check, date, time.time()):
        yield finding


async def _reached(check: str, parts: SplitResult, setting: str) -> Finding | None:
    """What keeps us from the host; None where nothing does."""
    host, encrypted = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if encrypted else 80)
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(_SECONDS):
            await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError):
        return problem(check, f"the name {host} does not resolve", f"check {setting} and this machine's DNS")
    try:
        async with asyncio.timeout(_SECONDS):
            _, writer = await asyncio.open_connection(host, port, ssl=ssl.create_default_context() if encrypted else None)
    except ssl.SSLCertVerificationError as error:
        fix = f"check {setting}, the clock, and the certificates of this machine (ca-certificates)"
        return problem(check, f"{host} shows a certificate that is not trusted: {error.verify_message}", fix)
    except ssl.SSLError as error:
        return problem(
            check, f"{host}:{port} does not speak TLS ({error.reason})", f"check {setting}: https or http, and the port"
        )
    except (OSError, TimeoutError):
        fix = f"check {setting}, and the firewalls between here and there"
        return problem(check, f"{host} takes no connection on port {port}", fix)
    writer.close()
    return None


def _clock(check: str, date: str, now: float) -> Finding | None:
    """What is to say of our clock, by theirs; None where they do not tell the time."""
    try:
        skew = now - parsedate_to_datetime(date).timestamp()
    except ValueError:
        return None
    name = "clock" if check == "way to MuleRun" else f"clock, {check}"
    if abs(skew) < _SKEW:
        return ok(name, f"within {max(1.0, abs(skew)):.0f} s of MuleRun's")
    direction = "ahead of" if skew > 0 else "behind"
    return warning(name, f"{abs(skew):.0f} s {direction} MuleRun's", "set this machine's clock (NTP); logins end by it")

"""Whether a gateway runs on these settings and is ready, or else whether one could listen."""

from collections.abc import AsyncGenerator, Iterator
from typing import Final

import filelock

from cli import doors, ports
from cli.doctor.finding import ok, problem, warning
from cli.errors import StartFailed
from cli.readiness import is_ok
from edge.envoy.address import Tcp
from services.doctor.finding import Finding
from services.settings import Settings

_READY: Final = (("/healthz", "alive"), ("/readyz", "ready"))


async def look(settings: Settings) -> AsyncGenerator[Finding]:
    """The running gateway, or the ports."""
    if not _runs(settings):
        for each in _ports(settings):
            yield each
        return
    if not settings.port:
        yield ok("gateway", "runs, on a free port that only its log names")
        return
    url = f"{doors.scheme(settings)}://{ports.reachable(Tcp(settings.host, settings.port))}"
    probed = doors.probed(settings, url)
    answers = [word for path, word in _READY if await is_ok(probed.url + path, socket=probed.socket)]
    if len(answers) == len(_READY):
        yield ok("gateway", f"runs at {url} and is ready")
    else:
        says = f"runs, but {url} is {'alive and not ready' if answers else 'not answering'}"
        yield problem("gateway", says, "look at its log: the last lines of level error say what it waits for")


def _runs(settings: Settings) -> bool:
    """The lock is held by the process that has the run folder, however that one ends."""
    lock = settings.state_dir / "run" / "lock"
    if not lock.exists():
        return False
    try:
        with filelock.FileLock(lock, timeout=0, mode=0o600):
            return False
    except (filelock.Timeout, OSError):
        return True


def _ports(settings: Settings) -> Iterator[Finding]:
    taken = False
    for setting, port in (("CLI2API_PORT", settings.port), ("CLI2API_GRPC_PORT", settings.grpc_port)):
        try:
            with ports.held(settings.host, port, setting=setting):
                continue
        except StartFailed as failed:
            taken = True
            says, _, fix = str(failed).partition(": ")
            yield problem("ports", says, fix)
    if not taken:
        yield ok("ports", f"{settings.port} and {settings.grpc_port} on {settings.host} are free")
    host, _, port_text = settings.metrics_listen.rpartition(":")
    if settings.metrics_listen != "off" and not settings.metrics_listen.startswith("unix:"):
        try:
            with ports.held(host.strip("[]"), int(port_text), setting="CLI2API_METRICS_LISTEN"):
                return
        except StartFailed as failed:
            says, _, fix = str(failed).partition(": ")
            yield warning("ports", f"{says}, so metrics would not be served", fix)

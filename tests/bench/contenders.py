"""What is measured, as processes: each is started, waited for and ended by its own id."""

import os
import select
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx2
import psutil

from cli.parts import envoy_threads
from tests.bench.envoy import write_bare_envoy
from tests.bench.load import KEY
from tests.bench.stock import write_stock_envoy

BIN: Final = Path(sys.executable).parent
PATIENCE: Final = 30.0
"""Seconds that a process gets to be ready, and to end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One way to the upstream. Ports are of 127.0.0.1; 0 where there is none."""

    name: str
    http_port: int = 0
    grpc_port: int = 0
    core_port: int = 0
    """Where the core itself takes gRPC."""
    headers: Mapping[str, str] = field(default_factory=lambda: {"authorization": f"Bearer {KEY}"})
    streams: bool = True
    """It takes part where streams are measured."""
    process: psutil.Process

    def resident(self) -> dict[str, int]:
        """Bytes in memory now, for each process of it by name."""
        found: dict[str, int] = {}
        for process in (self.process, *self.process.children(recursive=True)):
            with process.oneshot():
                found[_part(process)] = found.get(_part(process), 0) + process.memory_info().rss
        return found

    def spent(self) -> dict[str, float]:
        """Seconds of CPU, user and system, that each process of it has had so far, by name."""
        found: dict[str, float] = {}
        for process in (self.process, *self.process.children(recursive=True)):
            with process.oneshot():
                times = process.cpu_times()
                found[_part(process)] = found.get(_part(process), 0.0) + times.user + times.system
        return found


@contextmanager
def contenders(folder: Path) -> Iterator[tuple[Contender, ...]]:
    """The upstream itself, Envoy bare and with stock filters, the gateway with either way for text; all end with the context."""
    with ExitStack() as stack:
        direct = stack.enter_context(upstream(folder))
        bare = stack.enter_context(bare_envoy(folder, direct.http_port))
        stock = stack.enter_context(stock_envoy(folder, direct.http_port))
        found = [direct, bare, stock]
        for way, name in (("direct", "cli2api, direct way"), ("relay", "cli2api, through the shim")):
            gateway, _ = stack.enter_context(serve(folder / way, direct.http_port, way=way, name=name))
            found.append(gateway)
        yield tuple(found)


@contextmanager
def upstream(folder: Path) -> Generator[Contender]:
    """The bench's own upstream."""
    with _on_a_port_of_its_own("upstream", folder) as (process, port):
        yield Contender(name="direct", http_port=port, process=psutil.Process(process.pid))


@contextmanager
def bare_envoy(folder: Path, upstream_port: int) -> Generator[Contender]:
    """Envoy without filters."""
    port = free_port()
    config = write_bare_envoy(folder, port=port, upstream_port=upstream_port)
    with _envoy(config, port) as process:
        yield Contender(name="Envoy, no filters", http_port=port, process=psutil.Process(process.pid))


@contextmanager
def stock_envoy(folder: Path, upstream_port: int) -> Generator[Contender]:
    """Envoy with stock filters for what the direct way does."""
    port = free_port()
    with _on_a_port_of_its_own("stock", folder) as (_, receiver_port):
        config = write_stock_envoy(folder, port=port, upstream_port=upstream_port, receiver_port=receiver_port)
        with _envoy(config, port) as process:
            yield Contender(name="Envoy, stock filters", http_port=port, process=psutil.Process(process.pid))


@contextmanager
def _envoy(config: Path, port: int) -> Generator[subprocess.Popen[str]]:
    threads = str(envoy_threads())  # as many as the gateway's has
    argv = [str(BIN / "envoy"), "-c", str(config), "-l", "error", "--concurrency", threads, "--disable-hot-restart"]
    log = config.with_suffix(".log")
    with running(argv, log) as process:
        wait_until_answered(port, "/", process, log)
        yield process


@contextmanager
def _on_a_port_of_its_own(module: str, folder: Path) -> Generator[tuple[subprocess.Popen[str], int]]:
    """A module of the bench's that prints the port on which it listens."""
    log = folder / f"{module}.log"
    with running([sys.executable, "-m", f"tests.bench.{module}"], log, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        if not select.select([process.stdout], [], [], PATIENCE)[0]:
            raise RuntimeError(f"the bench's {module} did not start:\n{log.read_text()}")
        yield process, int(process.stdout.readline())


@contextmanager
def serve(state: Path, upstream_port: int, *, way: str = "direct", name: str = "cli2api") -> Generator[tuple[Contender, float]]:
    """The gateway as a stranger starts it, and the seconds from there to its first healthy answer."""
    http_port, grpc_port, core_port = free_port(), free_port(), free_port()
    upstream_url = f"http://127.0.0.1:{upstream_port}"
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("CLI2API_", "MULERUN_"))} | {
        "CLI2API_PORT": str(http_port),
        "CLI2API_GRPC_PORT": str(grpc_port),
        "CLI2API_API_KEYS": KEY,
        "CLI2API_STATE_DIR": str(state),
        "CLI2API_CORE_LISTEN": f"127.0.0.1:{core_port}",
        "CLI2API_TEXT_PATH": way,
        "MULERUN_API_BASE_URL": upstream_url,
        "MULERUN_OAUTH_BASE_URL": upstream_url,
        "MULERUN_TOKEN": "muk-" + "b" * 64,
    }
    log = state.with_suffix(".log")
    began = time.perf_counter()
    with running([str(BIN / "cli2api"), "serve"], log, environ=environ) as process:
        wait_until_answered(http_port, "/healthz", process, log)
        ready = time.perf_counter() - began
        found = psutil.Process(process.pid)
        yield Contender(name=name, http_port=http_port, grpc_port=grpc_port, core_port=core_port, process=found), ready


@contextmanager
def running(
    argv: list[str], log: Path, *, environ: dict[str, str] | None = None, stdout: int = subprocess.DEVNULL
) -> Generator[subprocess.Popen[str]]:
    """A process and whatever it starts, ended with the context; what it says on stderr goes into `log`."""
    with log.open("w") as stderr, subprocess.Popen(argv, env=environ, stdout=stdout, stderr=stderr, text=True) as process:
        try:
            yield process
        finally:
            family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
            for orphan in psutil.wait_procs(family, timeout=5.0)[1]:
                orphan.kill()


def wait_until_answered(port: int, path: str, process: subprocess.Popen[str], log: Path, *, patience: float = PATIENCE) -> None:
    """Returns with the first answer below 500. Raises RuntimeError with the log's end where none comes."""
    deadline = time.monotonic() + patience
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=1.0) as client:
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise RuntimeError(f"{process.args!r} ended with {process.returncode}:\n{log.read_text()[-2000:]}")
            try:
                if client.get(path).status_code < 500:
                    return
            except httpx2.TransportError:
                select.select([], [], [], 0.02)
    raise RuntimeError(f"{process.args!r} did not answer on port {port}:\n{log.read_text()[-2000:]}")


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wrk() -> str | None:
    """The load generator written in C, which leaves more of the machine to what is measured; None where it is not installed."""
    return shutil.which("wrk")


def _part(process: psutil.Process) -> str:
    """What a process is, for people."""
    words = process.cmdline()
    module = words[words.index("-m") + 1] if "-m" in words[:-1] else ""
    if "envoy" in process.name():
        return "Envoy"
    return {"services": "core", "edge": "edge", "tests.bench.upstream": "upstream"}.get(module, "the rest")

"""The gateway of a soak: `cli2api serve` as a stranger starts it, its processes by name, and what it logs."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
import psutil

from cli.readiness import is_ok, until
from tests.soak.plan import KEY

PATIENCE: Final = 60.0
_PARTS: Final = {"services": "CLI2API_CORE_LISTEN", "edge": "CLI2API_EDGE_LISTEN"}
_PROVOKED: Final = (
    "died and is started again",
    "an abandoned submission was found",
    "the same copy is being written by another core)",
)
"""Ends of lines that may be there when a part was killed; a core that starts offers itself every file that is not kept yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """One that serves."""

    process: Process
    log: Path
    keys: Path
    """The file with the keys that callers may present."""
    rest_url: str
    grpc_target: str
    metrics_url: str

    def parts(self) -> dict[str, psutil.Process]:
        """Its processes that run now, by name: serve, envoy, core or core-0 and so on. One that is just starting is left out."""
        found = {"serve": psutil.Process(self.process.pid)}
        for child in found["serve"].children():
            with suppress(psutil.NoSuchProcess, psutil.ZombieProcess, psutil.AccessDenied, IndexError, KeyError):
                words = child.cmdline()
                name = "envoy" if "envoy" in words[0] else Path(child.environ()[_PARTS[words[3]]]).stem
                found[name] = child
        return found

    async def is_well(self) -> bool:
        """The edge and the core behind it answer, not only once."""
        return await is_ok(f"{self.rest_url}/readyz") and all([await self.takes(KEY) for _ in range(4)])

    async def takes(self, key: str) -> bool:
        """Whether whoever has that key may ask for the model; asking costs nothing and is no record."""
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session,
                session.get(f"{self.rest_url}/v1/models/mine", headers={"authorization": f"Bearer {key}"}) as answer,
            ):
                await answer.read()
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    def complaints(self) -> Counter[str]:
        """What the log says at level error, but for what the blows bring about."""
        found: Counter[str] = Counter()
        for line in self.log.read_bytes().splitlines():
            told = _fields(line)
            said = f"{told.get('message', '')[-200:]}" + (f" ({told['why']})" if "why" in told else "")
            if told.get("level") in {"error", "critical"} and not said.endswith(_PROVOKED):
                found[f"{told.get('logger', '')}: {said}"] += 1
        return found


@asynccontextmanager
async def serving(folder: Path, environ: Mapping[str, str]) -> AsyncGenerator[Gateway]:
    """A gateway that is ready; drained with the context, which raises AssertionError where it does not end well."""
    log, keys, state = folder / "serve.log", folder / "keys", folder / "state"
    keys.write_text(KEY)
    told = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "CLI2API_STATE_DIR": str(state),
        "CLI2API_API_KEYS_FILE": str(keys),
        **environ,
    }
    with log.open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "cli", "serve"), env=told, cwd=folder, stdin=DEVNULL, stdout=DEVNULL, stderr=stderr
        )
    try:
        startup = await _startup(process, log)
        yield Gateway(
            process=process,
            log=log,
            keys=keys,
            rest_url=f"http://127.0.0.1:{startup['port']}",
            grpc_target=f"127.0.0.1:{startup['grpc_port']}",
            metrics_url=startup["metrics"],
        )
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE):
            assert await process.wait() == 0, log_end(log)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _startup(process: Process, log: Path) -> dict[str, Any]:
    """The line that says where it serves."""

    async def is_there() -> bool:
        assert process.returncode is None, log_end(log)
        return _said(log, "startup") is not None

    async with asyncio.timeout(PATIENCE):
        await until(is_there)
    startup = _said(log, "startup")
    assert startup is not None
    return startup


def log_end(log: Path) -> str:
    """The last of what was said, for whoever has to find out why it ended."""
    return log.read_text()[-2000:]


def _said(log: Path, message: str) -> dict[str, Any] | None:
    """The first line with that message, once it is there."""
    return next((told for line in log.read_bytes().splitlines() if (told := _fields(line)).get("message") == message), None)


def _fields(line: bytes) -> dict[str, Any]:
    """A line of the log; empty where it is not whole yet."""
    try:
        told: dict[str, Any] = json.loads(line)
    except ValueError:
        return {}
    return told

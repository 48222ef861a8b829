"""The whole house on loopback: a simulated MuleRun, and the gateway as `cli2api serve` runs it, in real processes."""

import asyncio
import io
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc.aio
import openai
from aiohttp import ClientSession

from cli.gateway import Gateway
from simulator.options import Options
from simulator.server import Simulator

KEY = "sk-house"
METADATA = (("authorization", f"Bearer {KEY}"),)


class Log:
    """What the gateway has logged, line by line."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self._grown = asyncio.Event()

    def write(self, line: bytes) -> None:
        self.lines.append(line)
        self._grown.set()

    async def until(self, holds: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """The lines as soon as they hold what is asked for. Raises TimeoutError."""
        async with asyncio.timeout(10):
            while True:
                lines = [json.loads(line) for line in self.lines]
                if holds(lines):
                    return lines
                self._grown.clear()
                await self._grown.wait()


@dataclass(frozen=True)
class House:
    """A gateway that serves, what stands behind it, and every way in."""

    simulator: Simulator
    gateway: Gateway
    sdk: openai.AsyncOpenAI
    http: ClientSession
    """Plain HTTP, with the key; paths are relative to the REST listener."""
    channel: grpc.aio.Channel
    log: Log

    async def is_well(self) -> bool:
        """It answers a chat, whatever happened before."""
        answer = await self.sdk.chat.completions.create(model="gpt-5", messages=[{"role": "user", "content": "still there?"}])
        return answer.choices[0].message.content == "You said: still there?"


@asynccontextmanager
async def house(state_dir: Path, *, options: Options | None = None, **settings: str) -> AsyncGenerator[House]:
    """A house on free ports, with short polls; `settings` are further variables of the gateway."""
    log = Log()
    async with (
        Simulator(options) as simulator,
        Gateway(environ(state_dir, simulator, **settings), write=log.write) as gateway,
        openai.AsyncOpenAI(base_url=f"{gateway.rest_url}/v1", api_key=KEY, max_retries=0, timeout=20) as sdk,
        ClientSession(gateway.rest_url, headers={"authorization": f"Bearer {KEY}"}) as http,
        grpc.aio.insecure_channel(gateway.grpc_target) as channel,
    ):
        yield House(simulator, gateway, sdk, http, channel, log)


def environ(state_dir: Path, simulator: Simulator, **settings: str) -> dict[str, str]:
    """The variables that the gateway is started with."""
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(state_dir),
        "CLI2API_PORT": "0",
        "CLI2API_GRPC_PORT": "0",
        "CLI2API_METRICS_LISTEN": "127.0.0.1:0",
        "CLI2API_API_KEYS": KEY,
        "CLI2API_STATE_DIR": str(state_dir),
        "CLI2API_POLL_INTERVAL": "50ms",
        "CLI2API_POLL_MAX_INTERVAL": "200ms",
        **simulator.environ,
        **settings,
    }


async def ask(http: ClientSession, method: str, path: str, body: object) -> tuple[int, dict[str, Any]]:
    """The status and the error of an answer that has to be one, all four keys present."""
    content = None if body is None else io.BytesIO(body if isinstance(body, bytes) else json.dumps(body).encode())
    async with http.request(method, path, data=content, headers={"content-type": "application/json"}) as answer:
        error = (await answer.json())["error"]
        assert set(error) == {"message", "type", "param", "code"}
        return answer.status, error

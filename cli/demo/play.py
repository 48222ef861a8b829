"""Sets the stage, plays every scene in order, clears the stage away: simulator, core, edge shim and the real Envoy."""

import os
import tempfile
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import grpc
import openai

from cli.demo import sdk, stubs
from cli.demo.screen import DemoFailed
from cli.errors import StartFailed
from cli.gateway import Gateway
from simulator.options import Options
from simulator.server import Simulator

KEY: Final = "demo-key"
STEP_SECONDS: Final = 30.0
"""How long any one call may take."""
SPOKEN_SECONDS: Final = 0.1
"""How long the simulated model takes for a word, so that a stream is seen to be one."""


async def play(output: Path) -> None:
    """Everything, from nothing to the files in the folder `output`. Raises DemoFailed with a message for people."""
    began = time.monotonic()
    print("cli2api demo: the whole gateway on this machine, against a simulated MuleRun; nothing is paid\n")
    try:
        async with set_stage() as gateway:
            print(f"  REST   {gateway.rest_url}\n  gRPC   {gateway.grpc_target}\n  ready  {time.monotonic() - began:.1f} s\n")
            await play_sdk(gateway.rest_url, output)
            await play_stubs(gateway.grpc_target)
    except StartFailed as failed:
        raise DemoFailed(f"the gateway did not start: {failed}") from failed
    except openai.OpenAIError as failed:
        raise DemoFailed(f"the SDK raised {type(failed).__name__}: {failed}") from failed
    except grpc.aio.AioRpcError as failed:
        raise DemoFailed(f"the gRPC call ended with {failed.code().name}: {failed.details()}") from failed
    print(f"\nall of it worked, in {time.monotonic() - began:.1f} s")


@asynccontextmanager
async def set_stage() -> AsyncGenerator[Gateway]:
    """A gateway over a simulator, both on free ports, with their state in a folder that goes when the demo ends."""
    async with AsyncExitStack() as stack:
        state = stack.enter_context(tempfile.TemporaryDirectory(prefix="cli2api-demo-"))
        simulator = await stack.enter_async_context(Simulator(Options(chunk_delay_s=SPOKEN_SECONDS)))
        yield await stack.enter_async_context(Gateway(environment(os.environ, simulator.url, state)))


def environment(environ: Mapping[str, str], upstream: str, state: str) -> dict[str, str]:
    """What the gateway is started with: nothing of the caller's own settings or credentials, and short polls."""
    kept = {name: value for name, value in environ.items() if not name.startswith(("CLI2API_", "MULERUN_"))}
    return kept | {
        "CLI2API_PORT": "0",
        "CLI2API_GRPC_PORT": "0",
        "CLI2API_API_KEYS": KEY,
        "CLI2API_STATE_DIR": state,
        "CLI2API_LOG_LEVEL": "error",
        "CLI2API_POLL_INTERVAL": "200ms",
        "CLI2API_POLL_MAX_INTERVAL": "500ms",
        "MULERUN_API_BASE_URL": upstream,
        "MULERUN_OAUTH_BASE_URL": upstream,
        "MULERUN_TOKEN": "muk-" + "demo" * 16,
    }


async def play_sdk(rest_url: str, output: Path) -> None:
    """The scenes of the official SDK. It tries nothing twice, so that a fault shows."""
    print(f"the official openai SDK {openai.__version__}, over Envoy's REST port")
    async with openai.AsyncOpenAI(base_url=f"{rest_url}/v1", api_key=KEY, timeout=STEP_SECONDS, max_retries=0) as client:
        await sdk.chat(client)
        await sdk.streamed_chat(client)
        await sdk.image(client, output)
        await sdk.speech(client, output)
        await sdk.video(client, output)


async def play_stubs(grpc_target: str) -> None:
    """The scenes of the generated stubs."""
    print(f"\ngRPC stubs (grpcio {grpc.__version__}), over Envoy's gRPC port")
    async with grpc.aio.insecure_channel(grpc_target) as channel:
        call = stubs.Call(channel=channel, metadata=(("authorization", f"Bearer {KEY}"),), timeout=STEP_SECONDS)
        await stubs.streamed_text(call)
        await stubs.watched_video(call)
        await stubs.jobs(call)

"""How one command speaks to a gateway that runs: a socket in its run folder, one word in, one line of JSON out.

Law: who can open the socket owns the gateway, so it is its owner's alone.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec

from cli.errors import StartFailed
from services.live.succession import Outcome

SOCKET: Final = "serve.sock"
RELOAD: Final = b"reload\n"
_PATIENCE: Final = 30.0


class NotThere(Exception):
    """No gateway answers."""


@asynccontextmanager
async def listening(run: Path, reload: Callable[[], Awaitable[Outcome]]) -> AsyncGenerator[None]:
    """Answers at the run folder's socket inside the block. Raises StartFailed."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                if await reader.readline() == RELOAD:
                    writer.write(msgspec.json.encode(await reload()) + b"\n")
                    await writer.drain()
        except (OSError, TimeoutError, ValueError):
            return  # whoever asked has gone, or says nothing
        finally:
            writer.close()

    try:
        server = await asyncio.start_unix_server(answer, run / SOCKET)
    except OSError as error:
        raise StartFailed(
            f"cannot listen at {run / SOCKET} ({error.strerror or error}): set CLI2API_STATE_DIR to another folder"
        ) from error
    (run / SOCKET).chmod(0o600)
    try:
        yield
    finally:
        server.close()
        await server.wait_closed()
        (run / SOCKET).unlink(missing_ok=True)


async def ask_to_reload(run: Path) -> Outcome:
    """What came of it. Raises NotThere."""
    try:
        async with asyncio.timeout(_PATIENCE):
            reader, writer = await asyncio.open_unix_connection(run / SOCKET)
            try:
                writer.write(RELOAD)
                return msgspec.json.decode(await reader.readline(), type=Outcome)
            finally:
                writer.close()
    except (OSError, TimeoutError, msgspec.DecodeError) as error:
        raise NotThere(f"no gateway answers at {run / SOCKET}") from error

"""Hears on a connection of its own what other cores have changed, and finds its way back when the connection breaks."""

import asyncio
import logging
import re
from collections.abc import Callable
from typing import Final

from services.stores.postgres_server import CONNECT_SECONDS, DRIVER_ERRORS, cause, connect

CHANNEL: Final = "cli2api_jobs"
"""Where `sql/postgres.sql` notifies, in the transaction of the change itself."""
PULSE_SECONDS: Final = 15.0
"""A connection that is silent may be dead without a word, so it is asked this often."""
RECONNECT_SECONDS: Final = 1.0
_WORD: Final = re.compile(r"(\S+) (\d+)")

log = logging.getLogger(__name__)


async def listen(dsn: str, heard: Callable[[str, int], None]) -> None:
    """Calls `heard` with id and revision of every change, until cancelled.

    What was told while nobody listened is lost, so each new connection begins with `heard("", 0)`: anything may have changed.
    """
    while True:
        try:
            await _one_connection(dsn, heard)
        except DRIVER_ERRORS as error:
            log.warning("other cores cannot be heard; trying again", extra={"why": cause(error)})
        await asyncio.sleep(RECONNECT_SECONDS)


async def _one_connection(dsn: str, heard: Callable[[str, int], None]) -> None:
    connection = await connect(dsn)
    broken = asyncio.Event()

    def tell(_connection: object, _pid: int, _channel: str, payload: object) -> None:
        if word := _WORD.fullmatch(str(payload)):
            heard(word[1], int(word[2]))

    try:
        connection.add_termination_listener(lambda _: broken.set())
        await connection.add_listener(CHANNEL, tell)
        heard("", 0)
        while not broken.is_set():
            await connection.execute("SELECT 1", timeout=CONNECT_SECONDS)
            try:
                async with asyncio.timeout(PULSE_SECONDS):
                    await broken.wait()
            except TimeoutError:
                continue
        log.warning("the connection that hears of other cores broke")
    finally:
        connection.terminate()

"""The bench's MuleRun for jobs, in a process of its own: takes every task and says of each that it is under way.

`python -m tests.bench.tasks` prints its port as one line and serves until it is terminated.
"""

import asyncio
from itertools import count
from typing import cast

import httptools
import uvloop


class Connection(asyncio.Protocol):
    """One connection of the core's: a task for each POST, and for each GET the word that it goes on."""

    numbers = count()

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.parser = httptools.HttpRequestParser(self)
        self.path = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's does not inherit from it

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self.path = url

    def on_message_complete(self) -> None:
        if self.transport is None:
            return
        if self.parser.get_method() == b"POST":
            self.transport.write(answer(b"task-%d" % next(self.numbers), b"pending", b"202 Accepted"))
        else:
            self.transport.write(answer(self.path.rpartition(b"/")[2], b"processing", b"200 OK"))


def answer(task_id: bytes, word: bytes, status: bytes) -> bytes:
    """What MuleRun says of a task, as a whole HTTP answer."""
    body = b'{"task_info":{"id":"%s","status":"%s"}}' % (task_id, word)
    return b"HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (status, len(body), body)


async def serve() -> None:
    """Listens on a free port of this machine until the process ends."""
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve())

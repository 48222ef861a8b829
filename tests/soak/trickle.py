"""An upstream that trickles, a word every few seconds: `python -m tests.soak.trickle --chunks 30 --pause 2` prints its port."""

import argparse
import asyncio
from functools import partial
from typing import Final

import uvloop

from tests.bench.upstream import SSE_HEAD, Connection
from tests.soak.limits import raise_open_files

_BACKLOG: Final = 4096


class Trickle(Connection):
    """One caller's connection; whatever it asks, it gets a stream of so many chunks."""

    def __init__(self, chunks: int, pause: float) -> None:
        super().__init__()
        self._chunks, self._pause = chunks, pause

    def on_message_complete(self) -> None:
        if self.transport is not None:
            self.transport.write(SSE_HEAD)
            self.pause = self._pause
            self.write_chunk(self._chunks)


async def serve() -> None:
    """Listens on a free port of this machine until the process ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chunks", type=int, required=True)
    parser.add_argument("--pause", type=float, required=True, help="seconds between two chunks")
    args = parser.parse_args()
    raise_open_files()
    make = partial(Trickle, args.chunks, args.pause)
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0, backlog=_BACKLOG)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve())

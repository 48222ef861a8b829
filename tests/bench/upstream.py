"""The bench's upstream, in a process of its own: answers chat as fast as a small Python server can, so that it is not the limit.

`python -m tests.bench.upstream` prints its port as one line and serves until it is terminated.
"""

import asyncio
import json
from typing import Final, cast

import httptools
import uvloop

CHUNKS_PER_STREAM: Final = 100
SLOW_CHUNKS: Final = 60
SLOW_SECONDS: Final = 1.0
PACES: Final = {"slow": (SLOW_CHUNKS, SLOW_SECONDS), "spoken": (CHUNKS_PER_STREAM, 0.01)}
"""Chunks of a stream that was asked to be slow, or as quick as a model speaks, and the seconds between two of them."""

ANSWER: Final = json.dumps(
    {
        "id": "chatcmpl-bench",
        "object": "chat.completion",
        "created": 1_760_000_000,
        "model": "gpt-5-mini",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Good morning."}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12},
    }
).encode()
CHUNK: Final = (
    b'data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1760000000,"model":"gpt-5-mini",'
    b'"choices":[{"index":0,"delta":{"content":"morning "},"finish_reason":null}]}\n\n'
)
DONE: Final = b"data: [DONE]\n\n"
JSON_REPLY: Final = (b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(ANSWER)) + ANSWER
SSE_HEAD: Final = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def framed(piece: bytes) -> bytes:
    """One piece in HTTP's chunked coding."""
    return b"%x\r\n%s\r\n" % (len(piece), piece)


class Connection(asyncio.Protocol):
    """One caller's connection: an answer for each request, in order; a stream is written chunk by chunk."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.parser = httptools.HttpRequestParser(self)
        self.body = bytearray()
        self.pause = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's does not inherit from it

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_begin(self) -> None:
        self.body.clear()

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        if self.transport is None:
            return
        if b'"stream":true' in self.body or b'"stream": true' in self.body:
            self.transport.write(SSE_HEAD)
            asked = next((pace for name, pace in PACES.items() if b'"%b"' % name.encode() in self.body), None)
            count, self.pause = asked or (CHUNKS_PER_STREAM, 0.0)
            self.write_chunk(count)
        else:
            self.transport.write(JSON_REPLY)

    def write_chunk(self, left: int) -> None:
        """Writes one chunk and comes back for the next in the loop's next turn, as a model that speaks does."""
        if self.transport is None:
            return
        if left:
            self.transport.write(framed(CHUNK))
            loop = asyncio.get_running_loop()
            if self.pause:
                loop.call_later(self.pause, self.write_chunk, left - 1)
            else:
                loop.call_soon(self.write_chunk, left - 1)
        else:
            self.transport.write(framed(DONE) + b"0\r\n\r\n")


async def serve() -> None:
    """Listens on a free port of this machine until the process ends."""
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve())

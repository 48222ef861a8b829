"""One of many callers that ask for a stream and listen: a socket and a parser, so that thousands cost this process little."""

import asyncio
import json
from typing import cast

import httptools

from tests.soak.plan import KEY


def slow_chat(port: int) -> bytes:
    """The request of each, as bytes on the wire."""
    body = json.dumps({"model": "gpt-5-mini", "stream": True, "messages": [{"role": "user", "content": "Speak slowly."}]})
    lines = (
        "POST /v1/chat/completions HTTP/1.1",
        f"host: 127.0.0.1:{port}",
        f"authorization: Bearer {KEY}",
        "content-type: application/json",
        f"content-length: {len(body)}",
    )
    return "\r\n".join([*lines, "", body]).encode()


class Stream(asyncio.Protocol):
    """One caller that asks once and listens to the end."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._parser = httptools.HttpResponseParser(self)
        self.begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.pieces = 0
        self.is_whole = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's does not inherit from it
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self.pieces += body.count(b"data: {")
        self.is_whole = self.is_whole or b"data: [DONE]" in body
        if not self.begun.done():
            self.begun.set_result(None)

    def on_message_complete(self) -> None:
        self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        for waiting in (self.begun, self.ended):
            if not waiting.done():
                waiting.set_result(None)

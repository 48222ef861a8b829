"""The bench's caller, in a process of its own: a fixed number of connections, each asking again as soon as it is answered.

`python -m tests.bench.load http PORT ...` and `... grpc PORT ...` print one JSON object: a `Measure`.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Final, cast

import grpc
import httptools
import uvloop
from cli2api.v1 import text_pb2, text_pb2_grpc

KEY: Final = "bench-key"
MODEL: Final = "gpt-5-mini"
LONGEST: Final = 20.0
"""Seconds after which a run ends, however much is still open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What one run came to. Times are seconds; `p50` and `p99` are of whole requests."""

    requests: int
    errors: int
    pieces: int
    """Events of streams."""
    seconds: float
    p50: float
    p99: float


class Caller(asyncio.Protocol):
    """One connection that asks, reads the whole answer, and asks again until the run is over."""

    def __init__(self, request: bytes, run: "Run") -> None:
        self.request = request
        self.run = run
        self.parser = httptools.HttpResponseParser(self)
        self.transport: asyncio.Transport | None = None
        self.asked_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's does not inherit from it
        self.ask()

    def ask(self) -> None:
        """Sends the next request, or hangs up."""
        assert self.transport is not None
        if self.run.is_over():
            self.transport.close()
            return
        self.asked_at = time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self.run.pieces += body.count(b"data: {")

    def on_message_complete(self) -> None:
        self.run.answered(self.asked_at, ok=self.parser.get_status_code() == 200)
        self.parser = httptools.HttpResponseParser(self)
        self.ask()

    def connection_lost(self, exc: Exception | None) -> None:
        self.run.leave()


class Run:
    """Counts one run: it is over after so many requests or seconds, whichever comes first."""

    def __init__(self, *, connections: int, requests: int, seconds: float) -> None:
        self.most = requests
        self.began = time.perf_counter()
        self.ends = self.began + seconds
        self.latencies: list[float] = []
        self.errors = 0
        self.pieces = 0
        self.open = connections
        self.done = asyncio.get_running_loop().create_future()

    def is_over(self) -> bool:
        return len(self.latencies) >= self.most or time.perf_counter() >= self.ends

    def answered(self, asked_at: float, *, ok: bool) -> None:
        self.latencies.append(time.perf_counter() - asked_at)
        self.errors += not ok

    def leave(self) -> None:
        """A connection has ended."""
        self.open -= 1
        if not self.open and not self.done.done():
            self.done.set_result(None)

    def measure(self) -> Measure:
        seconds = time.perf_counter() - self.began
        ordered = sorted(self.latencies) or [0.0]
        return Measure(
            requests=len(self.latencies),
            errors=self.errors,
            pieces=self.pieces,
            seconds=seconds,
            p50=ordered[len(ordered) // 2],
            p99=ordered[len(ordered) * 99 // 100],
        )


def chat_body(*, stream: bool) -> bytes:
    """A small chat request."""
    return json.dumps({"model": MODEL, "stream": stream, "messages": [{"role": "user", "content": "Good morning."}]}).encode()


def http_request(port: int, *, stream: bool) -> bytes:
    """The same as bytes on the wire."""
    body = chat_body(stream=stream)
    return (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:%d\r\nauthorization: Bearer %s\r\n"
        b"content-type: application/json\r\ncontent-length: %d\r\n\r\n"
    ) % (port, KEY.encode(), len(body)) + body


async def load_http(run: Run, port: int, connections: int, *, stream: bool) -> None:
    """REST, with sockets and a parser and nothing else."""
    request = http_request(port, stream=stream)
    loop = asyncio.get_running_loop()
    for _ in range(connections):
        await loop.create_connection(lambda: Caller(request, run), "127.0.0.1", port)
    await run.done


async def load_grpc(run: Run, port: int, connections: int, *, stream: bool) -> None:
    """The typed way, with the generated stubs; one channel, so many calls at once."""
    messages = [text_pb2.Message(role=text_pb2.ROLE_USER, parts=[text_pb2.Part(text="Good morning.")])]
    metadata = (("authorization", f"Bearer {KEY}"),)

    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = text_pb2_grpc.TextServiceStub(channel)

        async def whole() -> None:
            await stub.Generate(text_pb2.GenerateRequest(model=MODEL, messages=messages), metadata=metadata)

        async def streamed() -> None:
            request = text_pb2.StreamGenerateRequest(model=MODEL, messages=messages)
            async for event in stub.StreamGenerate(request, metadata=metadata):
                run.pieces += event.HasField("text")

        await asyncio.gather(*(ask_again(run, streamed if stream else whole) for _ in range(connections)))


async def ask_again(run: Run, call: Callable[[], Awaitable[None]]) -> None:
    """One caller that asks, reads the whole answer, and asks again until the run is over."""
    while not run.is_over():
        asked_at = time.perf_counter()
        try:
            await call()
        except grpc.aio.AioRpcError:
            run.answered(asked_at, ok=False)
        else:
            run.answered(asked_at, ok=True)


async def main() -> None:
    """One run, as the flags say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("way", choices=("http", "grpc"))
    parser.add_argument("port", type=int)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--stream", action="store_true")
    args = parser.parse_args()
    run = Run(connections=args.connections, requests=args.requests, seconds=args.seconds)
    load = load_http if args.way == "http" else load_grpc
    async with asyncio.timeout(LONGEST):
        await load(run, args.port, args.connections, stream=args.stream)
    print(json.dumps(asdict(run.measure())))


if __name__ == "__main__":
    uvloop.run(main())

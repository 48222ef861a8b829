"""The bench's caller, in a process of its own: a fixed number of connections, each asking again as soon as it is answered.

`python -m tests.bench.load http PORT ...`, and `typed`, `relay` or `line` in its place, print one JSON object: a `Measure`. With
`--rate` requests begin at fixed times, however long the ones before them take, and are measured from when they were due.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Final, cast

import grpc
import httptools
import uvloop
from cli2api.v1 import text_pb2, text_pb2_grpc

from edge.tunnel import Channel
from tests.bench.upstream import PACES

KEY: Final = "bench-key"
MODEL: Final = "gpt-5-mini"
LONGEST: Final = 20.0
"""Seconds after which a run ends, however much is still open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What one run came to. Times are seconds; `p50` and `p99` are of whole requests, `first_*` until their first byte."""

    requests: int
    errors: int
    pieces: int
    """Events of streams."""
    seconds: float
    p50: float
    p99: float
    first_p50: float = 0.0
    first_p99: float = 0.0


class Caller(asyncio.Protocol):
    """One connection that asks, reads the whole answer, and asks again until the run is over."""

    def __init__(self, request: bytes, run: "Run") -> None:
        self.request = request
        self.run = run
        self.parser = httptools.HttpResponseParser(self)
        self.transport: asyncio.Transport | None = None
        self.asked_at = 0.0
        self.heard = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's does not inherit from it
        self.ask()

    def ask(self) -> None:
        """Sends the next request, now or when it is due, or hangs up."""
        assert self.transport is not None
        if self.run.is_over():
            self.transport.close()
            return
        due = self.run.next_due()
        if due <= time.perf_counter():
            self.send(due)
        else:
            asyncio.get_running_loop().call_later(due - time.perf_counter(), self.send, due)

    def send(self, due: float) -> None:
        assert self.transport is not None
        self.asked_at, self.heard = due, False
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        if not self.heard:
            self.heard = True
            self.run.first.append(time.perf_counter() - self.asked_at)
        self.run.pieces += body.count(b"data: {")

    def on_message_complete(self) -> None:
        self.run.answered(self.asked_at, ok=self.parser.get_status_code() == 200)
        self.parser = httptools.HttpResponseParser(self)
        self.ask()

    def connection_lost(self, exc: Exception | None) -> None:
        self.run.leave()


class Run:
    """Counts one run: it is over after so many requests or seconds, whichever comes first."""

    def __init__(self, *, connections: int, requests: int, seconds: float, rate: float = 0.0) -> None:
        self.rate = rate
        self.due = time.perf_counter()
        self.first: list[float] = []
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

    def next_due(self) -> float:
        """When the next request begins: at once, or, at a fixed rate, in its turn, also where that has passed."""
        if not self.rate:
            return time.perf_counter()
        self.due += 1 / self.rate
        return self.due

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
        ordered, first = sorted(self.latencies) or [0.0], sorted(self.first) or [0.0]
        return Measure(
            requests=len(self.latencies),
            errors=self.errors,
            pieces=self.pieces,
            seconds=seconds,
            p50=ordered[len(ordered) // 2],
            p99=ordered[len(ordered) * 99 // 100],
            first_p50=first[len(first) // 2],
            first_p99=first[len(first) * 99 // 100],
        )


def chat_body(*, stream: bool, pace: str = "") -> bytes:
    """A small chat request; `pace` is one of the upstream's, or empty for as fast as it can."""
    asked = {"model": MODEL, "stream": stream, "messages": [{"role": "user", "content": "Good morning."}]}
    return json.dumps(asked | ({"user": pace} if pace else {})).encode()


def http_request(port: int, headers: Mapping[str, str], *, stream: bool, pace: str = "") -> bytes:
    """The same as bytes on the wire."""
    body = chat_body(stream=stream, pace=pace)
    told = {"host": f"127.0.0.1:{port}", "content-type": "application/json", "content-length": str(len(body)), **headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    return f"POST /v1/chat/completions HTTP/1.1\r\n{lines}\r\n".encode() + body


def relayed(*, stream: bool) -> text_pb2.RelayRequest:
    """The same as the shim carries it."""
    headers = [text_pb2.Header(name="content-type", value="application/json")]
    operation = text_pb2.RELAY_OPERATION_CHAT_COMPLETIONS
    return text_pb2.RelayRequest(operation=operation, model=MODEL, body=chat_body(stream=stream), headers=headers)


def typed() -> list[text_pb2.Message]:
    """The same in the contract's own messages."""
    return [text_pb2.Message(role=text_pb2.ROLE_USER, parts=[text_pb2.Part(text="Good morning.")])]


async def load_http(run: Run, port: int, connections: int, request: bytes) -> None:
    """REST, with sockets and a parser and nothing else."""
    loop = asyncio.get_running_loop()
    for _ in range(connections):
        await loop.create_connection(lambda: Caller(request, run), "127.0.0.1", port)
    await run.done


async def load_grpc(run: Run, port: int, connections: int, way: str, *, stream: bool) -> None:
    """gRPC with the generated stubs; one channel, so many calls at once. A line is the edge's own channel."""
    metadata = (("authorization", f"Bearer {KEY}"),)
    plain = grpc.aio.insecure_channel(f"127.0.0.1:{port}")

    async with Channel(plain) if way == "line" else plain as channel:
        await channel.channel_ready()  # the core may begin to listen a moment after the edge
        stub = text_pb2_grpc.TextServiceStub(channel)

        async def generate() -> None:
            await stub.Generate(text_pb2.GenerateRequest(model=MODEL, messages=typed()), metadata=metadata)

        async def stream_generate() -> None:
            request = text_pb2.StreamGenerateRequest(model=MODEL, messages=typed())
            async for event in stub.StreamGenerate(request, metadata=metadata):
                run.pieces += event.HasField("text")

        async def relay_whole() -> None:
            await stub.RelayWhole(text_pb2.RelayWholeRequest(call=relayed(stream=False)), metadata=metadata)

        async def relay() -> None:
            async for piece in stub.Relay(relayed(stream=True), metadata=metadata):
                run.pieces += piece.chunk.count(b"data: {")

        calls = {
            ("typed", False): generate,
            ("typed", True): stream_generate,
            ("relay", False): relay_whole,
            ("relay", True): relay,
            ("line", False): relay_whole,
            ("line", True): relay,
        }
        await asyncio.gather(*(ask_again(run, calls[way, stream]) for _ in range(connections)))


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
    parser.add_argument("way", choices=("http", "typed", "relay", "line"))
    parser.add_argument("port", type=int)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--stream", action="store_true")
    parser.add_argument("--pace", default="", choices=("", *PACES), help="how fast chunks come; as fast as they can by default")
    parser.add_argument(
        "--rate", type=float, default=0.0, help="requests a second at fixed times; 0: as fast as they are answered"
    )
    parser.add_argument("--longest", type=float, default=LONGEST)
    parser.add_argument("--headers", type=json.loads, default={"authorization": f"Bearer {KEY}"})
    args = parser.parse_args()
    run = Run(connections=args.connections, requests=args.requests, seconds=args.seconds, rate=args.rate)
    async with asyncio.timeout(args.longest):
        if args.way == "http":
            request = http_request(args.port, args.headers, stream=args.stream, pace=args.pace)
            await load_http(run, args.port, args.connections, request)
        else:
            await load_grpc(run, args.port, args.connections, args.way, stream=args.stream)
    print(json.dumps(asdict(run.measure())))


if __name__ == "__main__":
    uvloop.run(main())

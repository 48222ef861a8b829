"""Many streams at once for long, by either way for text: `python -m tests.soak.streams --streams 2000 --seconds 60`."""

import argparse
import asyncio
import statistics
import sys
import tempfile
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvloop

from tests.soak import page
from tests.soak.gateway import Gateway, serving
from tests.soak.limits import raise_open_files
from tests.soak.listener import Stream, slow_chat
from tests.soak.samples import has_grown

WAYS: Final = ("direct", "relay")
PAUSE: Final = 2.0
_BURST: Final = 100
"""Streams that are opened together; the next begin when these have their first word."""
_PATIENCE: Final = 120.0
_ROOM: Final = 64
"""Files that the client needs beside its streams."""
_OPENED_A_SECOND: Final = 40
"""At least; slower, and the first stream ends before the last has been open for long enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What became of the streams of one way."""

    way: str
    streams: int
    chunks: int
    """That each had to be sent."""
    dropped: int
    """That were refused, cut off, or did not get every chunk."""
    seconds: float
    """In which all were open."""
    wished: float
    """In which they should have been."""
    before: dict[str, int]
    """Bytes in memory of each part before the first stream."""
    opened: dict[str, int]
    """Soon after the last one had begun."""
    later: dict[str, int]
    """At the end of the time in which all were open."""

    @property
    def complaints(self) -> list[str]:
        """What did not hold."""
        found = [f"{self.way}: {self.dropped} of {self.streams} streams were dropped"] if self.dropped else []
        if self.seconds < self.wished:
            found.append(f"{self.way}: all were open for {self.seconds:.0f} s and not {self.wished:.0f}: they opened too slowly")
        grown = [part for part, size in self.later.items() if has_grown(self.opened[part], size)]
        return found + [f"{self.way}: memory of {part} grew while nothing was opened" for part in grown]


async def held(way: str, streams: int, seconds: float, pause: float = PAUSE) -> Held:
    """Opens them in bursts, looks at the processes while all are open, and listens to the end."""
    chunks = int((seconds + streams / _OPENED_A_SECOND) / pause) + 2
    loop = asyncio.get_running_loop()
    with tempfile.TemporaryDirectory(prefix="c2str") as folder:
        async with _trickle(chunks, pause) as port, serving(Path(folder), _settings(way, port)) as gateway:
            before = _resident(gateway)
            everyone: list[Stream] = []
            host, _, rest = gateway.rest_url.removeprefix("http://").partition(":")
            request = slow_chat(int(rest))
            while len(everyone) < streams:
                burst = min(_BURST, streams - len(everyone))
                made = await asyncio.gather(
                    *(loop.create_connection(lambda: Stream(request), host, int(rest)) for _ in range(burst))
                )
                everyone += [stream for _, stream in made]
                async with asyncio.timeout(_PATIENCE):
                    await asyncio.gather(*(stream.begun for _, stream in made))
            all_open = loop.time()
            opened = await _settled(gateway, seconds / 4)
            first_end = asyncio.wait([stream.ended for stream in everyone], return_when=asyncio.FIRST_COMPLETED)
            with suppress(TimeoutError):
                async with asyncio.timeout_at(all_open + seconds):
                    await first_end
            together = loop.time() - all_open
            later = _resident(gateway)
            async with asyncio.timeout(_PATIENCE):
                await asyncio.gather(*(stream.ended for stream in everyone))
    dropped = sum(not stream.is_whole or stream.pieces != chunks for stream in everyone)
    return Held(
        way=way,
        streams=streams,
        chunks=chunks,
        dropped=dropped,
        seconds=together,
        wished=seconds,
        before=before,
        opened=opened,
        later=later,
    )


async def _settled(gateway: Gateway, seconds: float) -> dict[str, int]:
    """Medians over a quarter of the time: the first words of all have come, and buffers are what they will be."""
    seen = []
    for _ in range(5):
        await asyncio.sleep(seconds / 5)
        seen.append(_resident(gateway))
    return {part: int(statistics.median(each[part] for each in seen)) for part in seen[0]}


def _resident(gateway: Gateway) -> dict[str, int]:
    return {name: process.memory_info().rss for name, process in gateway.parts().items()}


def _settings(way: str, port: int) -> dict[str, str]:
    return {
        "CLI2API_PORT": "0",
        "CLI2API_GRPC_PORT": "0",
        "CLI2API_METRICS_LISTEN": "127.0.0.1:0",
        "CLI2API_TEXT_PATH": way,
        "MULERUN_API_BASE_URL": f"http://127.0.0.1:{port}",
        "MULERUN_OAUTH_BASE_URL": f"http://127.0.0.1:{port}",
        "MULERUN_TOKEN": "muk-" + "s" * 64,
    }


@asynccontextmanager
async def _trickle(chunks: int, pause: float) -> AsyncGenerator[int]:
    """The port of an upstream whose streams have so many chunks."""
    argv = (sys.executable, "-m", "tests.soak.trickle", f"--chunks={chunks}", f"--pause={pause}")
    process = await asyncio.create_subprocess_exec(*argv, cwd=Path(__file__).parents[2], stdout=PIPE)
    assert process.stdout is not None
    try:
        yield int(await process.stdout.readline())
    finally:
        process.kill()
        await process.communicate()


def told(everything: list[Held]) -> str:
    """As Markdown."""
    rows = [
        f"| {each.way} | {each.streams:,} | {each.seconds:.0f} | {each.streams * each.chunks:,} | {each.dropped} | {part} | "
        f"{each.before[part] / 1e6:.0f} | {each.opened[part] / 1e6:.0f} | {each.later[part] / 1e6:.0f} | "
        f"{(each.later[part] - each.before[part]) / each.streams / 1e3:.1f} |"
        for each in everything
        for part in each.before
    ]
    head = "| way | streams | all open, s | chunks | dropped | process | MB before | MB open | MB at the end | kB a stream |"
    return "\n".join([page.stamp(), "", head, "|---|---:|---:|---:|---:|---|---:|---:|---:|---:|", *rows])


def main() -> int:
    """Both ways in turn; 1 where a stream was dropped or memory grew."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.streams", description="Many streams, open at once.")
    parser.add_argument("--streams", type=int, default=2000, help="how many (default: 2000)")
    parser.add_argument("--seconds", type=float, default=60.0, help="for how long all are open (default: 60)")
    parser.add_argument("--ways", type=lambda said: said.split(","), default=list(WAYS), help="direct,relay")
    parser.add_argument("--report", action="store_true", help="write what was seen into docs/soak.md")
    args = parser.parse_args()
    if (limit := raise_open_files()) < args.streams * 3 + _ROOM:
        print(
            f"{args.streams} streams need {args.streams * 3 + _ROOM} open files a process, and {limit} are allowed: "
            f"raise the hard limit (ulimit -Hn), or ask for fewer streams",
            file=sys.stderr,
        )
        return 1
    everything = [uvloop.run(held(way, args.streams, args.seconds)) for way in args.ways]
    print(told(everything))
    if args.report:
        page.rewrite("streams", told(everything))
    wrong = [complaint for each in everything for complaint in each.complaints]
    for complaint in wrong:
        print(f"did not hold: {complaint}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

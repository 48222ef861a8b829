"""A watch that is broken off goes on, and what strangers wrote cannot steer the terminal."""

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import grpc.aio
import pytest
from cli2api.v1 import job_pb2, media_pb2, media_pb2_grpc

from cli.jobs import show
from cli.jobs.line import Refused, changes, opened
from services.server import serving
from services.settings import Settings
from simulator.options import ByHand, Options
from simulator.server import Simulator
from tests.core import QUICK
from tests.hosts import closed_port

VIDEO = media_pb2.CreateVideoRequest(model="sora-2", prompt="a fox\n\x1b[31m at dawn", seconds="4")


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder whose path is short enough for unix sockets."""
    with tempfile.TemporaryDirectory(prefix="c2a") as folder:
        yield Path(folder)


async def test_a_watch_goes_on_where_it_was_when_the_gateway_comes_back(short_path: Path) -> None:
    away, back, seen = asyncio.Event(), asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def rest(_seconds: float) -> None:
        loop.call_soon_threadsafe(away.set)
        asyncio.run_coroutine_threadsafe(back.wait(), loop).result(20)

    def watched(target: str, job_id: str) -> list[job_pb2.Job]:
        found = []
        with opened(target, None, {"HOME": str(short_path)}) as line:
            for job in changes(line, job_id, rest=rest):
                found.append(job)
                loop.call_soon_threadsafe(seen.set)
        return found

    async with Simulator(Options(pace=ByHand())) as simulator:
        environ = {"HOME": str(short_path), "CLI2API_CORE_LISTEN": f"unix:{short_path}/core.sock", **QUICK, **simulator.environ}
        settings = Settings.read(environ)
        async with serving(settings, environ) as core, grpc.aio.insecure_channel(core.target) as channel:
            job_id = (await media_pb2_grpc.MediaServiceStub(channel).CreateVideo(VIDEO)).job.id
            watching = asyncio.ensure_future(asyncio.to_thread(watched, core.target, job_id))
            await seen.wait()
        await away.wait()
        simulator.complete()
        async with serving(settings, environ):
            back.set()
            found = await watching

    revisions = [job.revision for job in found]
    assert revisions == sorted(set(revisions))
    assert found[-1].state == job_pb2.JOB_STATE_SUCCEEDED


def test_a_watch_that_never_began_is_not_tried_again() -> None:
    with (
        opened(f"127.0.0.1:{closed_port()}", None, {"HOME": "/"}) as line,
        pytest.raises(Refused, match="does not answer: start it"),
    ):
        list(changes(line, "video_0", rest=lambda _: pytest.fail("it waited")))


def test_words_of_strangers_cannot_steer_the_terminal() -> None:
    assert show.plain("a\x1b]0;title\x07\r\nb") == "a ]0;title   b"
    assert show.cut("x" * 9, 5) == "xxxx…"

"""The client package as a service uses it, in both its forms, over the real gateway."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from hashlib import sha256
from pathlib import Path
from typing import Any

import cli2api_client
import grpc
import pytest
import pytest_asyncio
from cli2api.v1 import catalog_pb2, job_pb2, media_pb2, text_pb2
from cli2api_client import afold, aio, fold, user

from simulator.faults import Fault, TaskScript
from tests.wire.house import KEY, House, house

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]

CLIP = media_pb2.CreateVideoRequest(model="wan2.6-t2v", prompt="a mule at dusk", seconds="5")
GREETING = text_pb2.StreamGenerateRequest(model="gpt-5-mini", messages=[user("good morning")])


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="home")
async def _home(module_path: Path) -> AsyncGenerator[House]:
    async with house(module_path) as home:
        yield home


@pytest_asyncio.fixture(loop_scope="module", name="client")
async def _client(home: House) -> AsyncGenerator[aio.Client]:
    async with aio.connect(home.gateway.grpc_target, key=KEY, user_agent="shop/1.0") as client:
        yield client


async def in_thread(home: House, script: Callable[[cli2api_client.Client], Any], key: str = KEY) -> Any:
    """What a program without an event loop makes of the gateway."""

    def run() -> Any:
        with cli2api_client.connect(home.gateway.grpc_target, key=key) as client:
            return script(client)

    return await asyncio.to_thread(run)


async def refusal(call: Any) -> cli2api_client.CallFailed:
    with pytest.raises(cli2api_client.CallFailed) as failed:
        await call
    return failed.value


async def test_a_stream_folds_into_the_answer(home: House, client: aio.Client) -> None:
    answer = await afold(client.text.StreamGenerate(GREETING))
    assert answer.candidates[0].message.parts[0].text == "You said: good morning"
    assert answer.usage.completion_tokens == 4

    in_sync = await in_thread(home, lambda sync: fold(sync.text.StreamGenerate(GREETING)))
    assert in_sync.candidates == answer.candidates


async def test_a_clip_is_submitted_waited_for_and_saved(home: House, client: aio.Client, tmp_path: Path) -> None:
    job = (await client.media.CreateVideo(CLIP)).job
    done = await client.wait(job, timeout=30)
    assert done.state == job_pb2.JOB_STATE_SUCCEEDED
    saved = await client.save(done, tmp_path / "dusk.mp4")
    assert saved.read_bytes()[4:8] == b"ftyp"
    assert os.listdir(tmp_path) == ["dusk.mp4"]

    def script(sync: cli2api_client.Client) -> bytes:
        found = sync.wait(sync.media.CreateVideo(CLIP).job.id, timeout=30)
        return b"".join(sync.download(found, offset=4))

    assert await in_thread(home, script) == saved.read_bytes()[4:]


async def test_every_submission_bears_a_key_of_its_own_or_the_caller_s(home: House, client: aio.Client) -> None:
    before = len(home.simulator.submissions())
    own = await client.media.CreateVideo(CLIP)
    other = await in_thread(home, lambda sync: sync.media.CreateVideo(CLIP))
    assert own.job.request_id
    assert other.job.request_id not in {"", own.job.request_id}
    assert CLIP.request_id == ""

    again = media_pb2.CreateVideoRequest()
    again.CopyFrom(CLIP)
    again.request_id = own.job.request_id
    assert (await client.media.CreateVideo(again)).job.id == own.job.id
    assert len(home.simulator.submissions()) == before + 2


async def test_a_wrong_field_is_named(home: House, client: aio.Client) -> None:
    wrong = media_pb2.CreateVideoRequest(model="wan2.6-t2v", prompt="a mule", seconds="999")
    failed = await refusal(client.media.CreateVideo(wrong))
    assert isinstance(failed, cli2api_client.InvalidRequest)
    assert failed.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert [each.field for each in failed.violations] == ["seconds"]
    assert failed.idempotency_key
    assert failed.request_id
    await home.log.until(lambda lines: any(line.get("request_id") == failed.request_id for line in lines))


async def test_an_unknown_model_and_job_are_not_found(home: House, client: aio.Client) -> None:
    unknown = await refusal(client.media.GenerateImages(media_pb2.GenerateImagesRequest(model="dall-e-3", prompt="a mule")))
    assert (type(unknown), unknown.reason) == (cli2api_client.NotFound, "MODEL_NOT_FOUND")
    missing = await refusal(client.wait("video_none"))
    assert (type(missing), missing.reason) == (cli2api_client.NotFound, "JOB_NOT_FOUND")


async def test_a_throttled_call_says_when_to_come_back(home: House, client: aio.Client) -> None:
    words = 'x [[sim:{"status":429,"retry_after":7}]]'
    failed = await refusal(client.text.Generate(text_pb2.GenerateRequest(model="gpt-5", messages=[user(words)])))
    assert (type(failed), failed.retry_after) == (cli2api_client.Throttled, 7.0)

    def script(sync: cli2api_client.Client) -> cli2api_client.CallFailed:
        with pytest.raises(cli2api_client.Throttled) as failed:
            list(sync.text.StreamGenerate(text_pb2.StreamGenerateRequest(model="gpt-5", messages=[user(words)])))
        return failed.value

    assert (await in_thread(home, script)).retry_after == 7.0


async def test_an_account_that_cannot_pay_is_told_with_what_has_run_out_and_where_to_mend_it(
    home: House, client: aio.Client
) -> None:
    home.simulator.fault(Fault(status=402), body_contains="a costly mule")
    failed = await refusal(client.media.CreateVideo(media_pb2.CreateVideoRequest(model="wan2.6-t2v", prompt="a costly mule")))
    assert (type(failed), failed.reason) == (cli2api_client.OutOfCredits, "BILLING")
    assert failed.quotas == (cli2api_client.Quota("mulerun:credits", failed.message),)
    assert failed.links == (cli2api_client.Link("Top up the MuleRun account", "https://mulerun.com"),)
    assert failed.violations == ()


async def test_a_stream_that_breaks_off_fails_by_name_after_its_pieces(home: House, client: aio.Client) -> None:
    home.simulator.fault(Fault(abort_after=3), body_contains="one two three")
    pieces: list[text_pb2.StreamGenerateResponse] = []

    async def listen() -> None:
        call = client.text.StreamGenerate(text_pb2.StreamGenerateRequest(model="gpt-5", messages=[user("one two three")]))
        async for event in call:
            pieces.append(event)  # noqa: PERF401 - what came before the failure is kept

    failed = await refusal(listen())
    assert pieces
    assert (type(failed), failed.reason) == (cli2api_client.Unavailable, "UPSTREAM_UNAVAILABLE")


async def test_a_deadline_names_the_job_and_the_job_can_be_waited_for(home: House, client: aio.Client) -> None:
    home.simulator.fault(Fault(task=TaskScript(), poll=Fault(hold="slow"), poll_times=1), body_contains="a slow fox")
    request = media_pb2.GenerateImagesRequest(model="gpt-image-2", prompt="a slow fox")
    late = await refusal(client.media.GenerateImages(request, timeout=1))
    assert isinstance(late, cli2api_client.OutOfTime)
    assert late.job_id
    early = await refusal(client.wait(late.job_id, timeout=0.2))
    assert (type(early), early.job_id) == (cli2api_client.OutOfTime, late.job_id)
    home.simulator.release("slow")
    assert (await client.wait(late.job_id, timeout=30)).state == job_pb2.JOB_STATE_SUCCEEDED


async def test_a_job_that_failed_raises_what_the_call_would_have_raised(home: House, client: aio.Client) -> None:
    home.simulator.fault(Fault(task=TaskScript(fail=3005)), body_contains="a doomed clip")
    job = (await client.media.CreateVideo(media_pb2.CreateVideoRequest(model="wan2.6-t2v", prompt="a doomed clip"))).job
    failed = await refusal(client.wait(job, timeout=30))
    assert (type(failed), failed.reason, failed.job_id) == (cli2api_client.VendorFailed, "VENDOR_ERROR", job.id)
    assert failed.metadata["vendor_code"] == "3005"
    assert failed.job is not None
    assert failed.job.state == job_pb2.JOB_STATE_FAILED


async def test_waiting_outlives_the_death_of_the_core(home: House, client: aio.Client) -> None:
    home.simulator.fault(Fault(task=TaskScript(), poll=Fault(hold="late"), poll_times=1), body_contains="an enduring mule")
    job = (await client.media.CreateVideo(media_pb2.CreateVideoRequest(model="wan2.6-t2v", prompt="an enduring mule"))).job
    waiting = asyncio.ensure_future(client.wait(job, timeout=60))
    in_sync = asyncio.ensure_future(in_thread(home, lambda sync: sync.wait(job, timeout=60)))
    await home.log.until(lambda lines: sum("GetJob" in str(line.get("method")) for line in lines) >= 2)
    await home.simulator.wait_for(lambda: home.simulator.held("late") == 1)

    killed = home.gateway.pids["core"]
    os.kill(killed, signal.SIGKILL)
    home.simulator.release("late")

    assert (await waiting).state == job_pb2.JOB_STATE_SUCCEEDED
    assert (await in_sync).state == job_pb2.JOB_STATE_SUCCEEDED
    assert home.gateway.pids["core"] != killed


@pytest.mark.parametrize("form", ["awaited", "in a thread"])
async def test_a_download_goes_on_in_the_middle_of_the_file(home: House, client: aio.Client, form: str) -> None:
    film = "".join(f"{number:08d}" for number in range(2 << 20))
    shown = Fault(status=200, headers={"content-type": "video/mp4"}, body=film)
    home.simulator.fault(shown, path="/assets/*", method="GET", times=None)
    job = await client.wait((await client.media.CreateVideo(CLIP)).job, timeout=30)
    killed = home.gateway.pids["core"]
    pieces: list[bytes] = []

    def take(piece: bytes) -> None:
        if not pieces:
            os.kill(killed, signal.SIGKILL)
        pieces.append(piece)

    def script(sync: cli2api_client.Client) -> None:
        for piece in sync.download(job):
            take(piece)

    async with asyncio.timeout(60):
        if form == "awaited":
            async with aclosing(client.download(job)) as stream:
                async for piece in stream:
                    take(piece)
        else:
            await in_thread(home, script)
    got = b"".join(pieces)
    home.simulator.clear_faults()
    assert len(got) == len(film)
    assert sha256(got).digest() == sha256(film.encode()).digest()
    assert home.gateway.pids["core"] != killed


async def test_a_wrong_key_is_refused_by_name(home: House) -> None:
    async with aio.connect(home.gateway.grpc_target, key="sk-other") as client:
        failed = await refusal(client.jobs.ListJobs(job_pb2.ListJobsRequest()))
    assert (type(failed), failed.reason) == (cli2api_client.KeyRefused, "INVALID_API_KEY")

    def script(sync: cli2api_client.Client) -> None:
        with pytest.raises(cli2api_client.KeyRefused):
            sync.jobs.ListJobs(job_pb2.ListJobsRequest())

    await in_thread(home, script, key="sk-other")


async def test_a_caller_that_leaves_a_stream_stops_the_upstream(home: House, client: aio.Client) -> None:
    home.simulator.fault(Fault(hold="never", hold_after=2), body_contains="an unfinished story")
    request = text_pb2.StreamGenerateRequest(model="gpt-5", messages=[user("an unfinished story")])
    call = client.text.StreamGenerate(request)
    await anext(aiter(call))
    call.cancel()
    await home.simulator.wait_for(lambda: any(seen.aborted for seen in home.simulator.requests))


async def test_where_nobody_answers_the_failure_says_so() -> None:
    async with aio.connect("127.0.0.1:9") as client:
        failed = await refusal(client.catalog.ListModels(catalog_pb2.ListModelsRequest(), timeout=10))
    assert (type(failed), failed.reason, failed.job_id) == (cli2api_client.Unavailable, "", "")

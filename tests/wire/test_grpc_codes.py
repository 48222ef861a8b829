"""Every reason that the core can give, provoked for real and heard through Envoy: its code and its details. One row each."""

import sqlite3
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import grpc
import grpc.aio
import pytest
import pytest_asyncio
from cli2api.v1 import job_pb2, media_pb2, text_pb2
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, Help, QuotaFailure, RetryInfo

from services.interceptors.details import CODES
from simulator.faults import Fault, Reset, TaskScript
from simulator.options import ByHand, ByPolls, Options
from tests.core import World, fails, world
from tests.wire import front
from tests.wire.front import Front

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]

CLIP = media_pb2.CreateVideoRequest(model="sora-2", prompt="a fox")
HELLO = text_pb2.Message(role=text_pb2.ROLE_USER, parts=[text_pb2.Part(text="hello")])
TELLS_OF_JOBS = {
    "CLI2API_NOTIFY_URL": "http://127.0.0.1:9/",
    "CLI2API_NOTIFY_SECRETS": "whsec_" + "eHh4" * 8,
    "CLI2API_NOTIFY_ALLOW_PRIVATE": "1",
}


def chat(core: World, model: str = "gpt-5", **how: Any) -> Any:
    return core.text.Generate(text_pb2.GenerateRequest(model=model, messages=[HELLO]), **how)


def pictures(core: World, **fields: Any) -> Any:
    return core.media.GenerateImages(media_pb2.GenerateImagesRequest(**{"model": "gpt-image-2", "prompt": "a fox"} | fields))


async def begun(core: World) -> str:
    return str((await core.media.CreateVideo(CLIP)).job.id)


async def made(core: World) -> str:
    job = await begun(core)
    core.upstream.complete()
    await core.jobs.WaitJob(job_pb2.WaitJobRequest(id=job), timeout=10)
    return job


async def a_wrong_field(core: World, _: Path) -> Any:
    return pictures(core, n=99)


async def a_file_of_more_than_20_mb(core: World, _: Path) -> Any:
    picture = media_pb2.MediaInput(content=bytes((20 << 20) + 1))
    return core.media.EditImages(media_pb2.EditImagesRequest(model="gpt-image-2-edit", prompt="a fox", images=[picture]))


async def a_wrong_key(core: World, _: Path) -> Any:
    return core.jobs.ListJobs(job_pb2.ListJobsRequest(), metadata=(("x-api-key", "another"),))


async def a_login_that_mulerun_refuses(core: World, _: Path) -> Any:
    core.upstream.fault(Fault(status=401), times=None)
    return chat(core)


async def an_account_without_credits(core: World, _: Path) -> Any:
    core.upstream.fault(Fault(status=402))
    return core.media.CreateVideo(CLIP)


async def a_picture_model_that_nobody_has(core: World, _: Path) -> Any:
    return pictures(core, model="dall-e-3")


async def a_prefix_that_leads_nowhere(core: World, _: Path) -> Any:
    return chat(core, "nobody/knows")


async def a_job_that_never_was(core: World, _: Path) -> Any:
    return core.jobs.GetJob(job_pb2.GetJobRequest(id="video_0"))


async def the_file_of_a_job_under_way(core: World, _: Path) -> Any:
    return core.jobs.DownloadAsset(job_pb2.DownloadAssetRequest(id=await begun(core)))


async def a_file_whose_link_is_dead(core: World, _: Path) -> Any:
    core.upstream.fault(Fault(status=404), path="/assets/*", times=None)
    return core.jobs.DownloadAsset(job_pb2.DownloadAssetRequest(id=await made(core)))


async def one_key_for_two_requests(core: World, _: Path) -> Any:
    first, second = (media_pb2.CreateVideoRequest(model="sora-2", prompt=what, request_id="k") for what in ("a fox", "a mule"))
    await core.media.CreateVideo(first)
    return core.media.CreateVideo(second)


async def the_end_of_a_job_under_way(core: World, _: Path) -> Any:
    return core.jobs.RedeliverJob(job_pb2.RedeliverJobRequest(id=await begun(core)))


async def word_of_a_job_where_nobody_is_told(core: World, _: Path) -> Any:
    return core.jobs.RedeliverJob(job_pb2.RedeliverJobRequest(id=await made(core)))


async def a_mulerun_that_throttles(core: World, _: Path) -> Any:
    core.upstream.fault(Fault(status=429, retry_after=7))
    return chat(core)


async def a_vendor_that_fails(core: World, _: Path) -> Any:
    core.upstream.fault(Fault(task=TaskScript(fail=3005, pace=ByPolls())))
    return pictures(core)


async def a_request_that_mulerun_refuses(core: World, _: Path) -> Any:
    core.upstream.fault(Fault(status=422))
    return chat(core)


async def a_mulerun_that_is_down(core: World, _: Path) -> Any:
    core.upstream.fault(Fault(status=503))
    return chat(core)


async def too_little_time(core: World, _: Path) -> Any:
    core.upstream.fault(Fault(hold="never"))
    return chat(core, timeout=0.5)


async def a_submission_whose_answer_is_lost(core: World, _: Path) -> Any:
    core.upstream.fault(Fault(reset=Reset.UNANSWERED))
    return core.media.CreateVideo(CLIP)


async def a_store_that_is_broken(core: World, folder: Path) -> Any:
    tamper(folder, "DROP TABLE jobs")
    return core.media.CreateVideo(CLIP)


async def a_webhook_where_none_is_taken(core: World, _: Path) -> Any:
    return core.jobs.ReceiveWebhook(job_pb2.ReceiveWebhookRequest(delivery_id="1", timestamp="1", signature="v1,x", body=b"{}"))


async def a_core_that_is_stopping(core: World, _: Path) -> Any:
    core.core.parts.engine.drain()
    return core.media.CreateVideo(CLIP)


async def a_row_that_no_release_of_ours_wrote(core: World, folder: Path) -> Any:
    job = await made(core)
    tamper(folder, "UPDATE jobs SET settings = 'spilt coffee'")
    return core.jobs.GetJob(job_pb2.GetJobRequest(id=job))


def tamper(folder: Path, statement: str) -> None:
    file = sqlite3.connect(folder / "jobs.db", isolation_level=None)
    file.execute(statement)
    file.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What provokes a reason, and what its caller is told."""

    reason: str
    code: grpc.StatusCode
    by: Callable[[World, Path], Awaitable[Any]]
    """Makes the ground for the call that fails, and begins it."""
    details: frozenset[type[Any]] = frozenset()
    """Beside the ErrorInfo."""
    metadata: frozenset[str] = frozenset()
    """Names that the ErrorInfo has."""
    settings: Mapping[str, str] = field(default_factory=dict)


C = grpc.StatusCode
JOB, TASK = frozenset({"job_id"}), frozenset({"job_id", "vendor_code"})
STATUS = frozenset({"upstream_status"})
BAD, QUOTA, HELP = frozenset({BadRequest}), frozenset({QuotaFailure}), frozenset({Help})
IN_FILES = {"CLI2API_JOBSTORE_DSN": ""}
TABLE: Final = (
    Row(reason="INVALID_REQUEST", code=C.INVALID_ARGUMENT, by=a_wrong_field, details=BAD),
    Row(reason="REQUEST_TOO_LARGE", code=C.RESOURCE_EXHAUSTED, by=a_file_of_more_than_20_mb, details=BAD),
    Row(reason="INVALID_API_KEY", code=C.UNAUTHENTICATED, by=a_wrong_key, settings={"CLI2API_API_KEYS": "one"}),
    Row(
        reason="UPSTREAM_CREDENTIAL",
        code=C.FAILED_PRECONDITION,
        by=a_login_that_mulerun_refuses,
        details=HELP,
        metadata=STATUS,
    ),
    Row(reason="BILLING", code=C.RESOURCE_EXHAUSTED, by=an_account_without_credits, details=QUOTA | HELP, metadata=STATUS | JOB),
    Row(reason="MODEL_NOT_FOUND", code=C.NOT_FOUND, by=a_picture_model_that_nobody_has),
    Row(reason="MODEL_UNRESOLVED", code=C.INVALID_ARGUMENT, by=a_prefix_that_leads_nowhere),
    Row(reason="JOB_NOT_FOUND", code=C.NOT_FOUND, by=a_job_that_never_was),
    Row(reason="ASSET_NOT_READY", code=C.FAILED_PRECONDITION, by=the_file_of_a_job_under_way, metadata=JOB),
    Row(reason="ASSET_GONE", code=C.NOT_FOUND, by=a_file_whose_link_is_dead, settings={"CLI2API_ASSET_STORE": "off"}),
    Row(reason="IDEMPOTENCY_CONFLICT", code=C.ALREADY_EXISTS, by=one_key_for_two_requests, metadata=JOB),
    Row(
        reason="JOB_NOT_ENDED",
        code=C.FAILED_PRECONDITION,
        by=the_end_of_a_job_under_way,
        metadata=JOB,
        settings=TELLS_OF_JOBS,
    ),
    Row(reason="NO_RECEIVER", code=C.FAILED_PRECONDITION, by=word_of_a_job_where_nobody_is_told),
    Row(
        reason="RATE_LIMITED",
        code=C.RESOURCE_EXHAUSTED,
        by=a_mulerun_that_throttles,
        details=QUOTA | {RetryInfo},
        metadata=STATUS,
    ),
    Row(reason="VENDOR_ERROR", code=C.ABORTED, by=a_vendor_that_fails, metadata=TASK),
    Row(reason="UPSTREAM_REFUSED", code=C.INVALID_ARGUMENT, by=a_request_that_mulerun_refuses, metadata=STATUS),
    Row(reason="UPSTREAM_UNAVAILABLE", code=C.UNAVAILABLE, by=a_mulerun_that_is_down, metadata=STATUS),
    Row(reason="DEADLINE_EXCEEDED", code=C.DEADLINE_EXCEEDED, by=too_little_time),
    Row(reason="SUBMISSION_UNCERTAIN", code=C.ABORTED, by=a_submission_whose_answer_is_lost, metadata=JOB),
    Row(reason="STORE_UNAVAILABLE", code=C.UNAVAILABLE, by=a_store_that_is_broken, settings=IN_FILES),
    Row(reason="UNSUPPORTED", code=C.UNIMPLEMENTED, by=a_webhook_where_none_is_taken),
    Row(reason="DRAINING", code=C.UNAVAILABLE, by=a_core_that_is_stopping),
    Row(
        reason="INTERNAL",
        code=C.INTERNAL,
        by=a_row_that_no_release_of_ours_wrote,
        metadata=frozenset({"request_id"}),
        settings=IN_FILES,
    ),
)


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="gate")
async def _gate(module_path: Path) -> AsyncGenerator[Front]:
    async with front.envoy(module_path) as gate:
        yield gate


async def test_every_reason_has_a_row_with_its_code() -> None:
    assert {row.reason: row.code for row in TABLE} == CODES
    assert len(TABLE) == len(CODES)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.reason)
async def test_a_reason_is_told_with_its_code_and_details(gate: Front, tmp_path: Path, row: Row) -> None:
    listen = {"CLI2API_CORE_LISTEN": f"unix:{gate.folder}/core.sock"}
    async with (
        world(tmp_path, Options(pace=ByHand()), **listen, **row.settings) as core,
        grpc.aio.insecure_channel(gate.grpc_target) as channel,
    ):
        told = await fails(await row.by(replace(core, channel=channel), tmp_path))
    assert (told.code, told.info.reason, told.info.domain) == (row.code, row.reason, "cli2api")
    assert told.message == told.details.message != ""
    kinds = {kind for kind in (BadRequest, RetryInfo, QuotaFailure, Help) if told.detail(kind)}
    assert kinds == row.details
    assert len(told.details.details) == len(kinds | {ErrorInfo})
    assert set(told.info.metadata) == row.metadata
    assert told.trailing["x-request-id"]


async def test_what_has_run_out_and_where_to_mend_it_is_told(gate: Front, tmp_path: Path) -> None:
    listen = {"CLI2API_CORE_LISTEN": f"unix:{gate.folder}/core.sock"}
    async with world(tmp_path, None, **listen) as core, grpc.aio.insecure_channel(gate.grpc_target) as channel:
        through = replace(core, channel=channel)
        broke = await fails(await an_account_without_credits(through, tmp_path))
        busy = await fails(await a_mulerun_that_throttles(through, tmp_path))
    (quota,) = broke.detail(QuotaFailure).violations
    (link,) = broke.detail(Help).links
    assert (quota.subject, quota.description) == ("mulerun:credits", broke.message)
    assert (link.url, link.description) == ("https://mulerun.com", "Top up the MuleRun account")
    assert [each.subject for each in busy.detail(QuotaFailure).violations] == ["mulerun:requests"]
    assert busy.detail(RetryInfo).retry_delay.ToSeconds() == 7

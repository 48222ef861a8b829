"""Jobs and the catalog through the generated stubs."""

import json
from collections.abc import AsyncGenerator
from pathlib import Path

import grpc
import pytest
from cli2api.v1 import catalog_pb2, job_pb2, media_pb2
from google.protobuf.duration_pb2 import Duration

from simulator.faults import Fault, TaskScript
from simulator.options import ByHand, Options
from tests.core import World, everything, fails, world

VIDEO = media_pb2.CreateVideoRequest(model="sora-2", prompt="a fox", seconds="4")
FOX = media_pb2.GenerateImagesRequest(model="gpt-image-2", prompt="a fox")


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncGenerator[World, None]:
    async with world(tmp_path) as made:
        yield made


@pytest.fixture
async def patient(tmp_path: Path) -> AsyncGenerator[World, None]:
    """Tasks end when the test says so."""
    async with world(tmp_path, Options(pace=ByHand())) as made:
        yield made


async def videos(gateway: World, count: int) -> list[str]:
    return [(await gateway.media.CreateVideo(VIDEO)).job.id for _ in range(count)]


async def listed(gateway: World, request: job_pb2.ListJobsRequest) -> tuple[list[str], str]:
    page = await gateway.jobs.ListJobs(request)
    return [job.id for job in page.jobs], page.next_page_token


async def test_pages_follow_each_other_without_gaps_or_repeats(patient: World) -> None:
    made = await videos(patient, 5)
    first, token = await listed(patient, job_pb2.ListJobsRequest(page_size=2))
    await videos(patient, 1)
    second, token = await listed(patient, job_pb2.ListJobsRequest(page_size=2, page_token=token))
    third, end = await listed(patient, job_pb2.ListJobsRequest(page_size=2, page_token=token))
    assert [*first, *second, *third] == made[::-1]
    assert end == ""


@pytest.mark.parametrize("order", [job_pb2.LIST_ORDER_NEWEST, job_pb2.LIST_ORDER_OLDEST])
async def test_jobs_that_are_made_or_deleted_between_two_pages_move_no_other(
    patient: World, order: "job_pb2.ListOrder.ValueType"
) -> None:
    made = await videos(patient, 6)
    expected = made if order == job_pb2.LIST_ORDER_OLDEST else made[::-1]
    first, token = await listed(patient, job_pb2.ListJobsRequest(page_size=2, order=order))
    new = await videos(patient, 2)
    for gone in (first[0], first[1], expected[3]):
        await patient.jobs.DeleteJob(job_pb2.DeleteJobRequest(id=gone))
    seen = list(first)
    while token:
        page, token = await listed(patient, job_pb2.ListJobsRequest(page_size=2, order=order, page_token=token))
        seen += page
    appended = new if order == job_pb2.LIST_ORDER_OLDEST else []
    assert seen == [*expected[:3], *expected[4:], *appended]


async def test_a_list_goes_on_after_a_job_that_is_gone(patient: World) -> None:
    made = await videos(patient, 5)
    seen: list[str] = []
    while page := (await listed(patient, job_pb2.ListJobsRequest(page_size=2, after_id=seen[-1] if seen else "")))[0]:
        for each in page:
            await patient.jobs.DeleteJob(job_pb2.DeleteJobRequest(id=each))
        seen += page
    assert seen == made[::-1]


async def test_the_list_runs_either_way_and_starts_after_a_job(patient: World) -> None:
    made = await videos(patient, 4)
    oldest = job_pb2.LIST_ORDER_OLDEST
    assert (await listed(patient, job_pb2.ListJobsRequest(order=oldest)))[0] == made
    assert (await listed(patient, job_pb2.ListJobsRequest(order=oldest, after_id=made[1])))[0] == made[2:]
    assert (await listed(patient, job_pb2.ListJobsRequest(after_id=made[1])))[0] == made[:1]


async def test_the_list_can_be_narrowed(gateway: World) -> None:
    (clip,) = await videos(gateway, 1)
    picture = (await gateway.media.GenerateImages(FOX)).job.id
    await gateway.jobs.WaitJob(job_pb2.WaitJobRequest(id=clip))
    image, video = job_pb2.JOB_KIND_IMAGE, job_pb2.JOB_KIND_VIDEO
    assert (await listed(gateway, job_pb2.ListJobsRequest(kinds=[image])))[0] == [picture]
    assert (await listed(gateway, job_pb2.ListJobsRequest(kinds=[image, video], model="sora-2")))[0] == [clip]
    assert (await listed(gateway, job_pb2.ListJobsRequest(states=[job_pb2.JOB_STATE_FAILED])))[0] == []


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (job_pb2.ListJobsRequest(page_size=101), "page_size"),
        (job_pb2.ListJobsRequest(page_size=-1), "page_size"),
        (job_pb2.ListJobsRequest(page_token="nonsense"), "page_token"),
        (job_pb2.ListJobsRequest(after_id="video_0"), "after_id"),
        (job_pb2.ListJobsRequest(after_id="a", page_token="b"), "after_id"),
        (job_pb2.ListJobsRequest(kinds=[77]), "kinds"),  # type: ignore[list-item]
        (job_pb2.ListJobsRequest(states=[77]), "states"),  # type: ignore[list-item]
    ],
)
async def test_a_bad_question_is_named(gateway: World, request_: job_pb2.ListJobsRequest, field: str) -> None:
    told = await fails(gateway.jobs.ListJobs(request_))
    assert told.code is grpc.StatusCode.INVALID_ARGUMENT
    assert told.message.startswith(f"{field}: ")


async def test_a_token_belongs_to_its_own_filters(patient: World) -> None:
    await videos(patient, 2)
    _, token = await listed(patient, job_pb2.ListJobsRequest(page_size=1))
    told = await fails(patient.jobs.ListJobs(job_pb2.ListJobsRequest(page_size=1, page_token=token, model="sora-2")))
    assert told.message == "page_token: belongs to a list with other filters: send the same ones as before"


async def test_an_unknown_job_is_not_found_whatever_is_asked_of_it(gateway: World) -> None:
    calls = (
        gateway.jobs.GetJob(job_pb2.GetJobRequest(id="video_0")),
        gateway.jobs.WatchJob(job_pb2.WatchJobRequest(id="video_0")),
        gateway.jobs.WaitJob(job_pb2.WaitJobRequest(id="video_0")),
        gateway.jobs.DeleteJob(job_pb2.DeleteJobRequest(id="video_0")),
        gateway.jobs.DownloadAsset(job_pb2.DownloadAssetRequest(id="video_0")),
    )
    told = [await fails(call) for call in calls]
    assert {(each.code, each.info.reason) for each in told} == {(grpc.StatusCode.NOT_FOUND, "JOB_NOT_FOUND")}


async def test_a_job_without_an_id_is_asked_for_one(gateway: World) -> None:
    assert (await fails(gateway.jobs.GetJob(job_pb2.GetJobRequest()))).message == "id: is required"


async def test_waiting_ends_at_its_timeout_with_the_job_as_it_stands(patient: World) -> None:
    (clip,) = await videos(patient, 1)
    request = job_pb2.WaitJobRequest(id=clip, timeout=Duration(nanos=50_000_000))
    assert (await patient.jobs.WaitJob(request)).job.state == job_pb2.JOB_STATE_QUEUED


async def test_waiting_without_a_timeout_ends_at_the_deadline_and_names_the_job(patient: World) -> None:
    (clip,) = await videos(patient, 1)
    told = await fails(patient.jobs.WaitJob(job_pb2.WaitJobRequest(id=clip), timeout=0.5))
    assert (told.info.reason, told.info.metadata["job_id"]) == ("DEADLINE_EXCEEDED", clip)


async def test_a_failed_job_is_an_answer_and_not_an_error_where_it_is_read(gateway: World) -> None:
    gateway.upstream.fault(Fault(task=TaskScript(fail=3001)), method="POST")
    (clip,) = await videos(gateway, 1)
    job = (await gateway.jobs.WaitJob(job_pb2.WaitJobRequest(id=clip))).job
    assert (job.state, job.failure.reason, job.failure.vendor_code) == (job_pb2.JOB_STATE_FAILED, "VENDOR_ERROR", "3001")
    told = await fails(gateway.jobs.DownloadAsset(job_pb2.DownloadAssetRequest(id=clip)))
    assert (told.code, told.info.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ASSET_NOT_READY")


async def test_a_watch_resumes_after_a_revision(gateway: World) -> None:
    (clip,) = await videos(gateway, 1)
    done = (await gateway.jobs.WaitJob(job_pb2.WaitJobRequest(id=clip))).job
    again = await everything(gateway.jobs.WatchJob(job_pb2.WatchJobRequest(id=clip, after_revision=done.revision - 1)))
    assert [each.job.revision for each in again] == [done.revision]
    assert await everything(gateway.jobs.WatchJob(job_pb2.WatchJobRequest(id=clip, after_revision=done.revision))) == []


async def test_a_deleted_job_is_forgotten_and_its_watch_ends(patient: World) -> None:
    (clip,) = await videos(patient, 1)
    watch = aiter(patient.jobs.WatchJob(job_pb2.WatchJobRequest(id=clip)))
    await anext(watch)
    deleted = await patient.jobs.DeleteJob(job_pb2.DeleteJobRequest(id=clip))
    assert (deleted.id, deleted.deleted, deleted.was_in_flight) == (clip, True, True)
    assert (await fails(watch)).info.reason == "JOB_NOT_FOUND"
    assert (await fails(patient.jobs.GetJob(job_pb2.GetJobRequest(id=clip)))).info.reason == "JOB_NOT_FOUND"


async def test_an_asset_downloads_whole_and_in_part(gateway: World) -> None:
    job = (await gateway.media.GenerateImages(FOX)).job
    replies = await everything(gateway.jobs.DownloadAsset(job_pb2.DownloadAssetRequest(id=job.id)))
    whole = b"".join(each.chunk for each in replies[1:])
    assert (replies[0].head.mime_type, replies[0].head.size_bytes) == ("image/png", len(whole))
    assert whole.startswith(b"\x89PNG")
    part = await everything(gateway.jobs.DownloadAsset(job_pb2.DownloadAssetRequest(id=job.id, offset=1, limit=3)))
    assert part[0].head.offset == 1
    assert b"".join(each.chunk for each in part[1:]) == b"PNG"


async def test_an_asset_that_is_not_there_says_why(patient: World) -> None:
    (clip,) = await videos(patient, 1)
    told = await fails(patient.jobs.DownloadAsset(job_pb2.DownloadAssetRequest(id=clip)))
    assert (told.code, told.info.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ASSET_NOT_READY")
    assert told.message == f"job {clip} is queued; its assets are there when it has succeeded"
    patient.upstream.complete()
    await patient.jobs.WaitJob(job_pb2.WaitJobRequest(id=clip))
    told = await fails(patient.jobs.DownloadAsset(job_pb2.DownloadAssetRequest(id=clip, index=1)))
    assert told.message == f"job {clip} has no asset 1; it has 1, counted from 0"


async def test_an_asset_whose_link_is_dead_is_gone_where_no_copy_is_kept(tmp_path: Path) -> None:
    async with world(tmp_path, CLI2API_ASSET_STORE="off") as gateway:
        job = (await gateway.media.GenerateImages(FOX)).job
        gateway.upstream.fault(Fault(status=404), method="GET")
        told = await fails(gateway.jobs.DownloadAsset(job_pb2.DownloadAssetRequest(id=job.id)))
        assert (told.code, told.info.reason) == (grpc.StatusCode.NOT_FOUND, "ASSET_GONE")


async def test_the_catalog_is_listed_in_pages(gateway: World) -> None:
    whole = await gateway.catalog.ListModels(catalog_pb2.ListModelsRequest())
    assert len(whole.models) == 76
    assert whole.next_page_token == ""
    found: list[str] = []
    token = ""
    while len(found) < 76:
        page = await gateway.catalog.ListModels(catalog_pb2.ListModelsRequest(page_size=30, page_token=token))
        found += [model.id for model in page.models]
        token = page.next_page_token
    assert found == [model.id for model in whole.models]
    assert token == ""


async def test_a_model_is_told_with_the_schema_of_its_parameters(gateway: World) -> None:
    model = (await gateway.catalog.GetModel(catalog_pb2.GetModelRequest(id="gpt-image-2"))).model
    assert model.kind == catalog_pb2.MODEL_KIND_IMAGE
    assert "prompt" in json.loads(model.parameters_json)["properties"]
    speech = catalog_pb2.ListModelsRequest(kinds=[catalog_pb2.MODEL_KIND_SPEECH])
    assert [each.id for each in (await gateway.catalog.ListModels(speech)).models] == ["speech-2.8-hd", "speech-2.8-turbo"]


async def test_an_unknown_model_is_told_with_its_neighbours(gateway: World) -> None:
    told = await fails(gateway.catalog.GetModel(catalog_pb2.GetModelRequest(id="speech-2.8-hb")))
    assert (told.code, told.info.reason) == (grpc.StatusCode.NOT_FOUND, "MODEL_NOT_FOUND")
    assert "speech-2.8-hd" in told.message

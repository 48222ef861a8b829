import contextlib
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.domain.errors import Failure, UpstreamUnavailable, VendorFailed
from services.domain.job import AssetKind, JobState, Task
from services.upstream.wire import polled, submitted

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
WORDS = [
    "task_info",
    "id",
    "task_id",
    "status",
    "error",
    "error_code",
    "code",
    "title",
    "detail",
    "message",
    "description",
    "url",
]
KEYS = st.sampled_from([*WORDS, "images", "image", "videos", "video", "audios", "audio"])
STRANGE = st.recursive(JSON, lambda inner: st.dictionaries(KEYS, inner), max_leaves=20).filter(
    lambda found: isinstance(found, dict)
)


def answer(status: object = None, **top: object) -> dict[str, object]:
    return {"task_info": {"id": "t-1", **({} if status is None else {"status": status})}, **top}


def reason_of(task: Task) -> Failure:
    assert task.failure is not None
    return task.failure


@pytest.mark.parametrize(
    "info",
    [
        {"id": "t-1", "status": "pending"},
        {"id": "t-1", "status": "queued"},
        {"id": "t-1"},
        {"task_id": "t-1", "status": " PENDING "},
    ],
)
def test_every_form_of_an_acceptance_is_a_queued_task(info: Mapping[str, object]) -> None:
    assert submitted({"task_info": info}) == Task(id="t-1", state=JobState.QUEUED)


def test_a_submission_that_is_done_at_once_has_its_assets() -> None:
    task = submitted(answer("completed", images=["https://cdn.test/a.png"]))
    assert (task.state, task.assets[0].url) == (JobState.SUCCEEDED, "https://cdn.test/a.png")


def test_a_failure_without_a_task_is_raised() -> None:
    with pytest.raises(VendorFailed, match="no such voice"):
        submitted({"task_info": {"status": "failed", "error": {"detail": "no such voice"}}})


def test_an_acceptance_without_an_id_leaves_open_whether_a_task_exists() -> None:
    with pytest.raises(UpstreamUnavailable) as caught:
        submitted({"task_info": {"status": "pending"}})
    assert caught.value.reached


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("pending", JobState.QUEUED),
        ("queued", JobState.QUEUED),
        ("processing", JobState.RUNNING),
        ("running", JobState.RUNNING),
        ("retrying", JobState.RUNNING),
        ("Processing", JobState.RUNNING),
        ("moderating", JobState.RUNNING),
        ("completed", JobState.SUCCEEDED),
        ("succeeded", JobState.SUCCEEDED),
        ("success", JobState.SUCCEEDED),
        ("done", JobState.SUCCEEDED),
        ("failed", JobState.FAILED),
        ("fail", JobState.FAILED),
    ],
)
def test_each_word_is_a_state_and_an_unknown_one_goes_on(word: str, state: JobState) -> None:
    assert polled(answer(word, videos=["https://cdn.test/a.mp4"]), "t-1").state is state


@pytest.mark.parametrize("status", [None, "", 7])
def test_no_word_is_a_failure_unless_the_assets_are_there(status: object) -> None:
    assert polled(answer(status), "t-1").state is JobState.FAILED
    assert polled(answer(status, images=["https://cdn.test/a.png"]), "t-1").state is JobState.SUCCEEDED


@pytest.mark.parametrize(
    ("result", "kind"),
    [
        ({"images": ["https://cdn.test/a"]}, AssetKind.IMAGE),
        ({"image": "https://cdn.test/a"}, AssetKind.IMAGE),
        ({"videos": [{"url": "https://cdn.test/a"}]}, AssetKind.VIDEO),
        ({"video": {"url": "https://cdn.test/a"}}, AssetKind.VIDEO),
        ({"audios": ["https://cdn.test/a"]}, AssetKind.AUDIO),
        ({"audio": "https://cdn.test/a"}, AssetKind.AUDIO),
    ],
)
def test_assets_come_in_lists_alone_or_as_objects(result: dict[str, object], kind: AssetKind) -> None:
    (asset,) = polled(answer("completed", **result), "t-1").assets
    assert (asset.kind, asset.url) == (kind, "https://cdn.test/a")


@pytest.mark.parametrize(
    ("url", "mime_type"),
    [
        ("https://cdn.test/a.JPG?x=.png", "image/jpeg"),
        ("https://cdn.test/a.webp", "image/webp"),
        ("https://cdn.test/a", "image/png"),
        ("https://[broken", "image/png"),
    ],
)
def test_the_links_ending_or_else_the_kind_names_the_mime_type(url: str, mime_type: str) -> None:
    assert polled(answer("completed", images=[url]), "t-1").assets[0].mime_type == mime_type


def test_speech_tells_its_length_and_size() -> None:
    (asset,) = polled(answer("completed", audios=["https://cdn.test/a.mp3"], audio_length=2.5, audio_size=40_000), "t-1").assets
    assert (asset.seconds, asset.size_bytes, asset.mime_type) == (2.5, 40_000, "audio/mpeg")
    (asset,) = polled(answer("completed", audios=["https://cdn.test/a.mp3"], audio_length=None, audio_size="x"), "t-1").assets
    assert (asset.seconds, asset.size_bytes) == (None, None)


def test_what_the_vendor_says_beside_the_assets_is_kept() -> None:
    task = polled(answer("completed", images=["https://cdn.test/a.png"], description="a fjord"), "t-1")
    assert task.description == "a fjord"


@pytest.mark.parametrize("result", [{}, {"images": []}, {"audios": ["4944330400"]}, {"images": [None, 3]}])
def test_success_without_a_link_is_a_clear_failure(result: dict[str, object]) -> None:
    task = polled(answer("completed", **result), "t-1")
    assert task.state is JobState.FAILED
    assert reason_of(task).message == "MuleRun says that the task is done but links no file"


@pytest.mark.parametrize(
    "failed",
    [
        {"task_info": {"status": "failed", "error": {"code": 3005, "title": "Provider", "detail": "moderated"}}},
        {"task_info": {"status": "failed", "error": {"error_code": "3005", "title": "Provider", "detail": "moderated"}}},
        {"task_info": {"status": "failed"}, "error": {"code": 3005, "title": "Provider", "message": "moderated"}},
        {"task_info": {"status": "failed", "error_code": 3005, "title": "Provider", "detail": "moderated"}},
        {"task_info": {"status": "failed"}, "error_code": 3005, "title": "Provider", "detail": "moderated"},
    ],
)
def test_the_vendors_code_and_words_are_found_wherever_they_stand(failed: dict[str, Any]) -> None:
    failure = reason_of(polled(failed, "t-1"))
    assert isinstance(failure, VendorFailed)
    assert failure.message == "the vendor failed the task: Provider: moderated (code 3005)"
    assert failure.metadata == {"vendor_code": "3005"}


def test_a_failure_without_an_error_says_so() -> None:
    assert reason_of(polled(answer("failed"), "t-1")).message == "the vendor failed the task without diagnostic"


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STRANGE)
def test_no_answer_however_strange_breaks_the_reading(found: dict[str, object]) -> None:
    task = polled(found, "t-1")
    assert (task.state is JobState.FAILED) == (task.failure is not None)
    assert (task.state is JobState.SUCCEEDED) == bool(task.assets)
    with contextlib.suppress(Failure):
        assert submitted(found).id

"""What MuleRun's webhooks say, in our words."""

import json
from typing import Any

import pytest

from services.domain.errors import InvalidRequest
from services.domain.job import JobState
from services.upstream.wire import notified


def event(payload: Any, kind: str = "task.succeeded") -> bytes:
    data = {"vendor": "openai", "model_name": "sora-2", "payload": payload}
    return json.dumps({"id": "evt_1", "type": kind, "created_at": "2026-01-01T00:00:00Z", "data": data}).encode()


def info(status: str, **fields: Any) -> dict[str, Any]:
    return {"task_info": {"id": "task-1", "status": status, **fields}}


@pytest.mark.parametrize("word", ["completed", "succeeded"])
def test_a_task_that_is_done_brings_its_files(word: str) -> None:
    task = notified(event({**info(word), "videos": ["https://assets.test/a.mp4"]}))
    assert task is not None
    assert (task.id, task.state) == ("task-1", JobState.SUCCEEDED)
    assert [asset.url for asset in task.assets] == ["https://assets.test/a.mp4"]


def test_a_task_that_failed_brings_the_vendors_words() -> None:
    task = notified(event(info("failed", error={"code": 3005, "title": "Task Execution Error", "detail": "broken"})))
    assert task is not None
    assert task.failure is not None
    assert (task.state, task.failure.metadata) == (JobState.FAILED, {"vendor_code": "3005"})
    assert "broken" in task.failure.message


def test_a_task_that_was_made_goes_on() -> None:
    task = notified(event(info("pending"), "task.created"))
    assert task is not None
    assert task.state is JobState.QUEUED


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"id": "evt_1", "type": "balance.low", "data": {"balance": 9}}).encode(),
        b"{}",
        b'{"data": null}',
        b'{"data": {"payload": []}}',
        event({}),
        event({"task_info": {"id": "task-1"}}),
        event({"task_info": {"status": "completed"}, "videos": ["https://assets.test/a.mp4"]}),
    ],
)
def test_what_names_no_task_or_no_status_says_nothing(body: bytes) -> None:
    assert notified(body) is None


@pytest.mark.parametrize("body", [b"", b"[]", b"not json", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest) as failed:
        notified(body)
    assert failed.value.message == "body: has to be a JSON object"

"""The pure rooms of the api: page tokens, WAV headers, inputs and loose values."""

import base64
import struct
import wave
from io import BytesIO

import pytest
from cli2api.v1 import job_pb2, media_pb2
from google.protobuf.struct_pb2 import Struct
from hypothesis import given
from hypothesis import strategies as st

from services.api import convert, inputs, pages, wav
from services.domain.errors import Failure, InvalidRequest, RequestTooLarge, VendorFailed, Violation
from services.domain.job import Asset, AssetKind, Job, JobFailure, JobState
from services.domain.model import MEDIA_KINDS, ModelKind

times = st.floats(allow_nan=False, allow_infinity=False)


@given(times, st.text(max_size=60), st.text())
def test_a_page_token_gives_its_position_back(order: float, name: str, question: str) -> None:
    assert pages.position(pages.token((order, name), question), question) == (order, name)


@given(st.text(min_size=1))
def test_a_foreign_page_token_is_refused_by_name(token: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        pages.position(token, "jobs")
    assert [each.field for each in refused.value.violations] == ["page_token"]


def test_no_page_token_is_the_first_page() -> None:
    assert pages.position("", "jobs") is None


@pytest.mark.parametrize("words", [b"[]", b'[1,"x",NaN,"a"]', b'[2,"0",1,"a"]', b"[" * 900, b'{"a":1}', b"\xff"])
def test_a_forged_page_token_is_refused(words: bytes) -> None:
    token = base64.urlsafe_b64encode(words).decode().rstrip("=")
    with pytest.raises(InvalidRequest, match="next_page_token of the page before"):
        pages.position(token, "jobs")


def test_a_page_has_a_size_from_one_to_its_most() -> None:
    assert [pages.page_size(asked, default=20, most=100) for asked in (0, 1, 100)] == [20, 1, 100]
    for asked in (-1, 101):
        with pytest.raises(InvalidRequest, match=f"page_size: must be from 1 to 100; got {asked}"):
            pages.page_size(asked, default=20, most=100)


def test_a_wav_header_is_read_by_others() -> None:
    sound = struct.pack("<4h", 1, -1, 2, -2)
    with wave.open(BytesIO(wav.header(sample_rate=32000, channels=2, size_bytes=len(sound)) + sound)) as heard:
        assert (heard.getframerate(), heard.getnchannels(), heard.getsampwidth(), heard.getnframes()) == (32000, 2, 2, 2)
        assert heard.readframes(2) == sound


def test_sound_of_unknown_length_goes_on_to_its_end() -> None:
    header = wav.header(sample_rate=32000, size_bytes=None)
    assert len(header) == 44
    assert (header[4:8], header[40:44]) == (b"\xff" * 4, b"\xff" * 4)


def violations_of(**given: str | bytes) -> list[Violation]:
    found: list[Violation] = []
    inputs.upstream_form(media_pb2.MediaInput(**given), "mask", found)  # type: ignore[arg-type]
    return found


def test_bytes_become_a_data_uri_and_links_stay() -> None:
    def form(**given: str | bytes) -> str:
        return inputs.upstream_form(media_pb2.MediaInput(**given), "mask", [])  # type: ignore[arg-type]

    assert form(content=b"GIF89a") == "data:image/gif;base64,R0lGODlh"
    assert form(content=b"abc", mime_type="image/x-mine") == "data:image/x-mine;base64,YWJj"
    assert form(url="https://example.com/a.png") == "https://example.com/a.png"
    assert form(url="data:image/png;base64,AA==") == "data:image/png;base64,AA=="


def test_an_input_that_is_none_says_how_to_mend_it() -> None:
    assert [each.description for each in violations_of()] == ["is empty: set `url` or `content`"]
    assert "set `mime_type`" in violations_of(content=b"plain words")[0].description
    assert "set `mime_type`" in violations_of(content=b"x", mime_type="image/png;evil,")[0].description
    assert "must be an http" in violations_of(url="/etc/passwd")[0].description


def test_a_file_may_have_20_mb_whichever_way_it_comes() -> None:
    most = inputs.MAX_FILE_BYTES
    assert most == 20 * 1024 * 1024
    assert violations_of(content=b"GIF89a" + bytes(most - 6)) == []
    with pytest.raises(RequestTooLarge, match="at most 20 MB"):
        violations_of(content=b"GIF89a" + bytes(most - 5))
    with pytest.raises(RequestTooLarge, match="at most 20 MB"):
        violations_of(url="data:image/gif;base64," + "A" * (most * 4 // 3 + 300))


def test_whole_numbers_of_a_struct_are_integers_again() -> None:
    struct = Struct()
    struct.update({"n": 4, "x": 0.5, "s": "a", "b": True, "none": None, "list": [1, {"deep": 2}]})
    found = convert.json_of(struct)
    assert found == {"n": 4, "x": 0.5, "s": "a", "b": True, "none": None, "list": [1, {"deep": 2}]}
    assert type(found["n"]) is int


def test_a_number_that_is_none_is_named_by_its_place() -> None:
    struct = Struct()
    struct.update({"a": [{"b": 1}]})
    struct.fields["a"].list_value.values[0].struct_value.fields["b"].number_value = float("nan")
    with pytest.raises(InvalidRequest, match=r"extra\.a\[0\]\.b: must be a finite number"):
        convert.json_of(struct)


def test_every_kind_and_state_has_its_number() -> None:
    assert set(convert.JOB_KINDS) == MEDIA_KINDS
    assert set(convert.JOB_STATES) == set(JobState)
    assert set(convert.ASSET_KINDS) == set(AssetKind)
    assert set(convert.MODEL_KINDS) == set(ModelKind)
    assert len(set(convert.JOB_STATES.values())) == len(JobState)


def a_job(**changes: object) -> Job:
    plain: dict[str, object] = {
        "id": "video_1",
        "kind": ModelKind.VIDEO,
        "model": "sora-2",
        "path": "/vendors/secret/path",
        "state": JobState.SUCCEEDED,
        "created_at": 1_700_000_000.25,
        "updated_at": 1_700_000_060.5,
        "task_id": "their-task",
    }
    return Job(**{**plain, **changes})  # type: ignore[arg-type]


def test_a_job_is_told_without_what_is_the_upstream_s() -> None:
    clip = Asset(kind=AssetKind.VIDEO, url="https://cdn/clip.mp4", mime_type="video/mp4", size_bytes=10, seconds=4.04)
    told = convert.job_to_proto(a_job(assets=(clip,), completed_at=1_700_000_060.5, progress=100))
    assert told.create_time.ToNanoseconds() == 1_700_000_000_250_000_000
    assert told.complete_time.seconds == 1_700_000_060
    assert not told.HasField("expire_time")
    assert not told.HasField("failure")
    assert (told.assets[0].duration.seconds, told.assets[0].duration.nanos) == (4, 40_000_000)
    assert told.assets[0].size_bytes == 10
    assert "their-task" not in str(told)
    assert "/vendors/" not in str(told)


def test_what_an_asset_does_not_know_stays_unset() -> None:
    told = convert.asset_to_proto(Asset(kind=AssetKind.IMAGE, url="https://cdn/a.png"))
    assert not told.HasField("size_bytes")
    assert not told.HasField("duration")
    assert told.kind == job_pb2.ASSET_KIND_IMAGE


def test_a_kept_failure_is_raised_again_as_what_it_was() -> None:
    kept = JobFailure(reason="VENDOR_ERROR", message="Task Execution Error", vendor_code="3005")
    failure = convert.failure_of(a_job(state=JobState.FAILED, failure=kept))
    assert type(failure) is VendorFailed
    assert (failure.message, failure.metadata) == ("Task Execution Error", {"job_id": "video_1", "vendor_code": "3005"})


def test_every_kept_reason_finds_its_failure() -> None:
    for kind in Failure.__subclasses__():
        kept = JobFailure.of(kind("so it is"))
        assert type(convert.failure_of(a_job(failure=kept))) is kind

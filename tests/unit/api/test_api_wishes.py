"""What a media request says, in the catalog's words, and what a remix starts from."""

from typing import Any

import pytest
from cli2api.v1 import media_pb2
from google.protobuf.struct_pb2 import Struct

from services.api import wishes
from services.domain.errors import InvalidRequest
from services.domain.job import Job, JobState
from services.domain.model import ModelKind

LINK = media_pb2.MediaInput(url="https://example.com/a.png")
FILE = media_pb2.MediaInput(content=b"GIF89a")


def a_clip(**changes: Any) -> Job:
    settings = {"prompt": "a fox", "seconds": "8", "size": "1280x720", "extra": {"style": "noir"}}
    plain = {"id": "video_1", "kind": ModelKind.VIDEO, "model": "sora-2", "path": "/p", "state": JobState.SUCCEEDED}
    return Job(**{**plain, "created_at": 1.0, "updated_at": 2.0, "settings": settings, **changes})


def test_only_what_the_caller_set_is_wished_for() -> None:
    assert wishes.images(media_pb2.GenerateImagesRequest(model="m", prompt="p")).fields == {"prompt": "p"}


def test_zero_is_not_absent_where_it_means_something() -> None:
    assert wishes.images(media_pb2.GenerateImagesRequest(prompt="p", seed=0, n=0)).fields == {"prompt": "p", "seed": 0, "n": 0}
    assert wishes.video(media_pb2.CreateVideoRequest(generate_audio=False)).fields == {"generate_audio": False}


def test_files_keep_their_places() -> None:
    wish = wishes.edits(media_pb2.EditImagesRequest(prompt="p", images=[LINK, FILE], mask=FILE))
    assert wish.fields["images"] == ["https://example.com/a.png", "data:image/gif;base64,R0lGODlh"]
    assert wish.fields["mask"] == "data:image/gif;base64,R0lGODlh"


def test_an_edit_needs_a_picture_and_words() -> None:
    wish = wishes.edits(media_pb2.EditImagesRequest(model="m"))
    assert [each.field for each in wish.violations] == ["prompt", "images"]


def test_a_wrong_input_is_named_by_its_place() -> None:
    request = media_pb2.CreateVideoRequest(reference_images=[LINK, media_pb2.MediaInput()], last_frame=media_pb2.MediaInput())
    assert {each.field for each in wishes.video(request).violations} == {"last_frame", "reference_images[1]"}


@pytest.mark.parametrize(("format_", "asked"), [("wav", "pcm"), ("mp3", "mp3"), ("flac", "flac")])
def test_wav_is_asked_for_as_pcm(format_: str, asked: str) -> None:
    wish = wishes.speech(media_pb2.SynthesizeSpeechRequest(prompt="p", format=format_))
    assert wish.fields["response_format"] == asked
    assert wish.violations == []


def test_music_knows_no_wav() -> None:
    wish = wishes.music(media_pb2.CreateMusicRequest(prompt="p", format="wav"))
    assert [each.description for each in wish.violations] == ['must be one of mp3, flac, pcm; got "wav"']


def test_what_is_kept_of_a_wish_has_no_files() -> None:
    extra = Struct()
    extra.update({"images": ["data:image/png;base64,AA=="], "style": "noir", "deep": {"mask": "data:x"}})
    request = media_pb2.CreateVideoRequest(prompt="p", first_frame=FILE, last_frame=LINK, extra=extra)
    assert wishes.video(request).settings() == {
        "prompt": "p",
        "last_frame": "https://example.com/a.png",
        "extra": {"style": "noir"},
    }


def test_a_remix_changes_what_it_says_and_keeps_the_rest() -> None:
    wish = wishes.remixed(wishes.video(media_pb2.CreateVideoRequest(prompt="a wolf", remix_of_id="video_1")), a_clip())
    assert (wish.model, wish.remix_of_id) == ("sora-2", "video_1")
    assert wish.fields == {"prompt": "a wolf", "seconds": "8", "size": "1280x720"}
    assert wish.extra == {"style": "noir"}


def test_a_remix_in_another_frame_forgets_the_old_one_in_every_word() -> None:
    request = media_pb2.CreateVideoRequest(prompt="a wolf", aspect_ratio="9:16", remix_of_id="video_1")
    assert "size" not in wishes.remixed(wishes.video(request), a_clip()).fields


def test_a_remix_needs_a_clip() -> None:
    wish = wishes.video(media_pb2.CreateVideoRequest(prompt="x", remix_of_id="music_1"))
    with pytest.raises(InvalidRequest, match="remix_of_id: must name a video job; music_1 makes music"):
        wishes.remixed(wish, a_clip(id="music_1", kind=ModelKind.MUSIC))


def test_a_request_id_has_at_most_255_characters() -> None:
    assert not wishes.video(media_pb2.CreateVideoRequest(request_id="x" * 255)).violations
    assert [each.field for each in wishes.video(media_pb2.CreateVideoRequest(request_id="x" * 256)).violations] == ["request_id"]

"""Forms: how parts are read and folded into a body, and how broken ones are refused."""

from contextlib import suppress
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.dialects.fields import Upload, WrongField, scalar
from edge.dialects.forms import fold
from edge.errors import Failure
from edge.multipart import FILE_LIMIT, is_form, parse
from tests.unit.edge.scripted import Core

TYPE = "multipart/form-data; boundary=b0"


def _form(*parts: tuple[str, bytes]) -> bytes:
    return b"".join(b"--b0\r\n" + head.encode() + b"\r\n\r\n" + content + b"\r\n" for head, content in parts) + b"--b0--\r\n"


def test_text_and_files_are_told_apart_by_the_filename() -> None:
    raw = _form(
        ('content-disposition: form-data; name="prompt"', "ein Esel für mich".encode()),
        ('Content-Disposition: form-data; name="pic"; filename="a.png"\r\nContent-Type: image/png; q=1', b"\x00\r\n--b\r\n"),
    )
    assert parse(TYPE, raw) == [
        ("prompt", "ein Esel für mich"),
        ("pic", Upload(content=b"\x00\r\n--b\r\n", mime_type="image/png", filename="a.png")),
    ]


def test_names_may_be_of_any_script() -> None:
    raw = _form(('content-disposition: form-data; name="图片"; filename="猫 ñ.png"\r\ncontent-type: image/png', b"x"))
    assert parse(TYPE, raw) == [("图片", Upload(content=b"x", mime_type="image/png", filename="猫 ñ.png"))]


@pytest.mark.parametrize(
    ("content_type", "raw", "words"),
    [
        ("multipart/form-data", b"", "needs a boundary"),
        (TYPE, b"", "breaks off"),
        (TYPE, b"no form at all", "not the multipart form"),
        (TYPE, _form(('content-disposition: form-data; name="a"', b"1"))[:-8], "breaks off"),
        (TYPE, _form(("content-disposition: form-data", b"1")), "has no name"),
        (TYPE, _form(('content-disposition: form-data; name="a"', b"\xff")), "a: is not UTF-8"),
    ],
)
def test_a_broken_form_is_refused(content_type: str, raw: bytes, words: str) -> None:
    with pytest.raises(Failure, match=words) as caught:
        parse(content_type, raw)
    assert caught.value.reason == "INVALID_REQUEST"


def test_a_file_that_is_too_large_is_refused_by_name() -> None:
    raw = _form(('content-disposition: form-data; name="pic"; filename="a"', b"x" * (FILE_LIMIT + 1)))
    with pytest.raises(Failure, match="at most 20 MB") as caught:
        parse(TYPE, raw)
    assert (caught.value.reason, caught.value.param) == ("REQUEST_TOO_LARGE", "pic")


@given(st.binary(max_size=100))
def test_random_bytes_are_a_form_or_a_refusal(raw: bytes) -> None:
    for body in (raw, b"--b0\r\n" + raw, _form(('content-disposition: form-data; name="a"', raw))):
        assert _refusal(body) in {None, "INVALID_REQUEST"}


def _refusal(body: bytes) -> str | None:
    try:
        parse(TYPE, body)
    except Failure as failure:
        return failure.reason
    return None


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [("multipart/form-data; boundary=x", True), ("Multipart/Form-Data", True), ("application/json", False), ("", False)],
)
def test_a_form_is_known_by_its_type(content_type: str, expected: bool) -> None:
    assert is_form(content_type) is expected


def test_brackets_make_lists_and_objects() -> None:
    assert fold([("a", "1"), ("b[]", "x"), ("b[]", "y"), ("c[d]", "z"), ("c[e][]", "w"), ("f", "1"), ("f", "2")]) == {
        "a": "1",
        "b": ["x", "y"],
        "c": {"d": "z", "e": ["w"]},
        "f": ["1", "2"],
    }


@pytest.mark.parametrize("parts", [[("a", "1"), ("a[b]", "2")], [("a[b]", "2"), ("a", "1")], [("a" + "[b]" * 9, "1")]])
def test_parts_that_contradict_each_other_are_refused(parts: list[tuple[str, str | Upload]]) -> None:
    with pytest.raises(WrongField):
        fold(parts)


@given(st.lists(st.tuples(st.text("ab[]", max_size=8), st.text(max_size=3)), max_size=6))
def test_any_names_fold_or_are_refused(parts: list[tuple[str, str]]) -> None:
    with suppress(WrongField):
        assert len(fold([*parts])) <= len(parts)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5", 5),
        ("0.5", 0.5),
        ("true", True),
        ('{"a": [1]}', {"a": [1]}),
        ("007", "007"),
        ("NaN", "NaN"),
        ("null", "null"),
        ('"x"', '"x"'),
        ("a mule", "a mule"),
        ("", ""),
        ("[" * 100_000, "[" * 100_000),
    ],
)
def test_a_forms_text_is_read_as_the_json_that_it_writes(text: str, expected: Any) -> None:
    assert scalar(text) == expected


async def test_a_file_where_none_is_taken_is_refused(core: Core, http: httpx2.AsyncClient) -> None:
    for name in ("prompt", "seed", "something"):
        answer = await http.post("/v1/videos", data={"x": "1"}, files={name: ("a.png", b"\x89PNG", "image/png")})
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, name)
    assert core.requests == []

import contextlib
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.domain.errors import InvalidRequest
from services.upstream.rewrite import with_model

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["model", 'mo"del', "\\model", "a"]) | st.text(), inner),
    max_leaves=12,
)
SPACES = st.text(" \t\r\n", max_size=3)


@st.composite
def written(draw: st.DrawFn) -> tuple[str, list[str | None]]:
    """An object as JSON text in any style, and its pieces in order, with None for each value of a top-level `model`."""
    pairs = draw(st.lists(st.tuples(st.sampled_from(["model", "Model", "messages"]) | st.text(), JSON), max_size=6))
    pairs.insert(draw(st.integers(0, len(pairs))), ("model", draw(JSON)))
    pieces: list[str | None] = [draw(SPACES) + "{"]
    text = str(pieces[0])
    for place, (key, value) in enumerate(pairs):
        key_text = json.dumps(key, ensure_ascii=draw(st.booleans()))
        if key == "model" and draw(st.booleans()):
            key_text = '"mod\\u0065l"'
        value_text = json.dumps(value, ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, 0, 2])))
        before = ("," if place else "") + draw(SPACES) + key_text + draw(SPACES) + ":" + draw(SPACES)
        after = draw(SPACES)
        pieces += [before, None if key == "model" else value_text, after]
        text += before + value_text + after
    end = "}" + draw(SPACES)
    return text + end, [*pieces, end]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(written(), st.text(min_size=1))
def test_every_other_byte_stays(body: tuple[str, list[str | None]], model: str) -> None:
    text, pieces = body
    values = [value for key, value in json.loads(text, object_pairs_hook=list) if key == "model"]
    word = json.dumps(model, ensure_ascii=False)
    expected = text if all(value == model for value in values) else "".join(word if piece is None else piece for piece in pieces)
    assert with_model(text.encode(), model) == expected.encode()


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(JSON.filter(lambda found: isinstance(found, dict)), st.text(st.characters(codec="utf-8")))
def test_readers_see_only_the_new_name(found: dict[str, object], model: str) -> None:
    body = json.dumps({**found, "model": "old", "nested": {"model": "kept"}}).encode()
    assert json.loads(with_model(body, model)) == {**found, "model": model, "nested": {"model": "kept"}}


def test_a_body_that_names_the_model_already_is_the_same_object() -> None:
    body = b'{"model": "gpt\\u002d5", "n": 1}'
    assert with_model(body, "gpt-5") is body


def test_a_name_that_is_no_text_is_another_name() -> None:
    assert with_model(b'{"model":"\xff","n":1}', "gpt-5") == b'{"model":"gpt-5","n":1}'


def test_every_duplicate_is_rewritten() -> None:
    assert with_model(b'{"model":"a","x":1,"model":["b"]}', "c") == b'{"model":"c","x":1,"model":"c"}'


def test_big_integers_and_odd_floats_survive() -> None:
    assert (
        with_model(b'{"model":"a","n":1e400,"m":12345678901234567890123}', "b")
        == b'{"model":"b","n":1e400,"m":12345678901234567890123}'
    )


def test_a_body_of_many_megabytes_is_rewritten() -> None:
    picture = b"A" * 20_000_000
    escaped = b"\\/" * 5_000_000
    body = b'{"messages":[{"content":["%b","%b"]}],"model":"%b"}'
    assert with_model(body % (picture, escaped, b"a"), "b") == body % (picture, escaped, b"b")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'"model"',
        b'{"model":"a"',
        b'{"model":"a',
        b'{"model":}',
        b'{"model":"a"} x',
        b'{"model":[1,2}',
        b'{"a":{"model":"b"}',
        b"\xff",
    ],
)
def test_what_is_not_an_object_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest, match="body: is not a JSON object"):
        with_model(body, "b")


def test_a_body_without_a_model_names_the_field() -> None:
    with pytest.raises(InvalidRequest, match="model: is required"):
        with_model(b'{"messages":[{"model":"a"}]}', "b")


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary() | st.text('{}[]",:\\ model1').map(str.encode))
def test_random_bytes_are_refused_or_rewritten_but_never_break(body: bytes) -> None:
    with contextlib.suppress(InvalidRequest):
        assert b'"new"' in with_model(body, "new")

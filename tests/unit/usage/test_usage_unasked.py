"""Usage that the gateway asks for in its own name: what is put into a body, and what is taken out of a stream."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.usage.unasked import LARGEST_EVENT, Withheld, asking

HEAD = '{"id":"c1","object":"chat.completion.chunk","model":"gpt-5","choices":[{"index":0,"delta":{"content":'
WORDS = ['"Good"}}]', '" \\"usage\\":null"}}]', '" morning"},"finish_reason":"stop"}]']
TOLD = 'data: {"id":"c1","model":"gpt-5","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":5}}\n\n'
DONE = "data: [DONE]\n\n"


def stream(more: str = "", last: str = "") -> bytes:
    """A chat's events; `more` stands at the end of each object, `last` before the end."""
    return ("".join(f"data: {HEAD}{word}{more}}}\n\n" for word in WORDS) + last + DONE).encode()


def withheld(told: bytes, *cuts: int) -> bytes:
    reader = Withheld()
    places = [0, *sorted(cuts), len(told)]
    return b"".join(reader.feed(told[begin:end]) for begin, end in pairwise(places)) + reader.rest()


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        (b'{"stream":true}', b'{"stream_options":{"include_usage":true},"stream":true}'),
        (
            b' {\n  "model" : "gpt-5",\n "stream": true, "seed": 12345678901234567 }\n',
            b' {"stream_options":{"include_usage":true},\n  "model" : "gpt-5",\n "stream": true, "seed": 12345678901234567 }\n',
        ),
        (b'{"stream":true,"stream_options":{}}', b'{"stream":true,"stream_options":{"include_usage":true}}'),
        (b'{"stream":true,"stream_options": null}', b'{"stream":true,"stream_options": {"include_usage":true}}'),
        (
            b'{"stream_options" : { "include_obfuscation": false },"stream":true}',
            b'{"stream_options" : {"include_usage":true, "include_obfuscation": false },"stream":true}',
        ),
        (
            b'{"stream":true,"stream_options":{"include_usage": false}}',
            b'{"stream":true,"stream_options":{"include_usage": true}}',
        ),
    ],
)
def test_the_option_is_put_into_the_body_and_every_other_byte_stays(body: bytes, sent: bytes) -> None:
    assert asking(body) == sent
    assert json.loads(sent)["stream_options"]["include_usage"] is True


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"gpt-5"}',
        b'{"stream":false}',
        b'{"stream":null}',
        b'{"stream":true,"stream_options":{"include_usage":true}}',
        b'{"stream":true,"stream_options":[]}',
        b'{"stream":true,"stream_options":"yes"}',
        b'{"stream":"true"}',
        b'{"stream":true,"stream_options":{},"metadata":{"stream_options":{}}}',
        b'{"stream":true,"stream_options":{},"stream_options":{}}',
        b"[]",
        b"",
        b'{"stream":true',
    ],
)
def test_a_body_that_asks_already_is_no_stream_or_is_unclear_is_left_alone(body: bytes) -> None:
    assert asking(body) is None


def test_words_of_a_message_are_never_taken_for_an_option() -> None:
    body = json.dumps({"messages": [{"content": '"stream_options":{}'}], "stream": True, "stream_options": {}}).encode()
    sent = asking(body)
    assert sent is not None
    assert json.loads(sent) == json.loads(body) | {"stream_options": {"include_usage": True}}


@given(st.dictionaries(st.text(max_size=8), st.recursive(st.none() | st.booleans() | st.text(), st.lists, max_leaves=5)))
def test_whatever_else_a_body_has_it_has_afterwards(rest: dict[str, object]) -> None:
    body = {**rest, "stream": True}
    body.pop("stream_options", None)
    sent = asking(json.dumps(body).encode())
    assert sent is not None
    assert json.loads(sent) == body | {"stream_options": {"include_usage": True}}


@pytest.mark.parametrize("more", ["", ',"usage":null', ' , "usage" : null'])
def test_the_caller_sees_what_it_would_have_seen_without_the_option(more: str) -> None:
    assert withheld(stream(more, TOLD)) == stream()


def test_a_null_at_the_beginning_or_in_the_middle_is_taken_out_with_its_comma() -> None:
    assert withheld(b'data: {"usage":null,"choices":[1]}\n\n') == b'data: {"choices":[1]}\n\n'
    assert withheld(b'data: {"choices":[1],"usage":null,"x":1}\n\n') == b'data: {"choices":[1],"x":1}\n\n'


@given(st.lists(st.integers(0, len(stream(',"usage":null', TOLD))), max_size=12))
def test_a_stream_may_be_cut_anywhere(cuts: list[int]) -> None:
    assert withheld(stream(',"usage":null', TOLD), *cuts) == stream()


@pytest.mark.parametrize("end", ["\r\n\r\n", "\r\r"])
def test_events_may_end_as_the_standard_lets_them(end: str) -> None:
    assert withheld(stream(',"usage":null', TOLD).replace(b"\n\n", end.encode())) == stream().replace(b"\n\n", end.encode())


@pytest.mark.parametrize(
    "event",
    [
        b": still thinking\n\n",
        b'data: {"choices":[{"delta":{}}],"usage":{"prompt_tokens":7}}\n\n',
        b'data: {"choices":[{"delta":{"usage":null,"x":1}}]}\n\n',
        b'data: {"choices":[],"usage":null\n\n',
        b'event: error\ndata: {"error":{"usage":null,"x":1}}\n\n',
        b'data: {"a":{"usage":null,"x":1},"choices":[1],"usage":null}\n\n',
    ],
)
def test_what_may_be_the_callers_own_passes_as_it_is(event: bytes) -> None:
    assert withheld(event) == event


def test_each_event_goes_on_as_soon_as_it_is_whole() -> None:
    reader = Withheld()
    assert reader.feed(b'data: {"choices":[1]}') == b""
    assert reader.feed(b"\n\ndata: ") == b'data: {"choices":[1]}\n\n'
    assert (reader.rest(), reader.rest()) == (b"data: ", b"")


def test_an_event_without_end_is_not_kept() -> None:
    reader = Withheld()
    piece = b"data: " + b"x" * LARGEST_EVENT
    assert reader.feed(piece) == piece
    assert reader.feed(b"y\n\n") == b"y\n\n"

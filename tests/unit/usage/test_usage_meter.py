"""Tokens are read out of answers as they pass by, whatever the dialect and wherever the bytes are cut."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.domain.model import Operation
from services.domain.text import TokenUsage
from services.usage.meter import LARGEST, MOST, Meter

CHAT, RESPONSES, MESSAGES = Operation.CHAT_COMPLETIONS, Operation.RESPONSES, Operation.MESSAGES


def read(operation: Operation, *chunks: bytes, streamed: bool = False) -> TokenUsage | None:
    meter = Meter(operation, streamed=streamed)
    for chunk in chunks:
        meter.feed(chunk)
    return meter.tokens


def events(*documents: Any) -> bytes:
    return b"".join(b"data: " + json.dumps(document).encode() + b"\n\n" for document in documents)


CHAT_USAGE = {
    "prompt_tokens": 10,
    "completion_tokens": 7,
    "total_tokens": 17,
    "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 3, "audio_tokens": 0},
}
COUNTED = TokenUsage(prompt_tokens=10, completion_tokens=7, cached_tokens=4, reasoning_tokens=3)
CHAT_STREAM = events(
    {"choices": [{"delta": {"content": 'say "usage": {"prompt_tokens": 99}'}}], "usage": None},
    {"choices": [], "usage": CHAT_USAGE},
    "[DONE]",
)
RESPONSES_STREAM = events(
    {"type": "response.created", "response": {"usage": None}},
    {"type": "response.output_text.delta", "delta": "usage"},
    {
        "type": "response.completed",
        "response": {
            "tools": [{"parameters": {"properties": {"usage": {"type": "object", "properties": {}}}}}],
            "usage": {
                "input_tokens": 10,
                "input_tokens_details": {"cached_tokens": 4},
                "output_tokens": 7,
                "output_tokens_details": {"reasoning_tokens": 3},
                "total_tokens": 17,
            },
        },
    },
)
MESSAGES_STREAM = events(
    {
        "type": "message_start",
        "message": {
            "usage": {
                "input_tokens": 5,
                "cache_read_input_tokens": 4,
                "cache_creation_input_tokens": 1,
                "output_tokens": 1,
                "service_tier": "odd } tier {",
            }
        },
    },
    {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "hi"}},
    {
        "type": "message_delta",
        "usage": {"output_tokens": 7, "input_tokens": None, "output_tokens_details": {"thinking_tokens": 3}},
    },
    {"type": "message_stop"},
)
MESSAGES_COUNTED = TokenUsage(prompt_tokens=10, completion_tokens=7, cached_tokens=4, cache_write_tokens=1, reasoning_tokens=3)
STREAMS = [(CHAT, CHAT_STREAM, COUNTED), (RESPONSES, RESPONSES_STREAM, COUNTED), (MESSAGES, MESSAGES_STREAM, MESSAGES_COUNTED)]


@pytest.mark.parametrize(("operation", "stream", "counted"), STREAMS)
def test_a_stream_tells_its_tokens_in_every_dialect(operation: Operation, stream: bytes, counted: TokenUsage) -> None:
    assert read(operation, stream, streamed=True) == counted


@pytest.mark.parametrize(("operation", "stream", "counted"), STREAMS)
def test_a_stream_may_be_cut_between_any_two_bytes(operation: Operation, stream: bytes, counted: TokenUsage) -> None:
    assert read(operation, *(stream[place : place + 1] for place in range(len(stream))), streamed=True) == counted
    for place in range(len(stream)):
        assert read(operation, stream[:place], stream[place:], streamed=True) == counted


@given(st.sampled_from(STREAMS), st.lists(st.integers(min_value=0, max_value=800), max_size=12))
def test_a_stream_may_be_cut_anywhere(stream: tuple[Operation, bytes, TokenUsage], cuts: list[int]) -> None:
    operation, whole, counted = stream
    edges = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    pieces = [whole[start:end] for start, end in pairwise(edges)]
    assert read(operation, *pieces, streamed=True) == counted


@given(st.sampled_from([CHAT, RESPONSES, MESSAGES]), st.lists(st.binary(max_size=40)), st.booleans())
def test_no_bytes_break_it(operation: Operation, chunks: list[bytes], streamed: bool) -> None:
    assert read(operation, *chunks, b'"usage', *chunks, b'":{', *chunks, streamed=streamed) in (None, TokenUsage())


@given(st.text())
def test_what_a_text_says_is_never_counted(text: str) -> None:
    said = json.dumps({"content": f'"usage": {{"prompt_tokens": 1}}{text}"usage"', "note": "usage"}, ensure_ascii=False)
    assert read(CHAT, said.encode("utf-8", "surrogatepass")) is None


def test_a_whole_answer_tells_its_tokens() -> None:
    body = json.dumps({"choices": [{"message": {"content": "x" * 100_000}}], "usage": CHAT_USAGE, "id": "c"}, indent=2).encode()
    assert read(CHAT, body) == COUNTED
    assert read(CHAT, *(body[place : place + 1000] for place in range(0, len(body), 1000))) == COUNTED


def test_a_whole_message_counts_what_it_wrote() -> None:
    body = json.dumps({"content": [], "usage": {"input_tokens": 3, "output_tokens": 2}}).encode()
    assert read(MESSAGES, body) == TokenUsage(prompt_tokens=3, completion_tokens=2)


def test_what_is_not_told_is_not_known() -> None:
    assert read(CHAT, b'{"choices": [], "usage": null}') is None
    assert read(CHAT, b'{"choices": [], "usage": {}}') is None
    assert read(CHAT, b'{"usage": {"prompt_tokens": "3", "completion_tokens": -1, "total_tokens": true}}') is None
    assert read(CHAT, b'{"usage": {"prompt_tokens": 3}}') == TokenUsage(prompt_tokens=3)
    assert read(CHAT, b'{"usage": {"prompt_tokens": 0}}') == TokenUsage(prompt_tokens=0)


def test_what_is_no_text_is_no_count() -> None:
    assert read(CHAT, b'{"usage":{"prompt_tokens":"x","note":"\xff"}}') is None


@pytest.mark.parametrize(("endless", "counted"), [(15, COUNTED), (17, None)])
def test_objects_without_an_end_are_not_looked_through_for_ever(endless: int, counted: TokenUsage | None) -> None:
    hopeless = b'"usage":{' + b" " * LARGEST
    assert read(CHAT, hopeless * endless + json.dumps({"usage": CHAT_USAGE}).encode()) == counted


def test_a_count_that_is_none_takes_nothing_with_it() -> None:
    odd = {
        "prompt_tokens": 3,
        "input_tokens": "many",
        "prompt_tokens_details": [1],
        "output_tokens_details": {"thinking_tokens": 2},
    }
    assert read(CHAT, json.dumps({"usage": odd}).encode()) == TokenUsage(prompt_tokens=3, reasoning_tokens=2)
    assert read(CHAT, b'{"usage": ["prompt_tokens", 3]}') is None


@pytest.mark.parametrize("absurd", [MOST + 1, 1 << 64, 10**30])
def test_a_count_that_no_store_can_sum_up_is_not_believed(absurd: int) -> None:
    told = {"prompt_tokens": absurd, "completion_tokens": MOST}
    assert read(CHAT, json.dumps({"usage": told}).encode()) == TokenUsage(completion_tokens=MOST)


_WORDS = st.sampled_from(
    ["prompt_tokens", "input_tokens", "output_tokens", "cached_tokens", "thinking_tokens", "total_tokens", "x"]
)
_DETAILS = st.sampled_from(["prompt_tokens_details", "output_tokens_details", "completion_tokens_details"])
_COUNTS = st.dictionaries(_WORDS, st.none() | st.integers(0, 9))


@given(_COUNTS, st.dictionaries(_DETAILS, st.none() | _COUNTS))
def test_a_word_that_is_no_count_changes_nothing_of_the_others(counts: dict[str, Any], details: dict[str, Any]) -> None:
    usual, odd = counts | details, {"cache_write_tokens": "none"} | counts | details
    told = [read(MESSAGES, json.dumps({"usage": each}).encode()) or TokenUsage() for each in (usual, odd)]
    assert told[0] == told[1]


def test_a_message_that_is_cut_off_says_what_it_read_and_not_what_it_wrote() -> None:
    beginning = MESSAGES_STREAM.partition(b"\n\n")[0] + b"\n\n"
    cut = read(MESSAGES, beginning, streamed=True)
    assert cut == TokenUsage(prompt_tokens=10, cached_tokens=4, cache_write_tokens=1)


def test_a_cache_may_be_counted_in_deepseeks_words() -> None:
    assert read(CHAT, b'{"usage":{"prompt_tokens":3,"prompt_cache_hit_tokens":2}}') == TokenUsage(
        prompt_tokens=3, cached_tokens=2
    )


def test_responses_may_be_counted_in_the_words_of_chat() -> None:
    assert read(RESPONSES, json.dumps({"usage": CHAT_USAGE}).encode()) == COUNTED


def test_the_last_count_is_the_one() -> None:
    counts = [{"usage": {"prompt_tokens": 3, "completion_tokens": written}} for written in (1, 2, 5)]
    assert read(CHAT, events(*counts), streamed=True) == TokenUsage(prompt_tokens=3, completion_tokens=5)


def test_an_event_may_be_spread_over_lines() -> None:
    pretty = b'data: {"usage": {\ndata:   "prompt_tokens": 3,\r\ndata: "completion_tokens": 5\ndata: }}\n\n'
    assert read(CHAT, pretty, streamed=True) == TokenUsage(prompt_tokens=3, completion_tokens=5)


def test_no_more_is_kept_than_an_object_of_counts_has() -> None:
    meter = Meter(CHAT, streamed=False)
    meter.feed(b'{"usage": {"note": "')
    for _ in range(100):
        meter.feed(b"x" * 1000)
        assert len(meter._held) <= LARGEST
    meter.feed(b'"}, "usage": {"prompt_tokens": 3}}')
    assert meter.tokens == TokenUsage(prompt_tokens=3)

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.domain.errors import UpstreamUnavailable
from services.upstream.sse import ServerSentEvent, SseParser

LINE = st.text(st.characters(exclude_characters="\r\n", codec="utf-8"))
EVENTS = st.lists(st.tuples(st.sampled_from(["", "message_start", "delta"]), st.lists(LINE, min_size=1, max_size=3)), max_size=5)


def parsed(*chunks: bytes) -> list[ServerSentEvent]:
    parser = SseParser()
    return [event for chunk in chunks for event in parser.feed(chunk)]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(EVENTS, st.sampled_from(["\n", "\r", "\r\n"]), st.data())
def test_cuts_anywhere_and_any_line_ending_give_the_same_events(
    events: list[tuple[str, list[str]]], ending: str, data: st.DataObject
) -> None:
    lines: list[str] = []
    for name, words in events:
        lines += [": comment", *([f"event: {name}"] if name else []), "id: 7", *(f"data: {word}" for word in words), ""]
    stream = "".join(line + ending for line in lines).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    chunks = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert parsed(*chunks) == [ServerSentEvent(event=name, data="\n".join(words)) for name, words in events]


@pytest.mark.parametrize(
    ("stream", "data"),
    [
        (b"data:x\n\n", ["x"]),
        (b"data:  x\n\n", [" x"]),
        (b"\xef\xbb\xbfdata: x\n\n", ["x"]),
        (b"data\n\n", [""]),
        (b"data: a\ndata: b\n\n", ["a\nb"]),
        (b"event: only\n\ndata: x\n\n", ["x"]),
        (b": keep-alive\n\n", []),
        (b"data: unfinished\n", []),
        (b"retry: 3\nunknown: y\ndata: x\n\n", ["x"]),
    ],
)
def test_the_forms_of_the_standard(stream: bytes, data: list[str]) -> None:
    assert [event.data for event in parsed(stream)] == data


def test_an_event_without_end_is_a_broken_upstream() -> None:
    parser = SseParser(largest_event=100)
    assert [list(parser.feed(b"data: 0123456789\n")) for _ in range(8)] == [[]] * 8
    with pytest.raises(UpstreamUnavailable, match="larger than 100 bytes"):
        list(parser.feed(b"data: 0123456789\n"))


def test_a_line_without_end_is_a_broken_upstream() -> None:
    parser = SseParser(largest_event=100)
    assert list(parser.feed(b"0" * 100)) == []
    with pytest.raises(UpstreamUnavailable):
        list(parser.feed(b"0"))

"""What Envoy tells of a direct call becomes a record; what it does not know stays unknown."""

from services.usage.otlp import Told, told

WHOLE = {
    "route": "direct:/v1/chat/completions",
    "status": "200",
    "flags": "-",
    "ms": "12",
    "first_byte_us": "11500",
    "bytes_out": "111",
    "caller": "abc",
    "request_id": "r-1",
    "media_type": "application/json; charset=utf-8",
}
COUNTED = '{"prompt_tokens":5,"completion_tokens":7,"prompt_tokens_details":{"cached_tokens":2}}'


def hear(*, model: str = "gpt-5", usage: str = COUNTED, **changed: str) -> Told | None:
    line = "\x1f".join([" ".join((WHOLE | changed).values()), model, usage])
    return told(line, record_id="1", began_at=1800000000.25)


def test_a_call_is_told_whole() -> None:
    call = hear()
    assert call is not None
    record = call.record
    assert (record.endpoint, record.model, record.caller, record.status) == ("/v1/chat/completions", "gpt-5", "abc", 200)
    assert (record.prompt_tokens, record.completion_tokens, record.cached_tokens, record.reasoning_tokens) == (5, 7, 2, None)
    assert (record.began_at, record.seconds, record.first_byte_seconds, record.bytes_out) == (1800000000.25, 0.012, 0.0115, 111)
    assert (record.request_id, record.cancelled, call.refused) == ("r-1", False, False)


def test_what_envoy_does_not_know_is_not_zero() -> None:
    call = hear(usage="-", first_byte_us="-", model="-", caller="-")
    assert call is not None
    assert (call.record.prompt_tokens, call.record.first_byte_seconds, call.record.model, call.record.caller) == (
        None,
        None,
        "",
        "",
    )


def test_a_caller_who_left_is_marked() -> None:
    call = hear(flags="DC", status="200")
    assert call is not None
    assert (call.record.status, call.record.cancelled) == (499, True)


def test_the_first_and_last_counts_of_a_streamed_message_make_one() -> None:
    usage = '{"input_tokens":5,"output_tokens":1,"cache_read_input_tokens":2}\x1e{"output_tokens":6}'
    call = hear(route="direct:/v1/messages", media_type="text/event-stream; charset=utf-8", usage=usage)
    assert call is not None
    assert (call.record.prompt_tokens, call.record.completion_tokens, call.record.cached_tokens) == (7, 6, 2)


def test_an_answer_that_mulerun_broke_off_is_no_success() -> None:
    statuses = [call.record.status for flags in ("UC", "UR", "UPE,XX") if (call := hear(flags=flags))]
    assert statuses == [502, 502, 502]
    call = hear(flags="UC,DC")
    assert call is not None
    assert call.record.status == 499


def test_envoys_own_words_are_no_answer_of_mulerun() -> None:
    for own in ({"first_byte_us": "-", "status": "502", "flags": "UF"}, {"usage": "refused 401", "status": "502"}):
        call = hear(**own)
        assert call is not None
        assert (call.record.status, call.record.first_byte_seconds, call.record.bytes_out) == (502, None, 0)


def test_no_call_is_shorter_than_its_first_byte() -> None:
    call = hear(ms="11", first_byte_us="11900")
    assert call is not None
    assert call.record.seconds == call.record.first_byte_seconds == 0.0119


def test_a_refused_credential_is_told() -> None:
    refusals = [hear(status="502", usage=usage) for usage in ("refused 401", "refused 403", "-", COUNTED)]
    assert [call.refused for call in refusals if call] == [True, True, False, False]


def test_words_of_others_are_not_read_as_ours() -> None:
    call = hear(model="a b c 200 -", usage="- -\x1frefused 401")
    assert call is not None
    assert (call.record.model, call.record.prompt_tokens, call.record.status) == ("a b c 200 -", None, 200)
    assert not call.refused


def test_nonsense_is_no_record_and_no_crash() -> None:
    assert told("", record_id="1", began_at=0.0) is None
    assert told("direct:/v1/responses 1 2 3\x1fgpt-5\x1f-", record_id="1", began_at=0.0) is None
    assert hear(route="direct:/v1/videos") is None
    call = hear(route="direct:/v1/responses", status="x", ms="nan", first_byte_us="inf", bytes_out="-7", usage="{")
    assert call is not None
    assert (call.record.status, call.record.seconds, call.record.bytes_out, call.record.prompt_tokens) == (0, 0.0, 0, None)
    call = hear(bytes_out="9" * 19, ms="9" * 5000)
    assert call is not None
    assert (call.record.bytes_out, call.record.seconds) == (0, 0.0115)

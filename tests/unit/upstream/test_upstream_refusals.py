import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict

from services.domain.errors import Failure, OutOfCredits, RateLimited, UpstreamRefused, UpstreamUnavailable
from services.domain.ports import Plane
from services.upstream.refusals import refusal, reported, retry_after

NOON = 1_800_000_000.0


def refused(status: int, body: bytes, plane: Plane = Plane.STUDIO, **headers: str) -> Failure:
    named = CIMultiDict({name.replace("_", "-"): value for name, value in headers.items()})
    return refusal(status, named, body, now=NOON, plane=plane)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"title":"Bad","detail":"n is too large"}', "Bad: n is too large"),
        (b'{"title":"Bad","detail":"None (request_id: r-1)"}', "Bad: (request_id: r-1)"),
        (b'{"title":"Bad","detail":"None"}', "Bad"),
        (b'{"error":{"message":"no such model","type":"invalid_request_error"}}', "no such model"),
        (b'{"error":"plain words"}', "plain words"),
        (b'{"message":"words"}', "words"),
        (b'{"task_info":{"error":{"title":"T","detail":"D"}}}', "T: D"),
        (b"upstream says no", "upstream says no"),
        (b"<html><body>secret page</body></html>", "Bad Request"),
        (b"", "Bad Request"),
        (b"[1]", "Bad Request"),
    ],
)
def test_every_envelope_gives_its_words(body: bytes, words: str) -> None:
    assert refused(400, body).message == f"MuleRun refused the request with HTTP 400: {words}"


def test_the_vendors_code_is_kept_and_zero_is_none() -> None:
    assert refused(400, b'{"error_code": 1001}').metadata == {"upstream_status": "400", "vendor_code": "1001"}
    assert refused(400, b'{"error_code": 0}').metadata == {"upstream_status": "400"}


@pytest.mark.parametrize(
    "token", ["muk-" + "a" * 64, "sk-mr-" + "b" * 20, "eyJhbGciOi.J9.x_y-z", "ory_rt_abcdefgh", "whsec_abcdefgh"]
)
def test_a_token_in_the_answer_is_never_shown(token: str) -> None:
    message = refused(400, f'{{"detail":"bad key {token}!"}}'.encode()).message
    assert token not in message
    assert "bad key [token]" in message


def test_long_words_are_cut() -> None:
    assert len(refused(400, b'{"detail":"' + b"x" * 9000 + b'"}').message) < 600


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("3", 3.0),
        ("0.5", 0.5),
        ("-1", 0.0),
        ("86400", 3600.0),
        ("inf", 3600.0),
        ("nan", None),
        ("soon", None),
        ("", None),
        ("Fri, 15 Jan 2027 08:00:07 GMT", 7.0),
        ("Fri, 15 Jan 2027 07:00:00 GMT", 0.0),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, seconds: float | None) -> None:
    assert retry_after(value, NOON) == seconds


def test_throttling_says_when_to_come_back() -> None:
    failure = refused(429, b"{}", Retry_After="7")
    assert isinstance(failure, RateLimited)
    assert failure.retry_after == 7.0


def test_a_text_model_that_the_key_does_not_open_hints_at_the_right_key() -> None:
    body = b"""{"error":{"message":"Model 'gpt-5' is not supported"}}"""
    assert "LLM gateway key" in refused(400, body, Plane.TEXT).message
    assert "LLM gateway key" not in refused(400, body, Plane.STUDIO).message


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"message": "m", "type": "rate_limit_error"}, RateLimited),
        ({"message": "m", "code": "rate_limit_exceeded"}, RateLimited),
        ({"message": "m", "code": 429}, RateLimited),
        ({"message": "m", "code": "insufficient_quota"}, OutOfCredits),
        ({"message": "m", "type": "invalid_request_error"}, UpstreamRefused),
        ({"message": "m", "type": "overloaded_error"}, UpstreamUnavailable),
        ({"message": "m", "code": "3005"}, UpstreamUnavailable),
        ({"message": "m"}, UpstreamUnavailable),
        ("m", UpstreamUnavailable),
        (None, UpstreamUnavailable),
    ],
)
def test_an_error_inside_a_stream_is_named_by_its_type_or_code(error: object, kind: type[Failure]) -> None:
    assert type(reported(error, plane=Plane.TEXT)) is kind


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(100, 999), st.binary(), st.text())
def test_no_answer_however_strange_breaks_the_table(status: int, body: bytes, wait: str) -> None:
    failure = refusal(status, {"retry-after": wait}, body, now=NOON, plane=Plane.TEXT)
    assert 0 < len(failure.message) < 900

"""The table of failures: complete, true to the promised statuses, and never inviting an SDK to pay twice."""

from typing import Any

import grpc
import httpx2
import pytest
from cli2api.v1 import error_pb2

from edge.errors import ROWS, Dialect, Failure, Spent, document, headers, row_of
from tests.unit.edge.scripted import Core, fails

PROMISED = {
    "INVALID_REQUEST": (400, "invalid_request_error", "invalid_request_error"),
    "REQUEST_TOO_LARGE": (400, "invalid_request_error", "invalid_request_error"),
    "INVALID_API_KEY": (401, "authentication_error", "authentication_error"),
    "UPSTREAM_CREDENTIAL": (502, "upstream_error", "api_error"),
    "BILLING": (402, "insufficient_quota", "billing_error"),
    "MODEL_NOT_FOUND": (404, "invalid_request_error", "not_found_error"),
    "MODEL_UNRESOLVED": (400, "invalid_request_error", "invalid_request_error"),
    "JOB_NOT_FOUND": (404, "invalid_request_error", "not_found_error"),
    "JOB_NOT_ENDED": (400, "invalid_request_error", "invalid_request_error"),
    "NO_RECEIVER": (400, "invalid_request_error", "invalid_request_error"),
    "ASSET_NOT_READY": (400, "invalid_request_error", "invalid_request_error"),
    "ASSET_GONE": (404, "invalid_request_error", "not_found_error"),
    "IDEMPOTENCY_CONFLICT": (409, "invalid_request_error", "invalid_request_error"),
    "RATE_LIMITED": (429, "rate_limit_error", "rate_limit_error"),
    "VENDOR_ERROR": (502, "vendor_error", "api_error"),
    "UPSTREAM_REFUSED": (400, "invalid_request_error", "invalid_request_error"),
    "UPSTREAM_UNAVAILABLE": (502, "upstream_error", "api_error"),
    "DEADLINE_EXCEEDED": (504, "timeout_error", "timeout_error"),
    "SUBMISSION_UNCERTAIN": (502, "upstream_error", "api_error"),
    "STORE_UNAVAILABLE": (503, "server_error", "api_error"),
    "UNSUPPORTED": (400, "invalid_request_error", "invalid_request_error"),
    "DRAINING": (503, "server_error", "overloaded_error"),
    "INTERNAL": (500, "server_error", "api_error"),
}
CODES = {
    "REQUEST_TOO_LARGE": "request_too_large",
    "INVALID_API_KEY": "invalid_api_key",
    "MODEL_NOT_FOUND": "model_not_found",
    "MODEL_UNRESOLVED": "model_not_found",
    "JOB_NOT_FOUND": "not_found",
    "JOB_NOT_ENDED": "job_not_ended",
    "NO_RECEIVER": "no_receiver",
}
REASONS = [name.removeprefix("ERROR_REASON_") for name in error_pb2.ErrorReason.keys()]  # noqa: SIM118 - an enum, not a dict


def test_every_reason_of_the_contract_has_a_row_and_a_promise() -> None:
    assert set(REASONS) - {"UNSPECIFIED"} == set(PROMISED)
    assert set(PROMISED) <= set(ROWS)


@pytest.mark.parametrize("reason", sorted(PROMISED))
def test_a_reason_looks_as_promised(reason: str) -> None:
    row = ROWS[reason]
    assert (row.status, row.type, row.anthropic) == PROMISED[reason]
    assert row.code == CODES.get(reason, row.code)


@pytest.mark.parametrize("reason", sorted(ROWS))
def test_openais_shape_always_has_its_four_keys(reason: str) -> None:
    shown = document(Failure(reason, "it failed"), Dialect.OPENAI, "req-1")
    assert set(shown) == {"error"}
    assert set(shown["error"]) == {"message", "type", "param", "code"}


def test_anthropics_shape_carries_the_request_id() -> None:
    assert document(Failure("JOB_NOT_FOUND", "no such job"), Dialect.ANTHROPIC, "req-1") == {
        "type": "error",
        "error": {"type": "not_found_error", "message": "no such job"},
        "request_id": "req-1",
    }


def test_an_upstream_529_is_overloaded_in_anthropics_words() -> None:
    failure = Failure("UPSTREAM_UNAVAILABLE", "busy", metadata={"upstream_status": "529"})
    assert document(failure, Dialect.ANTHROPIC, "r")["error"]["type"] == "overloaded_error"


def test_a_vendors_own_code_is_the_code() -> None:
    failure = Failure("VENDOR_ERROR", "blocked", metadata={"vendor_code": "3005"})
    assert document(failure, Dialect.OPENAI, "r")["error"]["code"] == "3005"


def test_a_reason_from_a_newer_core_is_a_fault_of_the_gateway() -> None:
    assert row_of(Failure("SOMETHING_NEW", "?")).status == 500


SAFE_AFTER_A_PAID_CALL = {"RATE_LIMITED", "STORE_UNAVAILABLE", "DRAINING", "CORE_UNREACHABLE"}


@pytest.mark.parametrize("reason", sorted(ROWS))
def test_an_sdk_is_stopped_from_repeating_a_paid_call_unless_nothing_was_begun(reason: str) -> None:
    status = ROWS[reason].status
    sdk_repeats = status in {408, 409, 429} or status >= 500
    told = headers(Failure(reason, "it failed", spent=Spent.PERHAPS)).get("x-should-retry")
    assert told == ("false" if sdk_repeats and reason not in SAFE_AFTER_A_PAID_CALL else None)


@pytest.mark.parametrize("reason", sorted(ROWS))
def test_nothing_is_repeated_once_it_is_paid_for(reason: str) -> None:
    failure = Failure(reason, "it failed", retry_after=3).about("job_1", spent=Spent.CERTAINLY)
    told = headers(failure)
    assert told["x-cli2api-job-id"] == "job_1"
    assert "retry-after" not in told
    assert ROWS[reason].status < 500 or told["x-should-retry"] == "false"


@pytest.mark.parametrize("reason", ["UPSTREAM_UNAVAILABLE", "DEADLINE_EXCEEDED", "INTERNAL", "CORE_LOST"])
def test_a_reading_call_may_be_repeated(reason: str) -> None:
    assert "x-should-retry" not in headers(Failure(reason, "it failed"))


@pytest.mark.parametrize("reason", ["UPSTREAM_CREDENTIAL", "IDEMPOTENCY_CONFLICT", "SUBMISSION_UNCERTAIN"])
def test_a_call_that_would_fail_again_is_not_repeated(reason: str) -> None:
    assert headers(Failure(reason, "it failed"))["x-should-retry"] == "false"


def test_retry_after_is_whole_seconds_and_at_least_one() -> None:
    assert headers(Failure("RATE_LIMITED", "slow down", retry_after=0.2))["retry-after"] == "1"
    assert headers(Failure("RATE_LIMITED", "slow down", retry_after=6.1))["retry-after"] == "7"
    assert "retry-after" not in headers(Failure("RATE_LIMITED", "slow down"))


def test_the_contracts_field_is_told_in_the_callers_word() -> None:
    failure = Failure("INVALID_REQUEST", "prompt: too long", param="prompt").renamed({"prompt": "input"})
    assert (failure.param, failure.message) == ("input", "input: too long")
    assert Failure("INVALID_REQUEST", "x: y", param="x").renamed({"prompt": "input"}).param == "x"


def test_a_field_of_extra_is_told_as_the_caller_sent_it() -> None:
    failure = Failure("INVALID_REQUEST", "extra.sise: is no parameter", param="extra.sise").renamed({"prompt": "input"})
    assert (failure.param, failure.message) == ("sise", "sise: is no parameter")


BODY = {"model": "gpt-image-2", "prompt": "a mule"}


@pytest.mark.parametrize(
    ("code", "reason", "status"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", 400),
        (grpc.StatusCode.UNAUTHENTICATED, "INVALID_API_KEY", 401),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "BILLING", 402),
        (grpc.StatusCode.NOT_FOUND, "MODEL_NOT_FOUND", 404),
        (grpc.StatusCode.ALREADY_EXISTS, "IDEMPOTENCY_CONFLICT", 409),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED", 429),
        (grpc.StatusCode.ABORTED, "VENDOR_ERROR", 502),
        (grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE", 503),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", 504),
    ],
)
async def test_a_failure_of_the_core_crosses_the_wire(
    core: Core, http: httpx2.AsyncClient, code: grpc.StatusCode, reason: str, status: int
) -> None:
    core.answers["GenerateImages"] = fails(code, reason, "the words", field="prompt", retry_after=4, job_id="job_9")

    answer = await http.post("/v1/images/generations", json=BODY)

    assert answer.status_code == status
    error = answer.json()["error"]
    assert (error["message"], error["param"], error["type"]) == ("the words", "prompt", ROWS[reason].type)
    assert answer.headers["x-cli2api-job-id"] == "job_9"
    assert answer.headers.get("retry-after") == ("4" if reason in SAFE_AFTER_A_PAID_CALL else None)


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        (grpc.StatusCode.UNKNOWN, 500, "INTERNAL"),
        (grpc.StatusCode.INTERNAL, 500, "INTERNAL"),
        (grpc.StatusCode.UNAVAILABLE, 503, "CORE_LOST"),
        (grpc.StatusCode.UNIMPLEMENTED, 400, "UNSUPPORTED"),
    ],
)
async def test_an_error_without_our_words_shows_nothing_of_its_text(
    core: Core, http: httpx2.AsyncClient, code: grpc.StatusCode, status: int, reason: str
) -> None:
    async def answer(request: Any, context: Any) -> None:
        await context.abort(code, "Traceback: secret", (("grpc-status-details-bin", b"\xff\xff broken"),))

    core.answers["GenerateImages"] = answer

    told = await http.post("/v1/images/generations", json=BODY)

    assert told.status_code == status
    assert told.json()["error"]["code"] == ROWS[reason].code
    assert "secret" not in told.text

"""GET /v1/usage: what is asked of the core, and how its sums are shown."""

import grpc
import httpx2
import pytest
from cli2api.v1 import job_pb2, media_pb2, text_pb2, usage_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from tests.unit.edge.scripted import Core, a_made_job, chunk, fails, head

NOON = 1_800_000_000
ROW = usage_pb2.UsageRow(bucket="gpt-5", calls=3, errors=1, prompt_tokens=1 << 60, completion_tokens=5, bytes_out=9)
SUMS = usage_pb2.QueryUsageResponse(
    from_time=Timestamp(seconds=NOON - 86400),
    to_time=Timestamp(seconds=NOON, nanos=500_000_000),
    rows=[ROW],
    totals=usage_pb2.UsageRow(calls=3),
    dropped=2,
)


async def test_sums_are_plain_numbers_beside_what_they_are_sums_of(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["QueryUsage"] = SUMS

    answer = await http.get("/v1/usage?model=gpt-5")

    counts = {"prompt_tokens": 0, "completion_tokens": 0, "cached_tokens": 0, "reasoning_tokens": 0, "bytes_out": 0}
    assert answer.json() == {
        "object": "usage",
        "from": NOON - 86400,
        "to": NOON + 0.5,
        "group_by": "model",
        "filter": {"model": "gpt-5", "endpoint": None},
        "rows": [
            {
                **counts,
                "bucket": "gpt-5",
                "calls": 3,
                "errors": 1,
                "prompt_tokens": 1 << 60,
                "completion_tokens": 5,
                "bytes_out": 9,
            }
        ],
        "totals": {**counts, "calls": 3, "errors": 0},
        "dropped": 2,
    }


@pytest.mark.parametrize(
    ("query", "request_of_core"),
    [
        ("", usage_pb2.QueryUsageRequest(group_by=usage_pb2.USAGE_GROUP_MODEL)),
        ("?from=&to=&model=&endpoint=&group_by=", usage_pb2.QueryUsageRequest(group_by=usage_pb2.USAGE_GROUP_MODEL)),
        (
            "?group_by=hour&endpoint=/v1/videos",
            usage_pb2.QueryUsageRequest(group_by=usage_pb2.USAGE_GROUP_HOUR, endpoint="/v1/videos"),
        ),
    ],
)
async def test_what_is_not_said_is_left_to_the_core(
    core: Core, http: httpx2.AsyncClient, query: str, request_of_core: usage_pb2.QueryUsageRequest
) -> None:
    core.answers["QueryUsage"] = SUMS

    await http.get(f"/v1/usage{query}")

    assert core.last() == request_of_core


@pytest.mark.parametrize(
    ("text", "seconds", "nanos"),
    [
        ("1800000000", NOON, 0),
        ("1800000000.25", NOON, 250_000_000),
        ("0", 0, 0),
        ("2027-01-15T08:00:00Z", NOON, 0),
        ("2027-01-15t08:00:00z", NOON, 0),
        ("2027-01-15 08:00:00.5Z", NOON, 500_000_000),
        ("2027-01-15T09:30:00%2B01:30", NOON, 0),
        ("2027-01-15T09:30:00+01:30", NOON, 0),
        ("2027-01-15T02:00:00-06:00", NOON, 0),
    ],
)
async def test_a_moment_is_unix_seconds_or_rfc_3339(
    core: Core, http: httpx2.AsyncClient, text: str, seconds: int, nanos: int
) -> None:
    core.answers["QueryUsage"] = SUMS

    await http.get(f"/v1/usage?from={text}")

    assert core.last().from_time == Timestamp(seconds=seconds, nanos=nanos)
    assert not core.last().HasField("to_time")


@pytest.mark.parametrize(
    ("query", "param", "says"),
    [
        ("from=yesterday", "from", 'not "yesterday"'),
        ("to=2027-02-30T00:00:00Z", "to", "takes unix seconds, or a moment of RFC 3339 as in 2027-01-15T08:00:00Z"),
        ("to=2027-01-15", "to", "RFC 3339"),
        ("from=-1", "from", "unix seconds"),
        ("from=999999999999999", "from", "unix seconds"),
        ("group_by=caller", "group_by", "takes model, endpoint, status, day, hour"),
        ("group-by=model", "group-by", "known are from, to, group_by, model, endpoint"),
    ],
)
async def test_a_wrong_field_is_named_with_what_it_takes(
    core: Core, http: httpx2.AsyncClient, query: str, param: str, says: str
) -> None:
    answer = await http.get(f"/v1/usage?{query}")

    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param
    assert says in answer.json()["error"]["message"]
    assert core.requests == []


async def test_a_span_that_the_core_refuses_is_named_as_the_caller_names_it(core: Core, http: httpx2.AsyncClient) -> None:
    message = "from_time: has to be before the end of the span"
    core.answers["QueryUsage"] = fails(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", message, field="from_time")

    error = (await http.get("/v1/usage?from=2&to=1")).json()["error"]

    assert (error["param"], error["message"]) == ("from", "from: has to be before the end of the span")


async def test_the_core_is_told_which_endpoint_was_called(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["Relay"] = [head(content_type="application/json"), chunk(b"{}")]
    core.answers["CreateVideo"] = media_pb2.CreateVideoResponse(job=a_made_job())
    core.answers["GetJob"] = job_pb2.GetJobResponse(job=a_made_job())

    await http.post(
        "/v1/chat/completions",
        json={"model": "m", "messages": [{"role": "user", "content": "hi"}]},
        headers={"x-cli2api-endpoint": "/forged"},
    )
    await http.post("/v1/videos/remix/remix", json={"prompt": "again"})
    await http.get("/v1/videos/job_1")

    told = [metadata["x-cli2api-endpoint"] for metadata in core.metadata]
    assert told[0] == "/v1/chat/completions"
    assert "/v1/videos/{id}/remix" in told
    assert told[-1] == "/v1/videos/{id}"
    assert isinstance(core.requests[0], text_pb2.RelayRequest)
    assert all(not each.name.startswith("x-cli2api") for each in core.requests[0].headers)

"""The client knows every reason, says what it knows of a failure, and opens its channel with the published retries."""

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import cli2api_client
import grpc
import pytest
from cli2api.v1 import catalog_pb2, error_pb2, gateway_pb2, job_pb2, media_pb2, text_pb2, usage_pb2
from cli2api_client.calls import with_key, with_names
from cli2api_client.channel import SUBMITS, options, service_config
from cli2api_client.errors import FAMILIES, CallFailed, named, of_job
from cli2api_client.status import Told
from google.protobuf.descriptor_pb2 import MethodOptions

from services.interceptors.details import CODES

ROOT = Path(__file__).resolve().parents[3]
REASONS = [name.removeprefix("ERROR_REASON_") for name in error_pb2.ErrorReason.keys()][1:]  # noqa: SIM118 - an enum, not a dict
METHODS = {
    (service.full_name, method.name): method
    for proto in (text_pb2, media_pb2, job_pb2, catalog_pb2, usage_pb2, gateway_pb2)
    for service in proto.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}


def test_every_reason_of_the_contract_has_a_family() -> None:
    assert set(FAMILIES) == set(REASONS)


@pytest.mark.parametrize("reason", REASONS)
def test_a_job_s_failure_has_the_code_that_a_call_has(reason: str) -> None:
    failed = of_job(job_pb2.Job(id="video_1", failure=job_pb2.JobFailure(reason=reason, message="it failed")))
    assert type(failed) is FAMILIES[reason]
    assert failed.job_id == "video_1"
    if reason not in {"REQUEST_TOO_LARGE", "NO_RECEIVER"}:  # no job fails of these
        assert failed.code() is CODES[reason]


def test_the_readme_names_every_family_with_its_reasons() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", (ROOT / "client/README.md").read_text(), flags=re.MULTILINE)
    named = {family: re.findall(r"`(\w+)`", reasons) for family, reasons in rows if hasattr(cli2api_client, family)}
    families = {family: sorted(reason for reason in REASONS if FAMILIES[reason].__name__ == family) for family in named}
    assert named == families
    assert {family.__name__ for family in (*FAMILIES.values(), cli2api_client.Cancelled)} == set(named)


def test_a_reason_that_is_newer_than_the_client_is_treated_by_its_code() -> None:
    failed = named(Told(code=grpc.StatusCode.NOT_FOUND, message="no such thing", reason="THING_NOT_FOUND"))
    assert (type(failed), failed.reason, str(failed)) == (
        cli2api_client.NotFound,
        "THING_NOT_FOUND",
        "THING_NOT_FOUND: no such thing",
    )
    assert type(named(Told(code=grpc.StatusCode.DATA_LOSS, message="lost"))) is CallFailed


def test_a_line_that_broke_in_the_middle_is_no_fault_of_the_gateway() -> None:
    broken = named(Told(code=grpc.StatusCode.INTERNAL, message="Received RST_STREAM with error code 2"))
    assert (type(broken), broken.code()) == (cli2api_client.Unavailable, grpc.StatusCode.INTERNAL)
    assert type(named(Told(code=grpc.StatusCode.INTERNAL, message="oh", reason="INTERNAL"))) is cli2api_client.GatewayBroken


def test_the_published_retries_are_of_methods_that_change_nothing() -> None:
    published: dict[str, Any] = json.loads((files("cli2api.v1") / "service_config.json").read_text())
    [config] = published["methodConfig"]
    covered = {
        key for key in METHODS for name in config["name"] if name["service"] == key[0] and name.get("method", key[1]) == key[1]
    }
    unchanging = {
        key for key, method in METHODS.items() if method.GetOptions().idempotency_level == MethodOptions.NO_SIDE_EFFECTS
    }
    assert covered == unchanging
    assert unchanging


def test_only_what_bears_a_request_id_is_repeated_besides() -> None:
    reads, submits = service_config()["methodConfig"]
    assert {(each["service"], each["method"]) for each in submits["name"]} == set(SUBMITS)
    assert {method for _, method in SUBMITS} == {"GenerateImages", "EditImages", "SynthesizeSpeech", "CreateVideo", "CreateMusic"}
    assert submits["retryPolicy"] == reads["retryPolicy"]


def test_the_channel_takes_the_service_config_and_tells_who_calls() -> None:
    chosen = dict(options(user_agent="shop/1.0"))
    assert str(chosen["grpc.primary_user_agent"]).startswith("shop/1.0 cli2api-client/")
    assert json.loads(str(chosen["grpc.service_config"])) == service_config()


def test_a_submission_without_a_key_gets_one_and_the_caller_s_message_stays_as_it_is() -> None:
    given = media_pb2.CreateVideoRequest(model="m")
    assert with_key(given).request_id
    assert given.request_id == ""
    assert with_key(media_pb2.CreateVideoRequest(request_id="mine")).request_id == "mine"


def test_a_read_is_sent_as_it_is() -> None:
    read = job_pb2.GetJobRequest(id="video_1")
    assert with_key(read) is read


def test_the_caller_s_own_key_and_request_id_are_kept() -> None:
    own = (("x-api-key", "mine"), ("x-request-id", "r-1"), ("traceparent", "00-a-b-01"))
    assert with_names(own, "channel's") == own
    assert dict(with_names(None, "channel's"))["authorization"] == "Bearer channel's"


def test_half_a_client_certificate_is_refused() -> None:
    with pytest.raises(ValueError, match="go together"):
        cli2api_client.Tls(certificate=b"pem").credentials()
    assert "secret" not in repr(cli2api_client.Tls(private_key=b"secret"))

import aiohttp
import pytest

from services.domain.errors import (
    Failure,
    OutOfCredits,
    RateLimited,
    UpstreamCredentialRefused,
    UpstreamRefused,
    UpstreamUnavailable,
)
from services.domain.job import AssetKind, JobState
from services.domain.ports import Plane
from services.upstream.mulerun import MuleRun
from tests.hosts import HastyClock, Says, ScriptedCredentials, ScriptedHost, closed_port, dropped

PATH = "/vendors/alibaba/v1/wan2.6-t2i/generation"
ACCEPTED = Says({"task_info": {"id": "t-1", "status": "pending"}}, status=202)


async def test_a_submission_is_one_bearer_post_of_the_body(mulerun: MuleRun, host: ScriptedHost) -> None:
    host.say(ACCEPTED)
    task = await mulerun.submit(PATH, {"prompt": "fjäll", "n": 2})
    assert (task.id, task.state) == ("t-1", JobState.QUEUED)
    (seen,) = host.seen
    assert (seen.method, seen.path) == ("POST", PATH)
    assert seen.headers["authorization"] == "Bearer muk-first"
    assert "x-api-key" not in seen.headers
    assert seen.headers["content-type"] == "application/json"
    assert seen.json == {"prompt": "fjäll", "n": 2}


async def test_a_refused_key_is_renewed_and_the_submission_sent_once_more(
    host: ScriptedHost, session: aiohttp.ClientSession, clock: HastyClock
) -> None:
    credentials = ScriptedCredentials("muk-old", "muk-new")
    host.say(Says({"status": 401, "title": "Invalid API Key format"}, status=401), ACCEPTED)
    assert (await MuleRun(session, host.url, credentials, clock).submit(PATH, {})).id == "t-1"
    assert [seen.headers["authorization"] for seen in host.seen] == ["Bearer muk-old", "Bearer muk-new"]
    assert credentials.refusals == [(Plane.STUDIO, "muk-old")]


async def test_a_key_that_cannot_be_renewed_is_named_with_what_to_do(mulerun: MuleRun, host: ScriptedHost) -> None:
    host.say(Says({"status": 401, "title": "Invalid API Key format", "detail": "None (request_id: r-1)"}, status=401))
    with pytest.raises(UpstreamCredentialRefused) as caught:
        await mulerun.submit(PATH, {})
    assert caught.value.message == (
        "upstream HTTP 401: Invalid API Key format: (request_id: r-1). MuleRun refused this gateway's credential: "
        "log in again with `mulerun login` or set MULERUN_TOKEN to a valid key"
    )
    assert len(host.seen) == 1


async def test_a_renewed_key_that_is_refused_too_ends_it(
    host: ScriptedHost, session: aiohttp.ClientSession, clock: HastyClock
) -> None:
    host.say(Says({"title": "Forbidden"}, status=403))
    upstream = MuleRun(session, host.url, ScriptedCredentials("muk-a", "muk-b", "muk-c"), clock)
    with pytest.raises(UpstreamCredentialRefused, match="upstream HTTP 403: Forbidden"):
        await upstream.submit(PATH, {})
    assert len(host.seen) == 2


async def test_a_host_that_takes_no_connection_is_tried_again_and_certainly_not_reached(
    session: aiohttp.ClientSession, clock: HastyClock, credentials: ScriptedCredentials
) -> None:
    port = closed_port()
    with pytest.raises(UpstreamUnavailable, match=f"127.0.0.1 takes no connection on port {port}") as caught:
        await MuleRun(session, f"http://127.0.0.1:{port}", credentials, clock).submit(PATH, {})
    assert caught.value.reached is False
    assert clock.slept == [0.25, 0.5, 1.0]


async def test_a_submission_whose_connection_breaks_is_never_sent_again(
    mulerun: MuleRun, host: ScriptedHost, clock: HastyClock
) -> None:
    host.say(dropped)
    with pytest.raises(UpstreamUnavailable, match="broke off the connection") as caught:
        await mulerun.submit(PATH, {})
    assert caught.value.reached is True
    assert len(host.seen) == 1
    assert clock.slept == []


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"", b'{"task_info": {}}', b'{"task_info": {"id": ""}}'])
async def test_an_acceptance_that_names_no_task_leaves_open_whether_one_exists(
    mulerun: MuleRun, host: ScriptedHost, body: bytes
) -> None:
    host.say(Says(status=202, body=body))
    with pytest.raises(UpstreamUnavailable) as caught:
        await mulerun.submit(PATH, {})
    assert caught.value.reached is True


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (302, UpstreamRefused),
        (400, UpstreamRefused),
        (402, OutOfCredits),
        (404, UpstreamRefused),
        (405, UpstreamRefused),
        (408, UpstreamUnavailable),
        (409, UpstreamRefused),
        (422, UpstreamRefused),
        (423, UpstreamRefused),
        (425, UpstreamUnavailable),
        (429, RateLimited),
        (451, UpstreamRefused),
        (500, UpstreamUnavailable),
        (502, UpstreamUnavailable),
        (529, UpstreamUnavailable),
    ],
)
async def test_each_status_is_the_failure_that_the_table_names(
    mulerun: MuleRun, host: ScriptedHost, status: int, kind: type[Failure]
) -> None:
    host.say(Says({"title": "Because"}, status=status, headers={"location": "http://elsewhere.test/"}))
    with pytest.raises(Failure, match="Because") as caught:
        await mulerun.submit(PATH, {})
    assert type(caught.value) is kind
    assert caught.value.metadata["upstream_status"] == str(status)
    assert len(host.seen) == 1


async def test_a_path_that_the_host_does_not_serve_is_named(mulerun: MuleRun, host: ScriptedHost) -> None:
    host.say(Says({"status": 404, "title": "Not Found"}, status=404))
    with pytest.raises(UpstreamRefused, match=f"HTTP 404: Not Found .this host does not serve {PATH}"):
        await mulerun.submit(PATH, {})


async def test_a_poll_asks_for_the_task_by_its_escaped_id(mulerun: MuleRun, host: ScriptedHost) -> None:
    host.say(Says({"task_info": {"id": "a/b?", "status": "completed"}, "images": ["https://cdn.test/x.webp"]}))
    task = await mulerun.poll(PATH, "a/b?")
    assert (task.id, task.state) == ("a/b?", JobState.SUCCEEDED)
    assert [(asset.kind, asset.url, asset.mime_type) for asset in task.assets] == [
        (AssetKind.IMAGE, "https://cdn.test/x.webp", "image/webp")
    ]
    assert (host.seen[0].method, host.seen[0].path) == ("GET", f"{PATH}/a%2Fb%3F")


async def test_a_poll_that_cannot_connect_is_the_schedulers_to_repeat(
    session: aiohttp.ClientSession, clock: HastyClock, credentials: ScriptedCredentials
) -> None:
    with pytest.raises(UpstreamUnavailable):
        await MuleRun(session, f"http://127.0.0.1:{closed_port()}", credentials, clock).poll(PATH, "t-1")
    assert clock.slept == []


async def test_a_poll_for_an_unknown_task_keeps_status_and_code(mulerun: MuleRun, host: ScriptedHost) -> None:
    host.say(Says({"status": 404, "title": "Not Found", "detail": "task does not exist", "error_code": 2005}, status=404))
    with pytest.raises(UpstreamRefused) as caught:
        await mulerun.poll(PATH, "t-1")
    assert caught.value.metadata == {"upstream_status": "404", "vendor_code": "2005"}


async def test_a_large_body_is_sent_whole(mulerun: MuleRun, host: ScriptedHost) -> None:
    host.say(ACCEPTED)
    await mulerun.submit(PATH, {"image": "A" * 5_000_000})
    assert len(host.seen[0].json["image"]) == 5_000_000

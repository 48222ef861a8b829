"""The gateway tells a receiver on loopback what became of jobs, over a crash too."""

import base64
import hmac
import os
import signal
from hashlib import sha256
from pathlib import Path

import pytest
from cli2api.v1 import job_pb2, media_pb2
from cli2api.v1.job_pb2_grpc import JobServiceStub
from cli2api.v1.media_pb2_grpc import MediaServiceStub

from simulator.faults import Fault, TaskScript
from tests.hosts import Says, ScriptedHost, Seen
from tests.wire.house import METADATA, House, ask, house

pytestmark = pytest.mark.wire

SECRETS = (b"new" * 10, b"old" * 10)


def settings(receiver: ScriptedHost) -> dict[str, str]:
    return {
        "CLI2API_NOTIFY_URL": f"{receiver.url}/hooks",
        "CLI2API_NOTIFY_SECRETS": ",".join(f"whsec_{base64.b64encode(secret).decode()}" for secret in SECRETS),
        "CLI2API_NOTIFY_ALLOW_PRIVATE": "1",
    }


def signatures(message: Seen) -> list[str]:
    signed = f"{message.headers['webhook-id']}.{message.headers['webhook-timestamp']}.".encode() + message.body
    return [f"v1,{base64.b64encode(hmac.new(secret, signed, sha256).digest()).decode()}" for secret in SECRETS]


async def video(home: House) -> str:
    request = media_pb2.CreateVideoRequest(model="sora-2", prompt="a tide pool", seconds="4")
    return (await MediaServiceStub(home.channel).CreateVideo(request, metadata=METADATA, timeout=20)).job.id


async def told(home: House, times: int = 1) -> None:
    """Returns when the gateway has told the outside so often."""
    await home.log.until(lambda lines: sum(line["message"] == "the outside was told" for line in lines) >= times)


async def test_a_success_and_a_failure_are_told_with_the_job_as_rest_shows_it(short_path: Path) -> None:
    async with ScriptedHost() as receiver:
        receiver.say(Says())
        async with house(short_path, options=None, **settings(receiver)) as home:
            done = await video(home)
            await told(home)
            home.simulator.fault(Fault(task=TaskScript(fail=3005)), method="POST")
            failed = await video(home)
            await told(home, 2)
            shown = [await (await home.http.get(f"/v1/jobs/{job_id}")).json() for job_id in (done, failed)]

    assert [message.json["type"] for message in receiver.seen] == ["job.succeeded", "job.failed"]
    assert [message.json["data"] for message in receiver.seen] == shown
    for message in receiver.seen:
        assert message.headers["webhook-signature"].split() == signatures(message)


async def test_what_a_killed_core_had_still_to_tell_is_told_by_the_next(short_path: Path) -> None:
    async with ScriptedHost() as receiver:
        receiver.say(Says(status=500), Says())
        async with house(short_path, options=None, **settings(receiver)) as home:
            job_id = await video(home)
            await home.log.until(lambda lines: any("could not be told" in line["message"] for line in lines))
            os.kill(home.gateway.pids["core"], signal.SIGKILL)
            await home.log.until(lambda lines: sum(line["message"] == "ready" for line in lines) == 2)
            await told(home)

    assert [message.json["data"]["id"] for message in receiver.seen] == [job_id] * 2
    assert len({message.headers["webhook-id"] for message in receiver.seen}) == 1


async def test_an_end_that_was_told_is_told_once_more_over_rest_and_grpc(short_path: Path) -> None:
    async with ScriptedHost() as receiver:
        receiver.say(Says())
        async with house(short_path, options=None, **settings(receiver)) as home:
            job_id = await video(home)
            await told(home)
            answer = await home.http.post(f"/v1/jobs/{job_id}:redeliver")
            shown = await answer.json()
            await told(home, 2)
            request = job_pb2.RedeliverJobRequest(id=job_id)
            again = await JobServiceStub(home.channel).RedeliverJob(request, metadata=METADATA, timeout=20)
            await told(home, 3)
            unknown = await ask(home.http, "POST", "/v1/jobs/video_0:redeliver", None)

    assert (answer.status, shown["id"], shown["state"]) == (200, job_id, "JOB_STATE_SUCCEEDED")
    assert again.job.id == job_id
    assert len({(message.headers["webhook-id"], message.body) for message in receiver.seen}) == 1
    assert (unknown[0], unknown[1]["code"]) == (404, "not_found")


async def test_a_gateway_that_tells_nobody_names_the_setting(short_path: Path) -> None:
    async with house(short_path) as home:
        status, error = await ask(home.http, "POST", f"/v1/jobs/{await video(home)}:redeliver", None)
    assert (status, error["code"]) == (400, "no_receiver")
    assert "CLI2API_NOTIFY_URL" in error["message"]

"""MuleRun tells what became of a task, through the real Envoy and edge, without a key of ours."""

import hmac
import json
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cli2api.v1 import job_pb2, media_pb2
from cli2api.v1.job_pb2_grpc import JobServiceStub
from cli2api.v1.media_pb2_grpc import MediaServiceStub

from simulator.options import ByHand, Options
from tests.wire.house import METADATA, House, house

pytestmark = pytest.mark.wire

SECRET = "whsec_c2VjcmV0"


@dataclass(frozen=True)
class Sender:
    """MuleRun's side, which has the secret and no key."""

    home: House
    http: httpx2.AsyncClient

    async def send(self, event: Any, *, secret: str = SECRET, age: float = 0.0, signed: Any = None) -> httpx2.Response:
        body, timestamp = json.dumps(event).encode(), str(int(time.time() - age))
        covered = b".".join((b"dlv_1", timestamp.encode(), json.dumps(signed or event).encode()))
        headers = {
            "content-type": "application/json",
            "x-mulerouter-webhook-id": "dlv_1",
            "x-mulerouter-webhook-timestamp": timestamp,
            "x-mulerouter-webhook-signature": f"v1={hmac.new(secret.encode(), covered, sha256).hexdigest()}",
        }
        return await self.http.post("/v1/webhooks/mulerun", content=body, headers=headers)

    async def video(self) -> str:
        request = media_pb2.CreateVideoRequest(model="sora-2", prompt="a tide pool", seconds="4")
        return (await MediaServiceStub(self.home.channel).CreateVideo(request, metadata=METADATA, timeout=20)).job.id

    async def job(self, job_id: str) -> job_pb2.Job:
        request = job_pb2.GetJobRequest(id=job_id)
        return (await JobServiceStub(self.home.channel).GetJob(request, metadata=METADATA, timeout=20)).job

    def done(self) -> dict[str, Any]:
        """The event of the one task that was submitted."""
        (task,) = self.home.simulator.tasks
        info = {"id": task.id, "status": "completed"}
        payload = {"task_info": info, "videos": [f"{self.home.simulator.url}/assets/{task.id}/result_00.mp4"]}
        return {"id": "evt_1", "type": "task.succeeded", "data": {"payload": payload}}


@asynccontextmanager
async def sender(state_dir: Path, **settings: str) -> AsyncGenerator[Sender]:
    async with (
        house(state_dir, options=Options(pace=ByHand()), **settings) as home,
        httpx2.AsyncClient(base_url=home.gateway.rest_url, trust_env=False) as http,
    ):
        yield Sender(home, http)


async def test_a_signed_delivery_settles_a_job_that_is_hardly_polled(short_path: Path) -> None:
    async with sender(short_path, CLI2API_WEBHOOK_SECRET=SECRET) as mulerun:
        job_id = await mulerun.video()
        answer = await mulerun.send(mulerun.done())
        job = await mulerun.job(job_id)
        assert (answer.status_code, answer.json()) == (200, {"received": True})
        assert (job.state, len(job.assets)) == (job_pb2.JOB_STATE_SUCCEEDED, 1)
        assert mulerun.home.simulator.stats["polls"] == 0

        again = await mulerun.send(mulerun.done())
        unknown = await mulerun.send({"id": "evt_2", "type": "balance.low", "data": {}})
        assert (again.status_code, unknown.status_code) == (200, 200)
        assert (await mulerun.job(job_id)).revision == job.revision


async def test_what_is_forged_old_or_not_signed_is_refused_and_the_header_is_named(short_path: Path) -> None:
    async with sender(short_path, CLI2API_WEBHOOK_SECRET=SECRET) as mulerun:
        job_id = await mulerun.video()
        event = mulerun.done()
        refused = {
            "x-mulerouter-webhook-signature": await mulerun.send(event, signed={"id": "evt_1"}),
            "x-mulerouter-webhook-timestamp": await mulerun.send(event, age=301),
        }
        bare = await mulerun.http.post("/v1/webhooks/mulerun", json=event)
        assert {header: (each.status_code, each.json()["error"]["param"]) for header, each in refused.items()} == {
            header: (400, header) for header in refused
        }
        assert bare.status_code == 400
        assert (await mulerun.job(job_id)).state == job_pb2.JOB_STATE_QUEUED


async def test_without_a_secret_nothing_is_taken_and_the_setting_is_named(short_path: Path) -> None:
    async with sender(short_path) as mulerun:
        answer = await mulerun.send({}, secret="")
        assert answer.status_code == 400
        assert "CLI2API_WEBHOOK_SECRET" in answer.json()["error"]["message"]


async def test_the_way_in_for_webhooks_opens_no_other(short_path: Path) -> None:
    async with sender(short_path, CLI2API_WEBHOOK_SECRET=SECRET) as mulerun:
        paths = ("/v1/webhooks/mulerun/x", "/v1/webhooks", "/v1/webhooks/mulerun/../../videos", "/v1/webhooks%2Fmulerun")
        answers = [await mulerun.http.post(path, json={}) for path in paths]
        assert [answer.status_code for answer in answers] == [401] * len(paths)

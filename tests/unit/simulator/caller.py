"""A caller of media paths: submits, polls, and waits for nobody."""

from typing import Any

import aiohttp

from simulator.server import KEY, Simulator

GPT_IMAGE = "/vendors/openai/v1/gpt-image-2/generation"
WAN = "/vendors/alibaba/v1/wan2.6-t2i/generation"
SORA = "/vendors/openai/v1/sora-2/generation"
SPEECH = "/vendors/minimax/v1/speech-2.8-hd/text-to-speech/generation"
NANO = "/vendors/google/v1/nano-banana/generation"
BEARER = {"Authorization": f"Bearer {KEY}"}
SPOKEN = {"prompt": "Good day to you", "voice_setting": {"voice_id": "Wise_Woman"}, "output_format": "url"}


async def submit(client: aiohttp.ClientSession, path: str, body: dict[str, Any], status: int = 202) -> str:
    async with client.post(path, json=body) as answer:
        assert answer.status == status, await answer.text()
        told = (await answer.json())["task_info"]
        return str(told.get("id") or told["task_id"])


async def poll(client: aiohttp.ClientSession, path: str, task_id: str) -> dict[str, Any]:
    async with client.get(f"{path}/{task_id}") as answer:
        assert answer.status == 200
        return dict(await answer.json())


async def finished(sim: Simulator, client: aiohttp.ClientSession, path: str, body: dict[str, Any]) -> dict[str, Any]:
    task_id = await submit(client, path, body)
    sim.complete()
    return await poll(client, path, task_id)

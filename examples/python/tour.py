"""A tour of the gateway on asyncio: streamed text, a tool call, a clip watched to its end, a file, and a failure by its name.

`pip install ./client`, then `python examples/python/tour.py 127.0.0.1:50051 KEY`; the key only where the gateway has keys.
"""

import asyncio
import sys
from pathlib import Path

from cli2api.v1 import job_pb2, media_pb2, text_pb2
from cli2api_client import Fold, InvalidRequest, aio, user

MODEL = "gpt-5-mini"
WEATHER = text_pb2.Tool(name="weather", parameters_json='{"type": "object", "properties": {"city": {"type": "string"}}}')


async def tour(target: str, key: str, folder: Path) -> None:
    """Prints what it sees, and leaves `dusk.mp4` in the folder."""
    async with aio.connect(target, key=key, user_agent="tour") as gateway:
        folded = Fold()
        request = text_pb2.StreamGenerateRequest(model=MODEL, messages=[user("Good morning!")])
        async for event in gateway.text.StreamGenerate(request, timeout=60):
            folded.add(event)
            print(event.text.text, end="", flush=True)
        answer = folded.answer()
        print(f" ({answer.usage.total_tokens} tokens)")

        question = user('call weather {"city": "Lisbon"}')
        reply = await gateway.text.Generate(text_pb2.GenerateRequest(model=MODEL, messages=[question], tools=[WEATHER]))
        call = reply.candidates[0].message.parts[0].tool_call
        print(f"the model calls {call.name} with {call.arguments_json}")

        wish = media_pb2.CreateVideoRequest(model="wan2.6-t2v", prompt="a mule at dusk", seconds="5")
        job = (await gateway.media.CreateVideo(wish)).job
        async for change in gateway.jobs.WatchJob(job_pb2.WatchJobRequest(id=job.id)):
            print(job_pb2.JobState.Name(change.job.state), f"{change.job.progress} %")
        done = await gateway.wait(job)
        print(await gateway.save(done, folder / "dusk.mp4"))

        try:
            await gateway.media.CreateVideo(media_pb2.CreateVideoRequest(model="wan2.6-t2v", prompt="a mule", seconds="999"))
        except InvalidRequest as refused:
            print(f"{refused.reason}: {', '.join(each.field for each in refused.violations)}")


if __name__ == "__main__":
    saved = Path("demo-output")
    saved.mkdir(exist_ok=True)
    asyncio.run(tour(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "", saved))

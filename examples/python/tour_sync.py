"""A tour of the gateway without an event loop: streamed text, a clip waited for, its file, and a failure by its name.

`pip install ./client`, then `python examples/python/tour_sync.py 127.0.0.1:50051 KEY`; the key only where the gateway has keys.
"""

import sys
from pathlib import Path

from cli2api.v1 import job_pb2, media_pb2, text_pb2
from cli2api_client import NotFound, connect, user


def tour(target: str, key: str, folder: Path) -> None:
    """Prints what it sees, and leaves `dawn.mp4` in the folder."""
    with connect(target, key=key, user_agent="tour") as gateway:
        request = text_pb2.StreamGenerateRequest(model="gpt-5-mini", messages=[user("Good morning!")])
        for event in gateway.text.StreamGenerate(request, timeout=60):
            print(event.text.text, end="", flush=True)
        print()

        wish = media_pb2.CreateVideoRequest(model="wan2.6-t2v", prompt="a mule at dawn", seconds="5")
        done = gateway.wait(gateway.media.CreateVideo(wish).job, timeout=600)
        print(job_pb2.JobState.Name(done.state), gateway.save(done, folder / "dawn.mp4"))

        try:
            gateway.jobs.GetJob(job_pb2.GetJobRequest(id="video_none"))
        except NotFound as missing:
            print(f"{missing.reason}: {missing.message}")


if __name__ == "__main__":
    saved = Path("demo-output")
    saved.mkdir(exist_ok=True)
    tour(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "", saved)

"""The demo's scenes through the official openai SDK: text, a picture, speech and a clip, each checked by its bytes."""

import base64
import struct
from pathlib import Path
from typing import Final

import openai

from cli.demo.screen import begin, check, piece, save, with_dots

CHAT_MODEL: Final = "gpt-5-mini"
IMAGE_MODEL: Final = "gpt-image-2"
SPEECH_MODEL: Final = "speech-2.8-turbo"
VIDEO_MODEL: Final = "sora-2"


async def chat(client: openai.AsyncOpenAI) -> None:
    """One answer, whole."""
    begin("chat answer", CHAT_MODEL)
    answer = await client.chat.completions.create(
        model=CHAT_MODEL, messages=[{"role": "user", "content": "What does a gateway do?"}]
    )
    text = answer.choices[0].message.content
    check(bool(text), "the answer has no text")
    print(text)


async def streamed_chat(client: openai.AsyncOpenAI) -> None:
    """One answer, shown as it arrives."""
    begin("chat answer, streamed", CHAT_MODEL)
    pieces = 0
    stream = await client.chat.completions.create(
        model=CHAT_MODEL, messages=[{"role": "user", "content": "Tell it to me word by word, as you think of it."}], stream=True
    )
    async with stream:
        async for chunk in stream:
            for choice in chunk.choices:
                pieces += bool(choice.delta.content)
                piece(choice.delta.content or "")
    check(pieces > 1, f"the answer came in {pieces} pieces instead of many")
    print(f"  ({pieces} pieces)")


async def image(client: openai.AsyncOpenAI, output: Path) -> None:
    """A picture."""
    begin("image", IMAGE_MODEL)
    pictures = await with_dots(
        client.images.generate(
            model=IMAGE_MODEL, prompt="a mule that carries a letter", size="1024x1024", response_format="b64_json"
        )
    )
    content = base64.b64decode("".join(picture.b64_json or "" for picture in pictures.data or []))
    check(content.startswith(b"\x89PNG\r\n\x1a\n") and content[12:16] == b"IHDR", "the picture is not a PNG")
    width, height = struct.unpack(">II", content[16:24])
    save(output / "picture.png", content, f"PNG, {width} x {height}")


async def speech(client: openai.AsyncOpenAI, output: Path) -> None:
    """Spoken words."""
    begin("speech", SPEECH_MODEL)
    spoken = await with_dots(
        client.audio.speech.create(model=SPEECH_MODEL, voice="Wise_Woman", input="Good morning.", response_format="mp3")
    )
    content = spoken.content
    is_frame = len(content) > 1 and content[0] == 0xFF and content[1] & 0xE0 == 0xE0
    check(is_frame or content.startswith(b"ID3"), "the sound is not an MP3")
    save(output / "speech.mp3", content, "MP3")


async def video(client: openai.AsyncOpenAI, output: Path) -> None:
    """A clip: submitted, polled by the SDK, downloaded through the gateway."""
    begin("video, create_and_poll", VIDEO_MODEL)
    made = await with_dots(
        client.videos.create_and_poll(model=VIDEO_MODEL, prompt="a mule at dawn", seconds="4", poll_interval_ms=300)
    )
    check(made.status == "completed", f"the video is {made.status}: {made.error.message if made.error else 'no reason given'}")
    clip = await client.videos.download_content(made.id)
    check(clip.content[4:8] == b"ftyp", "the clip is not an MP4")
    save(output / "video.mp4", clip.content, f"MP4, {made.id}")

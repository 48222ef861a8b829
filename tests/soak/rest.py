"""What REST callers of the soak do. Each deed returns how it went, raises CutOff, or whatever the connection raises."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp

from tests.soak.calls import OK, Answer, CutOff, refused

_ENDS: Final = {"/v1/chat/completions": b"data: [DONE]", "/v1/messages": b"message_stop", "/v1/responses": b"response.completed"}
_BEGUN: Final[dict[str, dict[str, str]]] = {
    "/v1/videos": {"model": "sora-2", "seconds": "4"},
    "/v1/audio/music": {"model": "music-2.0", "lyrics": "[Verse]\nround and round we go"},
}
_WAIT: Final = 0.2
"""Seconds between two looks at a clip."""
LONG: Final = " ".join(["word"] * 60)


def body_for(path: str, model: str, text: str, *, stream: bool = False) -> dict[str, Any]:
    """A request of that dialect."""
    asked: dict[str, Any] = {"model": model, "stream": stream}
    if path == "/v1/responses":
        return asked | {"input": text}
    return asked | {"messages": [{"role": "user", "content": text}], "max_tokens": 2000}


class Rest:
    """Everything that is asked over HTTP, with one session; `prompt` is what makes a call its own."""

    def __init__(self, http: aiohttp.ClientSession, note: Callable[[str], Awaitable[None]]) -> None:
        """`note` is told of a job before it is deleted."""
        self._http, self._note = http, note

    async def text(self, path: str, model: str, prompt: str) -> Answer:
        """A whole answer."""
        return await self._json("POST", path, body_for(path, model, prompt))

    async def stream(self, path: str, model: str, prompt: str, *, pause: float = 0.0) -> Answer:
        """A stream to its last word; a slow reader rests between two reads."""
        said = b""
        async with self._opened(path, body_for(path, model, prompt, stream=True)) as (answer, failed):
            if failed is not None:
                return failed
            while piece := await answer.content.read(400 if pause else 1 << 16):
                said += piece
                if pause:
                    await asyncio.sleep(pause)
        if _ENDS[path] in said:
            return OK
        raise CutOff("told why" if b'"error"' in said else "")

    async def hang_up(self, path: str, model: str, prompt: str) -> Answer:
        """Leaves after the first words."""
        async with self._opened(path, body_for(path, model, f"{prompt} {LONG}", stream=True)) as (answer, failed):
            if failed is not None:
                return failed
            await answer.content.readany()
            answer.close()
            return OK

    async def leave_picture(self, prompt: str) -> Answer:
        """Leaves before the picture is there; its job goes on."""
        try:
            async with asyncio.timeout(0.15):
                return await self.picture(prompt)
        except TimeoutError:
            return OK

    async def picture(self, prompt: str) -> Answer:
        """Waits for one."""
        return await self._json("POST", "/v1/images/generations", {"model": "nano-banana", "prompt": prompt})

    async def speech(self, prompt: str) -> Answer:
        """Waits for the sound and reads it all."""
        body = {"model": "speech-2.8-turbo", "voice": "Wise_Woman", "input": prompt}
        return await self._bytes("POST", "/v1/audio/speech", body)

    async def clip(self, path: str, prompt: str, *, delete: bool) -> Answer:
        """A clip or a song: begun, polled to its end, its file fetched, and forgotten where that is wished."""
        body = _BEGUN[path] | {"prompt": prompt}
        async with self._http.post(path, json=body, headers={"idempotency-key": prompt}) as answer:
            told = await answer.read()
        if answer.status != 200:
            return refused(answer.status, told)
        one = f"{path}/{json.loads(told)['id']}"
        while (status := json.loads(told)["status"]) not in {"completed", "failed"}:
            await asyncio.sleep(_WAIT)
            async with self._http.get(one) as answer:
                told = await answer.read()
            if answer.status != 200:
                return refused(answer.status, told)
        fetched = await self._bytes("GET", f"{one}/content", None) if status == "completed" else OK
        if fetched.said == "ok" and delete:
            await self._note(one.rpartition("/")[2])
            return await self._json("DELETE", one, None)
        return fetched

    async def read(self, path: str) -> Answer:
        """A list or a sum."""
        return await self._json("GET", path, None)

    async def expect(self, status: int, path: str, body: bytes, headers: dict[str, str] | None = None) -> Answer:
        """A request that has to be refused, with that status and a proper body."""
        told = {"content-type": "application/json", **(headers or {})}
        async with self._http.post(path, data=body, headers=told) as answer:
            refusal = refused(answer.status, await answer.read())
            return OK if refusal.proper and answer.status == status else refusal

    async def _json(self, method: str, path: str, body: object) -> Answer:
        async with self._http.request(method, path, json=body) as answer:
            said = await answer.read()
        if answer.status != 200:
            return refused(answer.status, said)
        try:
            json.loads(said)
        except ValueError:
            return Answer(said="200 with broken JSON")  # as MuleRun wrote it: bodies are passed on as they are
        return OK

    async def _bytes(self, method: str, path: str, body: object) -> Answer:
        async with self._http.request(method, path, json=body) as answer:
            said = await answer.read()
        if answer.status != 200:
            return refused(answer.status, said)
        return OK if said else Answer(said="an empty file", proper=False)

    @asynccontextmanager
    async def _opened(self, path: str, body: object) -> AsyncGenerator[tuple[aiohttp.ClientResponse, Answer | None]]:
        """A stream that has begun, or the refusal."""
        async with self._http.post(path, json=body) as answer:
            yield answer, (refused(answer.status, await answer.read()) if answer.status != 200 else None)

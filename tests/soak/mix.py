"""Who calls how often: every kind of call with its share of the traffic, what may go wrong behind it, and the steady rate."""

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Final

from tests.soak.calls import Answer, Call, answered
from tests.soak.plan import Plan
from tests.soak.rest import LONG, Rest
from tests.soak.stubs import Stubs

CHAT: Final = "/v1/chat/completions"
MESSAGES: Final = "/v1/messages"
RESPONSES: Final = "/v1/responses"
CLAUDE: Final = "claude-sonnet-4-6"
_TYPED: Final = "/cli2api.v1.TextService/"
_PATIENCE: Final = 60.0
_MOST_AT_ONCE: Final = 300
"""A gateway that answers nothing is not asked without end."""

_OF_ANY: Final[tuple[Mapping[str, object], ...]] = (
    {"status": 500},
    {"status": 503},
    {"status": 429, "retry_after": 1},
    {"reset": "unserved"},
    {"delay_s": 3},
)
OF_TEXT: Final = (*_OF_ANY, {"broken_json": True})
OF_STREAMS: Final = (*_OF_ANY, {"abort_after": 2}, {"split": 7})
OF_TASKS: Final = (
    *_OF_ANY,
    {"reset": "unanswered"},
    {"task": {"fail": 3001}},
    {"poll": {"status": 502}, "poll_times": 3},
    {"poll": {"reset": "unserved"}, "poll_times": 2},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One kind of call."""

    kind: str
    share: int
    act: Callable[[str], Awaitable[Answer]]
    """Given a prompt that nobody else has."""
    endpoint: str = ""
    faults: tuple[Mapping[str, object], ...] = ()
    sure: bool = True


def deeds(rest: Rest, stubs: Stubs) -> tuple[Deed, ...]:
    """Everything that is called. Shares add up to 100."""
    text, stream = partial(_named, rest.text), partial(_named, rest.stream)

    def chat(kind: str, share: int, act: Callable[[str], Awaitable[Answer]], path: str, *, streams: bool = False) -> Deed:
        return Deed(kind=kind, share=share, act=act, endpoint=path, faults=OF_STREAMS if streams else OF_TEXT)

    def made(kind: str, share: int, act: Callable[[str], Awaitable[Answer]], endpoint: str) -> Deed:
        return Deed(kind=kind, share=share, act=act, endpoint=endpoint, faults=OF_TASKS)

    async def slow(prompt: str) -> Answer:
        return await rest.stream(CHAT, "gpt-5-mini", f"{prompt} {LONG}", pause=0.05)

    bad_key = {"authorization": "Bearer nobody's"}
    return (
        chat("chat", 12, text(CHAT, "gpt-5-mini"), CHAT),
        chat("chat by an alias", 4, text(CHAT, "mine"), CHAT),
        chat("chat stream", 10, stream(CHAT, "gpt-5-mini"), CHAT, streams=True),
        chat("chat stream by an alias", 4, stream(CHAT, "mine"), CHAT, streams=True),
        chat("messages", 4, text(MESSAGES, CLAUDE), MESSAGES),
        chat("messages stream", 4, stream(MESSAGES, CLAUDE), MESSAGES, streams=True),
        chat("messages stream, translated", 4, stream(MESSAGES, "gpt-5-mini"), MESSAGES, streams=True),
        chat("responses", 3, text(RESPONSES, "gpt-5"), RESPONSES),
        chat("responses stream", 3, stream(RESPONSES, "gpt-5"), RESPONSES, streams=True),
        chat("responses, translated", 3, text(RESPONSES, "deepseek-v4-pro"), RESPONSES),
        chat("slow reader", 2, slow, CHAT, streams=True),
        Deed(kind="hangs up midway", share=2, act=partial(rest.hang_up, CHAT, "gpt-5-mini"), endpoint=CHAT),
        Deed(kind="hangs up midway, relayed", share=2, act=partial(rest.hang_up, CHAT, "mine"), endpoint=CHAT),
        Deed(kind="leaves a picture", share=1, act=rest.leave_picture, endpoint="/v1/images/generations", sure=False),
        made("picture", 6, rest.picture, "/v1/images/generations"),
        made("speech", 4, rest.speech, "/v1/audio/speech"),
        made("clip", 4, partial(rest.clip, "/v1/videos", delete=False), "/v1/videos"),
        made("clip, deleted", 3, partial(rest.clip, "/v1/videos", delete=True), "/v1/videos"),
        made("song", 2, partial(rest.clip, "/v1/audio/music", delete=False), "/v1/audio/music"),
        made("gRPC clip, watched", 4, stubs.watch, "/cli2api.v1.MediaService/CreateVideo"),
        chat("gRPC Generate", 4, stubs.generate, f"{_TYPED}Generate"),
        chat("gRPC StreamGenerate", 4, stubs.stream, f"{_TYPED}StreamGenerate", streams=True),
        Deed(
            kind="gRPC stream, left",
            share=1,
            act=partial(stubs.stream, leave=True),
            endpoint=f"{_TYPED}StreamGenerate",
            sure=False,
        ),
        Deed(kind="lists of jobs", share=3, act=lambda _: rest.read("/v1/jobs?page_size=100")),
        Deed(kind="models", share=1, act=lambda _: rest.read("/v1/models")),
        Deed(kind="usage", share=2, act=lambda _: rest.read("/v1/usage?group_by=endpoint")),
        Deed(kind="broken body", share=1, act=lambda _: rest.expect(400, CHAT, b'{"model": ')),
        Deed(kind="unknown picture model", share=1, act=_unknown(rest), endpoint="/v1/images/generations"),
        Deed(kind="wrong key", share=2, act=lambda _: rest.expect(401, CHAT, b'{"model": "gpt-5-mini"}', bad_key)),
    )


def _named(act: Callable[[str, str, str], Awaitable[Answer]], path: str, model: str) -> Callable[[str], Awaitable[Answer]]:
    return partial(act, path, model)


def _unknown(rest: Rest) -> Callable[[str], Awaitable[Answer]]:
    body = json.dumps({"model": "dall-e-99", "prompt": "a fox"}).encode()
    return lambda _: rest.expect(404, "/v1/images/generations", body)


async def traffic(plan: Plan, everybody: tuple[Deed, ...]) -> list[Call]:
    """Begins calls at the plan's rate for as long as it says; returns when the last one has ended."""
    chance, numbers = random.Random(plan.seed), count()
    ended: list[Call] = []
    shares = [deed.share for deed in everybody]
    clock = asyncio.get_running_loop().time
    began = clock()
    async with asyncio.TaskGroup() as calling, asyncio.timeout(plan.seconds + 2 * _PATIENCE):
        room = asyncio.Semaphore(_MOST_AT_ONCE)
        while (due := next(numbers) / plan.rate) < plan.seconds:
            await asyncio.sleep(began + due - clock())
            deed = chance.choices(everybody, shares)[0]
            fault = chance.choice(deed.faults) if deed.faults and chance.random() < plan.faults else None
            prompt = f"order {plan.seed}-{int(due * 1e6)}" + (f" [[sim:{json.dumps(fault)}]]" if fault else "")
            await room.acquire()
            calling.create_task(_call(deed, prompt, ended, room, faulty=fault is not None))
    return ended


async def _call(deed: Deed, prompt: str, ended: list[Call], room: asyncio.Semaphore, *, faulty: bool) -> None:
    began = time.time()
    try:
        answer = await answered(partial(deed.act, prompt), _PATIENCE)
    finally:
        room.release()
    ended.append(
        Call(
            kind=deed.kind,
            endpoint=deed.endpoint,
            began=began,
            ended=time.time(),
            answer=answer,
            faulty=faulty,
            sure=deed.sure,
        )
    )

"""Telling the outside: what is sent, that it is sent at least once, and when it is tried again."""

import base64
import hmac
import json
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

import pytest

from services.domain.errors import OutOfCredits, StoreUnavailable
from services.domain.job import Job, JobState
from services.jobs.engine import Engine
from services.jobs.notice import SCHEDULE, notice, rest
from services.jobs.notifier import LEASE, NAP, Notifier
from services.stores.memory import MemoryStore
from tests.worlds import NOON, PICTURE, FakeClock, World, a_queued_job, an_order, quiet

OLD, NEW = b"o" * 32, b"n" * 32
DONE = a_queued_job().succeeded(assets=(PICTURE,), now=NOON + 5)


@dataclass(frozen=True)
class Letter:
    headers: Mapping[str, str]
    body: bytes

    @property
    def told(self) -> Any:
        return json.loads(self.body)


@dataclass
class ScriptedCourier:
    """A receiver that gives its answers in order, then takes everything."""

    letters: list[Letter] = field(default_factory=list)
    answers: deque[str] = field(default_factory=deque)

    async def deliver(self, headers: Mapping[str, str], body: bytes) -> str:
        self.letters.append(Letter(headers, body))
        return self.answers.popleft() if self.answers else ""


def test_a_message_says_what_ended_and_when() -> None:
    told = json.loads(notice(DONE, {"id": DONE.id}, secrets=[NEW], now=NOON).body)
    assert told == {"type": "job.succeeded", "timestamp": "2027-01-15T08:00:05.000Z", "data": {"id": "image_1"}}
    failed = a_queued_job().failed(OutOfCredits("no"), now=NOON)
    assert json.loads(notice(failed, {}, secrets=[NEW], now=NOON).body)["type"] == "job.failed"


def test_it_is_signed_with_every_secret_as_standard_webhooks_says() -> None:
    message = notice(DONE, {"prompt": "Grüße"}, secrets=[NEW, OLD], now=NOON + 0.9)
    assert message.headers["webhook-id"] == "msg_image_1"
    assert message.headers["webhook-timestamp"] == "1800000000"
    signed = b"msg_image_1.1800000000." + message.body
    expected = [base64.b64encode(hmac.new(secret, signed, sha256).digest()).decode() for secret in (NEW, OLD)]
    assert message.headers["webhook-signature"] == " ".join(f"v1,{each}" for each in expected)


def test_a_later_try_has_the_same_id_and_body_and_a_time_of_its_own() -> None:
    first, second = (notice(DONE, {"id": DONE.id}, secrets=[NEW], now=now) for now in (NOON, NOON + 300))
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]


def test_the_waits_grow_and_come_to_an_end() -> None:
    waits = [rest(tries) for tries in range(1, len(SCHEDULE) + 2)]
    assert waits == [*SCHEDULE, None]
    assert list(SCHEDULE) == sorted(SCHEDULE)


@dataclass
class Outside:
    """A core that tells the outside, in a world where a task is done at its first poll."""

    world: World = field(default_factory=World)
    courier: ScriptedCourier = field(default_factory=ScriptedCourier)

    @asynccontextmanager
    async def core(self) -> AsyncGenerator[Engine]:
        world = self.world
        notifier = Notifier(
            store=world.store,
            courier=self.courier,
            secrets=[NEW],
            document=lambda job: {"id": job.id},
            clock=world.clock,
        )
        engine = Engine(
            store=world.store,
            upstream=world.mulerun,
            clock=world.clock,
            pace=world.pace,
            owner="core",
            followers=[notifier],
            announces=True,
        )
        async with notifier, engine:
            yield engine

    async def skip(self, seconds: float) -> None:
        """So long nothing is looked at; then the next look comes."""
        self.clock.jump(seconds)
        await self.clock.advance(NAP)

    @property
    def clock(self) -> FakeClock:
        return self.world.clock


async def test_an_end_is_told_at_once_and_once() -> None:
    outside = Outside()
    async with outside.core() as engine:
        job = await engine.submit(an_order())
        assert outside.courier.letters == []
        await outside.clock.advance(3)
        assert [letter.told["data"] for letter in outside.courier.letters] == [{"id": job.id}]
        await outside.skip(1e6)
        assert len(outside.courier.letters) == 1


async def test_a_refused_submission_is_told_as_a_failure() -> None:
    outside = Outside()
    outside.world.mulerun.refusals.append(OutOfCredits("no"))
    async with outside.core() as engine:
        with pytest.raises(OutOfCredits):
            await engine.submit(an_order())
        await outside.clock.advance(1)
    assert [letter.told["type"] for letter in outside.courier.letters] == ["job.failed"]


async def test_what_is_not_taken_is_sent_again_after_each_wait_and_then_given_up() -> None:
    outside = Outside()
    outside.courier.answers.extend(["the receiver answered HTTP 500"] * 50)
    async with outside.core() as engine:
        await engine.submit(an_order())
        await outside.clock.advance(3)
        for number, wait in enumerate(SCHEDULE, start=1):
            assert len(outside.courier.letters) == number
            await outside.skip(wait)
        await outside.skip(1e6)
    assert len(outside.courier.letters) == len(SCHEDULE) + 1


async def test_what_a_core_was_sending_when_it_died_is_sent_by_the_next() -> None:
    outside = Outside()
    await put(outside.world.store, DONE, notify_at=NOON)
    claimed = await outside.world.store.claim_notices(now=NOON, until=NOON + LEASE, limit=9)
    assert [job.id for job in claimed] == [DONE.id]
    async with outside.core():
        await outside.clock.advance(LEASE - 1)
        assert outside.courier.letters == []
        await outside.clock.advance(1 + NAP)
        assert len(outside.courier.letters) == 1


async def test_many_at_once_are_all_told() -> None:
    outside = Outside()
    async with outside.core() as engine:
        jobs = [await engine.submit(an_order()) for _ in range(50)]
        await outside.clock.advance(5)
    assert sorted(letter.told["data"]["id"] for letter in outside.courier.letters) == sorted(job.id for job in jobs)


async def test_a_deleted_job_is_not_told_any_more() -> None:
    outside = Outside()
    outside.courier.answers.append("the receiver answered HTTP 500")
    async with outside.core() as engine:
        job = await engine.submit(an_order())
        await outside.clock.advance(3)
        await engine.delete(job.id)
        await outside.skip(1000)
    assert len(outside.courier.letters) == 1


async def test_without_a_receiver_nothing_is_marked() -> None:
    world = World()
    async with world.engine() as engine:
        job = await engine.submit(an_order())
        await world.clock.advance(3)
        assert (await engine.get(job.id)).state is JobState.SUCCEEDED
    assert await world.store.claim_notices(now=NOON + 1e9, until=NOON + 2e9, limit=9) == []


async def test_a_store_that_is_away_puts_messages_off_and_loses_none() -> None:
    class Moody(MemoryStore):
        away = True

        async def claim_notices(self, *, now: float, until: float, limit: int) -> list[Job]:
            if self.away:
                raise StoreUnavailable("away")
            return list(await super().claim_notices(now=now, until=until, limit=limit))

    store = Moody()
    outside = Outside(world=World(store=store))
    async with outside.core() as engine:
        await engine.submit(an_order())
        await outside.clock.advance(3)
        assert outside.courier.letters == []
        store.away = False
        await outside.clock.advance(NAP)
        await quiet()
        assert len(outside.courier.letters) == 1


async def put(store: Any, job: Job, **changes: Any) -> None:
    await store.insert(replace(job, revision=job.revision - 1), owner="core", lease_until=NOON)
    assert await store.save(replace(job, **changes))

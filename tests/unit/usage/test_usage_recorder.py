"""Records are written behind the calls' backs, once each, and what cannot be written is counted and said."""

import asyncio
import logging

import pytest

from services.domain.errors import StoreUnavailable
from services.usage.recorder import BATCH, GATHER_SECONDS, RETRY_SECONDS, SAY_SECONDS, Recorder
from tests.records import ALL, ShakyStore, a_record
from tests.worlds import NOON, FakeClock, quiet


async def calls(store: ShakyStore) -> int:
    return sum(row.calls for row in await store.sums(ALL))


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(record.levelname, record.message) for record in caplog.records if record.name.startswith("services.usage")]


async def test_records_are_gathered_and_written_in_one_batch() -> None:
    store, clock = ShakyStore(), FakeClock()
    async with Recorder(store=store, clock=clock, buffer=10) as recorder:
        for number in range(3):
            recorder.record(a_record(id=str(number)))
        await quiet()
        assert store.batches == []
        await clock.advance(GATHER_SECONDS)
        assert store.batches == [3]


async def test_a_batch_has_an_end() -> None:
    store = ShakyStore()
    async with Recorder(store=store, clock=FakeClock(), buffer=2 * BATCH) as recorder:
        for number in range(BATCH + 1):
            recorder.record(a_record(id=str(number)))
        await recorder.flush()
        assert store.batches == [BATCH, 1]


async def test_flush_returns_when_everything_is_in_the_store() -> None:
    store = ShakyStore()
    async with Recorder(store=store, clock=FakeClock(), buffer=10) as recorder:
        recorder.record(a_record())
        await recorder.flush()
        assert await calls(store) == 1
        await recorder.flush()
        assert store.batches == [1]


async def test_what_waits_at_the_end_is_written_before_it_is_over() -> None:
    store = ShakyStore()
    async with Recorder(store=store, clock=FakeClock(), buffer=10) as recorder:
        recorder.record(a_record())
    assert await calls(store) == 1


async def test_a_burst_beyond_the_buffer_is_dropped_counted_and_said_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    store, clock = ShakyStore(), FakeClock()
    async with Recorder(store=store, clock=clock, buffer=2) as recorder:
        await quiet()
        for number in range(5):
            recorder.record(a_record(id=str(number)))
        assert recorder.dropped == 3
        await clock.advance(SAY_SECONDS - 1)
        assert lines(caplog) == []
        await clock.advance(1)
        assert [level for level, _ in lines(caplog)] == ["WARNING"]
        assert "CLI2API_USAGE_BUFFER" in lines(caplog)[0][1]
        assert (caplog.records[-1].__dict__["count"], caplog.records[-1].__dict__["since_start"]) == (3, 3)
        await clock.advance(10 * SAY_SECONDS)
        assert len(lines(caplog)) == 1
        assert await calls(store) == 2


async def test_a_store_that_is_away_costs_nothing_but_time(caplog: pytest.LogCaptureFixture) -> None:
    store, clock = ShakyStore(), FakeClock()
    store.away = True
    async with Recorder(store=store, clock=clock, buffer=10) as recorder:
        recorder.record(a_record())
        await clock.advance(GATHER_SECONDS)
        assert ("ERROR", "records of usage wait, because their store is away") in lines(caplog)
        with pytest.raises(StoreUnavailable):
            await recorder.flush()
        store.away = False
        await clock.advance(RETRY_SECONDS + GATHER_SECONDS)
        assert await calls(store) == 1
        assert recorder.dropped == 0


async def test_what_cannot_be_written_at_the_end_is_said(caplog: pytest.LogCaptureFixture) -> None:
    store = ShakyStore()
    store.away = True
    async with Recorder(store=store, clock=FakeClock(), buffer=10) as recorder:
        recorder.record(a_record())
    assert recorder.dropped == 1
    assert lines(caplog)[-1][0] == "WARNING"


async def test_a_write_that_was_cut_off_is_no_second_record() -> None:
    class Slow(ShakyStore):
        reached = asyncio.Event()
        go_on = asyncio.Event()

        async def add(self, records: object) -> None:
            await super().add(records)  # type: ignore[arg-type]
            self.reached.set()
            await self.go_on.wait()

    store = Slow()
    async with Recorder(store=store, clock=FakeClock(), buffer=10) as recorder:
        recorder.record(a_record())
        asking = asyncio.ensure_future(recorder.flush())
        await store.reached.wait()
        asking.cancel()
        await asyncio.wait({asking})
        store.go_on.set()
        await recorder.flush()
        assert store.batches == [1, 1]
        assert await calls(store) == 1


async def test_old_records_are_forgotten_at_the_start_and_then_every_interval(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    store, clock = ShakyStore(), FakeClock()
    await store.add([a_record(id=str(age), began_at=NOON - age) for age in (50, 90, 110)])
    async with Recorder(store=store, clock=clock, buffer=10, retention=100.0, interval=20.0):
        await quiet()
        assert await calls(store) == 2
        await clock.advance(20)
        assert await calls(store) == 1
    assert lines(caplog) == [("INFO", "old records of usage were forgotten")] * 2


@pytest.mark.parametrize(("retention", "interval"), [(0.0, 10.0), (10.0, 0.0)])
async def test_without_a_retention_or_an_interval_every_record_is_kept(retention: float, interval: float) -> None:
    store, clock = ShakyStore(), FakeClock()
    await store.add([a_record(began_at=0.0)])
    async with Recorder(store=store, clock=clock, buffer=10, retention=retention, interval=interval):
        await clock.advance(100)
        assert await calls(store) == 1

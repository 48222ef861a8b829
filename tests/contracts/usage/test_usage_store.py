"""What every store of records promises."""

import asyncio
from dataclasses import replace

import pytest

from services.domain.errors import StoreUnavailable
from services.domain.ports import UsageStore
from services.domain.usage import Sums, UsageGroup, UsageQuery, totals
from services.stores.usage_memory import UsageMemory
from tests.records import ALL, a_record
from tests.worlds import NOON

HOUR = 3600.0


async def buckets(store: UsageStore, group: UsageGroup) -> dict[str, int]:
    return {row.bucket: row.calls for row in await store.sums(replace(ALL, group=group))}


async def test_an_empty_store_has_no_sums(store: UsageStore) -> None:
    assert list(await store.sums(ALL)) == []
    assert totals([]) == Sums()


async def test_what_is_known_is_summed_up_and_what_is_not_counts_as_nothing(store: UsageStore) -> None:
    await store.add(
        [
            a_record(id="1", prompt_tokens=3, completion_tokens=5, cached_tokens=1, reasoning_tokens=2),
            a_record(id="2", prompt_tokens=4, completion_tokens=None, status=502, bytes_out=7),
            a_record(id="3", status=499, cancelled=True, bytes_out=0, first_byte_seconds=0.1, request_id="r", job_id="j"),
        ]
    )

    (row,) = await store.sums(ALL)

    assert row == Sums(
        bucket="gpt-5",
        calls=3,
        errors=2,
        prompt_tokens=7,
        completion_tokens=5,
        cached_tokens=1,
        reasoning_tokens=2,
        bytes_out=17,
    )
    assert totals([row, row]) == replace(
        row,
        bucket="",
        **{name: getattr(row, name) * 2 for name in ("calls", "errors", "prompt_tokens", "completion_tokens")},
        cached_tokens=2,
        reasoning_tokens=4,
        bytes_out=34,
    )


async def test_a_record_that_is_written_twice_is_one(store: UsageStore) -> None:
    await store.add([a_record(id="1"), a_record(id="2")])
    await store.add([a_record(id="2", status=500), a_record(id="3"), a_record(id="3")])

    (row,) = await store.sums(ALL)

    assert (row.calls, row.errors) == (3, 0)


async def test_records_are_put_together_by_each_group(store: UsageStore) -> None:
    await store.add(
        [
            a_record(id="1"),
            a_record(id="2", model="", status=404, endpoint="/v1/images/generations", began_at=NOON + 1800),
            a_record(id="3", model="claude", status=404, began_at=NOON + 26 * HOUR + 0.9999),
        ]
    )

    assert await buckets(store, UsageGroup.MODEL) == {"": 1, "claude": 1, "gpt-5": 1}
    assert await buckets(store, UsageGroup.ENDPOINT) == {"/v1/chat/completions": 2, "/v1/images/generations": 1}
    assert await buckets(store, UsageGroup.STATUS) == {"404": 2, "200": 1}
    assert await buckets(store, UsageGroup.DAY) == {"2027-01-15T00:00:00Z": 2, "2027-01-16T00:00:00Z": 1}
    assert await buckets(store, UsageGroup.HOUR) == {"2027-01-15T08:00:00Z": 2, "2027-01-16T10:00:00Z": 1}


async def test_the_last_moment_of_an_hour_belongs_to_it(store: UsageStore) -> None:
    await store.add([a_record(began_at=NOON - 0.0001)])

    assert await buckets(store, UsageGroup.HOUR) == {"2027-01-15T07:00:00Z": 1}


async def test_most_calls_come_first_and_hours_in_their_order(store: UsageStore) -> None:
    names = ["b", "a", "c", "c"]
    await store.add([a_record(id=str(place), model=name, began_at=NOON + place * HOUR) for place, name in enumerate(names)])

    assert [row.bucket for row in await store.sums(ALL)] == ["c", "a", "b"]
    by_hour = [row.bucket[11:13] for row in await store.sums(replace(ALL, group=UsageGroup.HOUR))]
    assert by_hour == ["08", "09", "10", "11"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (UsageQuery(since=NOON, until=NOON + 10), {"1"}),
        (UsageQuery(since=NOON, until=NOON + 10.001), {"1", "2"}),
        (UsageQuery(since=NOON + 0.001, until=NOON + 100), {"2", "3"}),
        (replace(ALL, model="2"), {"2"}),
        (replace(ALL, endpoint="/v1/videos"), {"3"}),
        (replace(ALL, model="2", endpoint="/v1/videos"), set()),
    ],
)
async def test_a_query_takes_its_span_its_model_and_its_endpoint(store: UsageStore, query: UsageQuery, found: set[str]) -> None:
    await store.add(
        [
            a_record(id="1", model="1"),
            a_record(id="2", model="2", began_at=NOON + 10),
            a_record(id="3", model="3", began_at=NOON + 20, endpoint="/v1/videos"),
        ]
    )

    assert {row.bucket for row in await store.sums(query)} == found


async def test_old_records_are_forgotten_and_counted(store: UsageStore) -> None:
    await store.add([a_record(id=str(age), began_at=NOON - age) for age in range(5)])

    assert await store.expire(before=NOON - 2) == 2
    assert await store.expire(before=NOON - 2) == 0
    assert (await store.sums(ALL))[0].calls == 3
    await store.add([a_record(id="4")])
    assert (await store.sums(ALL))[0].calls == 4


async def test_names_are_kept_letter_by_letter(store: UsageStore) -> None:
    names = ["'; DROP TABLE records; --", 'a "quoted" name', "ünïcode 模型", "\t\n", "\x1as\x1a0", "{}\\u0000", ":group"]
    await store.add([a_record(id=name, model=name) for name in names])

    assert {row.bucket for row in await store.sums(ALL)} == set(names)


async def test_every_field_of_a_record_is_kept(store: UsageStore) -> None:
    await store.add([a_record(id="1", cancelled=True, first_byte_seconds=0.25, seconds=1e-9, request_id="r", job_id="j")])
    await store.add([a_record(id="2", reasoning_tokens=0, bytes_out=1 << 40)])

    (row,) = await store.sums(ALL)

    assert (row.calls, row.reasoning_tokens, row.bytes_out) == (2, 0, 10 + (1 << 40))


async def test_more_records_than_one_statement_forgets_are_forgotten(store: UsageStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.stores.sql_usage.AT_ONCE", 3)
    await store.add([a_record(id=str(number)) for number in range(10)])

    assert await store.expire(before=NOON + 1) == 10
    assert list(await store.sums(ALL)) == []


async def test_of_many_that_write_at_once_every_record_is_kept_once(store: UsageStore) -> None:
    batches = [[a_record(id=f"{one}-{two % 5}") for two in range(8)] for one in range(8)]
    await asyncio.gather(*(store.add(batch) for batch in batches + batches))

    assert (await store.sums(ALL))[0].calls == 40


async def test_a_thousand_records_are_written_at_once(store: UsageStore) -> None:
    await store.add([a_record(id=str(number), prompt_tokens=1 << 40) for number in range(1000)])

    (row,) = await store.sums(ALL)

    assert (row.calls, row.prompt_tokens) == (1000, 1000 << 40)


@pytest.mark.parametrize("count", [7, 8, 9, 63, 64, 65, 137, 500])
async def test_every_record_of_a_batch_is_written_whatever_its_size(store: UsageStore, count: int) -> None:
    await store.add([a_record(id=str(number), model=str(number)) for number in range(count)])

    assert {row.bucket for row in await store.sums(ALL)} == {str(number) for number in range(count)}


async def test_nothing_to_write_is_no_fault(store: UsageStore) -> None:
    await store.add([])
    assert list(await store.sums(ALL)) == []


async def test_a_closed_store_says_so(store: UsageStore) -> None:
    await store.close()
    await store.close()
    if not isinstance(store, UsageMemory):
        for work in (store.add([a_record()]), store.sums(ALL), store.expire(before=NOON)):
            with pytest.raises(StoreUnavailable, match=r"the usage store cannot be used: (it|the connection) is closed"):
                await work

"""Copies beside everything else, and sweeps that mend what was left undone."""

import pytest

from services.assets.attempt import LINKS_LIVE
from services.assets.sweeper import HEAD_START, INTERVAL, Kept, may_have_expired
from services.assets.waiting import MOST, Waiting, pause
from services.domain.errors import AssetGone, UpstreamUnavailable, VendorFailed
from tests.unit.assets.world import World, a_succeeded_job, job_id, link, until
from tests.worlds import NOON, a_queued_job, quiet

DAY = 86400.0


@pytest.fixture
def world() -> World:
    return World()


async def until_copied(world: World, *numbers: int) -> None:
    """Returns when each of these jobs has its first copy."""

    async def copied() -> bool:
        return all([await world.copies(number) for number in numbers])

    await until(copied)


async def test_a_job_that_succeeds_is_copied(world: World) -> None:
    async with world.copier() as copier:
        copier.settled(await world.add(a_succeeded_job()))
        await until_copied(world, 1)


async def test_a_job_that_fails_has_nothing_to_copy(world: World) -> None:
    async with world.copier() as copier:
        copier.settled(a_queued_job().failed(VendorFailed("no"), now=NOON))
        await quiet()
    assert world.links.fetched == {}


async def test_a_try_that_failed_is_made_again_after_a_growing_pause(world: World) -> None:
    job = await world.add(a_succeeded_job())
    world.links.files[link(1)] = UpstreamUnavailable("away")
    async with world.copier() as copier:
        copier.settled(job)
        for tries, seconds in enumerate((1.0, 2.0, 4.0), start=1):
            await until(lambda tries=tries: world.links.fetched[link(1)] == tries)  # type: ignore[misc]
            await world.clock.advance(seconds - 0.1)
            await quiet()
            assert world.links.fetched[link(1)] == tries
            await world.clock.advance(0.1)
        world.links.files[link(1)] = b"at last"
        await until(lambda: world.links.fetched[link(1)] == 4)
        await world.clock.advance(8.0)
        await until_copied(world, 1)


async def test_no_more_jobs_than_there_is_room_for_are_copied_at_once(world: World) -> None:
    world.links.going.clear()
    async with world.copier(room=2) as copier:
        for number in range(1, 6):
            copier.settled(await world.add(a_succeeded_job(number)))
        await until(lambda: world.links.under_way == 2)
        world.links.going.set()
        await until_copied(world, *range(1, 6))
    assert world.links.most_under_way == 2


async def test_a_deleted_job_s_copies_go_with_it(world: World) -> None:
    async with world.copier() as copier:
        copier.settled(await world.add(a_succeeded_job()))
        await until_copied(world, 1)
        await world.jobs.delete(job_id(1))
        copier.forgotten(job_id(1))

        async def nothing_is_kept() -> bool:
            return not [each async for each in world.shelf.held()]

        await until(nothing_is_kept)


async def test_deleting_a_job_stops_a_copy_that_is_being_written(world: World) -> None:
    world.links.going.clear()
    async with world.copier() as copier:
        copier.settled(await world.add(a_succeeded_job()))
        await until(lambda: world.links.under_way == 1)
        await world.jobs.delete(job_id(1))
        copier.forgotten(job_id(1))
        await until(lambda: world.links.under_way == 0)
        world.links.going.set()
    assert [each async for each in world.shelf.held()] == []


async def test_leaving_stops_what_is_under_way_and_a_sweep_of_the_next_start_begins_it_anew(world: World) -> None:
    world.links.going.clear()
    async with world.copier() as copier:
        copier.settled(await world.add(a_succeeded_job()))
        await until(lambda: world.links.under_way == 1)
    assert world.links.under_way == 0
    assert await world.copies() == []
    world.links.going.set()
    async with world.copier() as copier, world.sweeper(copier):
        await until_copied(world, 1)


async def test_a_sweep_finds_every_job_that_lacks_a_copy_page_after_page(world: World) -> None:
    for number in range(1, 452):
        await world.add(a_succeeded_job(number, at=NOON - number))
    async with world.copier() as copier:
        await world.attempts().copy(job_id(7))
        await world.sweeper(copier).sweep(whole=True)
        await until(lambda: len(world.links.fetched) == 451)
        await until_copied(world, 1, 451)
    assert world.links.fetched[link(7)] == 1


async def test_a_sweep_leaves_links_alone_that_can_no_longer_live(world: World) -> None:
    await world.add(a_succeeded_job(1, at=NOON - LINKS_LIVE))
    async with world.copier() as copier:
        await world.sweeper(copier).sweep(whole=True)
        await quiet()
    assert world.links.fetched == {}


async def test_between_starts_a_sweep_leaves_fresh_jobs_to_the_core_that_settled_them(world: World) -> None:
    await world.add(a_succeeded_job(1, at=NOON - HEAD_START))
    await world.add(a_succeeded_job(2, at=NOON - HEAD_START + 1))
    async with world.copier() as copier:
        await world.sweeper(copier).sweep(whole=False)
        await until_copied(world, 1)
    assert world.links.fetched == {link(1): 1}


async def test_a_dead_link_is_not_asked_at_every_sweep(world: World) -> None:
    await world.add(a_succeeded_job())
    world.links.files[link(1)] = AssetGone("dead")
    async with world.copier() as copier, world.sweeper(copier):
        await until(lambda: world.links.fetched[link(1)] == 1)
        for _ in range(3):
            await world.clock.advance(INTERVAL)
            await world.sweeper(copier).sweep(whole=False)
            await quiet()
    assert world.links.fetched[link(1)] == 1


async def test_copies_of_expired_jobs_are_swept_and_others_stay(world: World) -> None:
    async with world.copier() as copier:
        for number in (1, 2):
            copier.settled(await world.add(a_succeeded_job(number)))
        await until_copied(world, 1, 2)
        await world.jobs.delete(job_id(1))
        await world.sweeper(copier, retention=DAY).sweep(whole=False)
    assert (await world.copies(1), await world.copies(2)) == ([], [0])


async def test_a_removal_that_was_cut_off_is_made_up_for_at_the_next_start(world: World) -> None:
    async with world.copier() as copier:
        for number in (1, 2):
            copier.settled(await world.add(a_succeeded_job(number)))
        await until_copied(world, 1, 2)
    await world.jobs.delete(job_id(1))
    async with world.copier() as copier:
        await world.sweeper(copier, retention=1000 * DAY).sweep(whole=True)
    assert (await world.copies(1), await world.copies(2)) == ([], [0])


async def test_a_job_store_that_knows_no_job_at_all_does_not_empty_the_asset_store(world: World) -> None:
    async with world.copier() as copier:
        for number in (1, 2):
            copier.settled(await world.add(a_succeeded_job(number)))
        await until_copied(world, 1, 2)
        for number in (1, 2):
            await world.jobs.delete(job_id(number))
        await world.sweeper(copier, retention=0.0).sweep(whole=True)
    assert (await world.copies(1), await world.copies(2)) == ([0], [0])


def test_copies_are_suspect_as_soon_as_their_job_may_have_expired() -> None:
    kept = {"old": Kept(copies=1, written_at=NOON - 7 * DAY + LINKS_LIVE), "new": Kept(copies=1, written_at=NOON - 5 * DAY)}
    assert may_have_expired(kept, now=NOON, retention=7 * DAY) == {"old"}
    assert may_have_expired(kept, now=NOON, retention=0.0) == frozenset()


def test_pauses_double_up_to_five_minutes() -> None:
    assert [pause(tries) for tries in (1, 2, 3, 9, 10, 1000)] == [1.0, 2.0, 4.0, 256.0, 300.0, 300.0]


def test_what_is_due_comes_in_the_order_in_which_it_was_offered() -> None:
    waiting = Waiting()
    for job, due_at in (("a", 5.0), ("b", 1.0), ("c", 9.0), ("b", 0.0)):
        waiting.add(job, due_at=due_at)
    assert waiting.take(now=5.0, limit=1) == [("a", 0)]
    assert waiting.take(now=5.0, limit=9) == [("b", 0)]
    assert (waiting.next_due(), len(waiting)) == (9.0, 1)
    waiting.drop("c")
    assert waiting.next_due() is None


def test_the_queue_is_bounded() -> None:
    waiting = Waiting()
    for number in range(MOST + 1):
        waiting.add(str(number), due_at=0.0)
    assert len(waiting) == MOST

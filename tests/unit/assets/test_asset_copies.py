"""One try at copying what a job has made."""

import logging
from hashlib import sha256

import pytest

from services.assets.attempt import LINKS_LIVE, Outcome
from services.assets.copy import Copy
from services.assets.kept import KeptAssets
from services.assets.shelf import Fetch, Shelf, ShelfAway
from services.domain.errors import AssetGone, UpstreamUnavailable
from services.domain.job import Job
from tests.unit.assets.world import PNG, World, a_succeeded_job, job_id, link, read
from tests.worlds import NOON, a_job


@pytest.fixture
def world() -> World:
    return World()


class Away(Shelf):
    """A shelf whose object store cannot be reached."""

    async def find(self, job_id: str, index: int) -> Copy | None:
        raise ShelfAway("the asset store cannot be read: no such host")


async def test_every_asset_is_kept_with_its_hash_size_and_kind(world: World) -> None:
    await world.add(a_succeeded_job(pictures=3))
    assert await world.attempts().copy(job_id(1)) is Outcome.DONE
    assert await world.copies() == [0, 1, 2]
    file = PNG + link(1, 2).encode()
    digest = sha256(file).hexdigest()
    assert await world.shelf.find(job_id(1), 2) == Copy(
        size_bytes=len(file), mime_type="image/png", sha256=digest, stored_at=NOON
    )


async def test_what_has_a_copy_is_not_fetched_again(world: World) -> None:
    await world.add(a_succeeded_job())
    await world.attempts().copy(job_id(1))
    assert await world.attempts().copy(job_id(1)) is Outcome.DONE
    assert world.links.fetched == {link(1): 1}


async def test_a_copy_changes_nothing_about_the_job(world: World) -> None:
    job = await world.add(a_succeeded_job())
    await world.attempts().copy(job.id)
    assert await world.jobs.get(job.id) == job


async def test_one_dead_link_does_not_hold_up_the_others(world: World) -> None:
    await world.add(a_succeeded_job(pictures=3))
    world.links.files[link(1, 1)] = AssetGone("the asset's link is dead (HTTP 404)")
    assert await world.attempts().copy(job_id(1)) is Outcome.GIVEN_UP
    assert await world.copies() == [0, 2]


async def test_a_link_that_breaks_off_is_tried_again_and_leaves_nothing_half(world: World) -> None:
    await world.add(a_succeeded_job())
    world.links.breaks[link(1)] = UpstreamUnavailable("broke off")
    assert await world.attempts().copy(job_id(1)) is Outcome.AGAIN
    assert await world.copies() == []
    world.links.breaks.clear()
    assert await world.attempts().copy(job_id(1)) is Outcome.DONE
    assert await world.copies() == [0]


async def test_a_link_is_given_up_on_when_it_can_no_longer_live(world: World) -> None:
    await world.add(a_succeeded_job())
    world.links.files[link(1)] = UpstreamUnavailable("the asset's host cannot be reached")
    world.clock.jump(LINKS_LIVE)
    assert await world.attempts().copy(job_id(1)) is Outcome.GIVEN_UP


async def test_a_file_over_the_cap_is_not_kept_and_said_so(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.largest = 1000
    await world.add(a_succeeded_job())
    with caplog.at_level(logging.ERROR):
        assert await world.attempts().copy(job_id(1)) is Outcome.GIVEN_UP
    assert await world.copies() == []
    assert "CLI2API_ASSET_MAX keeps 1000" in caplog.records[0].__dict__["why"]


async def test_a_store_that_is_away_is_tried_again(world: World, caplog: pytest.LogCaptureFixture) -> None:
    await world.add(a_succeeded_job())
    with caplog.at_level(logging.ERROR):
        assert await world.attempts(Away(world.objects)).copy(job_id(1)) is Outcome.AGAIN
    assert "no such host" in caplog.records[0].__dict__["why"]


async def test_a_job_that_has_gone_or_not_succeeded_has_nothing_to_copy(world: World) -> None:
    await world.add(a_job())
    assert await world.attempts().copy("image_1") is Outcome.DONE
    assert await world.attempts().copy(job_id(1)) is Outcome.DONE


async def test_a_job_that_is_deleted_elsewhere_meanwhile_keeps_no_copy(world: World) -> None:
    await world.add(a_succeeded_job())

    class Deleting(Shelf):
        async def keep(self, job_id: str, index: int, fetch: Fetch, *, largest: int, now: float) -> Copy:
            copy = await super().keep(job_id, index, fetch, largest=largest, now=now)
            await world.jobs.delete(job_id)
            return copy

    assert await world.attempts(Deleting(world.objects)).copy(job_id(1)) is Outcome.DONE
    assert await world.copies() == []


async def opened(assets: KeptAssets, job: Job, *, offset: int = 0, limit: int = 0) -> tuple[bytes, int | None]:
    async with assets.open(job, 0, offset=offset, limit=limit) as asset:
        return await read(asset), asset.size_bytes


@pytest.mark.parametrize(("offset", "limit"), [(0, 0), (0, 4), (3, 0), (3, 5), (1000, 1000), (5000, 0)])
async def test_a_copy_is_served_when_the_link_is_dead_whole_and_in_part(world: World, offset: int, limit: int) -> None:
    job = await world.add(a_succeeded_job())
    await world.attempts().copy(job.id)
    world.links.files.clear()
    file = PNG + link(1).encode()
    served = await opened(KeptAssets(world.links, world.shelf), job, offset=offset, limit=limit)
    assert served == (file[offset : offset + limit if limit else None], len(file))


async def test_the_link_is_served_while_there_is_no_copy(world: World) -> None:
    job = await world.add(a_succeeded_job())
    file = PNG + link(1).encode()
    for shelf in (world.shelf, None, Away(world.objects)):
        assert await opened(KeptAssets(world.links, shelf), job, offset=2, limit=3) == (file[2:5], len(file))


async def test_without_a_copy_and_with_a_dead_link_the_asset_is_gone(world: World) -> None:
    job = await world.add(a_succeeded_job(), live=False)
    with pytest.raises(AssetGone, match="link is dead"):
        await opened(KeptAssets(world.links, world.shelf), job)

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.domain.model import MEDIA_KINDS, ModelKind
from services.jobs.backoff import Pace, pause
from services.jobs.clock import SystemClock
from services.jobs.ids import PREFIXES, new_id
from services.jobs.progress import CEILING, estimate
from services.jobs.retention import Retention
from tests.worlds import NOON, a_queued_job


def test_waits_grow_by_half_from_two_to_ten_seconds() -> None:
    pace = Pace(jitter=0.0)
    assert [pause(pace, tries, 0.7) for tries in range(6)] == pytest.approx([2.0, 3.0, 4.5, 6.75, 10.0, 10.0])


@given(tries=st.integers(min_value=0, max_value=10**9), chance=st.floats(min_value=0, max_value=1))
def test_a_wait_is_never_longer_than_the_maximum_nor_much_shorter_than_the_initial(tries: int, chance: float) -> None:
    assert 1.8 <= pause(Pace(), tries, chance) <= 10.0


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("initial", {"initial": 0.0}),
        ("initial", {"initial": float("nan")}),
        ("maximum", {"maximum": 1.0}),
        ("factor", {"factor": 0.9}),
        ("jitter", {"jitter": 1.0}),
    ],
)
def test_a_pace_that_makes_no_sense_is_refused_by_field(field: str, values: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"^{field} is"):
        Pace(**values)


@pytest.mark.parametrize("field", ["seconds", "hard_cap", "interval"])
def test_a_retention_below_zero_is_refused_by_field(field: str) -> None:
    with pytest.raises(ValueError, match=f"^{field} is -1"):
        Retention(**{field: -1.0})


def test_a_retention_of_zero_keeps_jobs_for_good() -> None:
    retention = Retention(seconds=0.0)
    assert retention.expires_at(NOON) is None
    assert not retention.forgets
    assert retention.renew(a_queued_job(expires_at=NOON)).expires_at is None


def test_an_interval_of_zero_never_looks() -> None:
    assert not Retention(interval=0.0).forgets


def test_a_job_in_flight_is_given_the_hard_cap_in_retentions() -> None:
    assert Retention(seconds=10.0, hard_cap=3.0).grace == 30.0


@pytest.mark.parametrize("kind", sorted(MEDIA_KINDS))
def test_every_kind_of_job_has_an_id_of_its_own(kind: ModelKind) -> None:
    assert re.fullmatch(rf"{PREFIXES[kind]}_[a-z0-9]{{26}}", new_id(kind, NOON))


def test_ids_sort_by_age_and_differ_at_the_same_time() -> None:
    ids = [new_id(ModelKind.VIDEO, NOON + second) for second in range(100)]
    assert ids == sorted(ids)
    assert len({new_id(ModelKind.VIDEO, NOON) for _ in range(1000)}) == 1000


def test_an_id_is_time_then_chance() -> None:
    assert new_id(ModelKind.VIDEO, 0.0, lambda bits: (1 << bits) - 1) == "video_0000000000zzzzzzzzzzzzzzzz"
    assert new_id(ModelKind.IMAGE_EDIT, 0.033, lambda _: 1) == "edit_00000000110000000000000001"


@given(
    kind=st.sampled_from(sorted(MEDIA_KINDS)),
    sooner=st.floats(min_value=-1e6, max_value=1e9),
    later=st.floats(min_value=-1e6, max_value=1e9),
)
def test_an_estimate_rises_with_time_and_stays_below_the_end(kind: ModelKind, sooner: float, later: float) -> None:
    sooner, later = sorted((sooner, later))
    assert 0 <= estimate(kind, sooner) <= estimate(kind, later) <= CEILING < 99


def test_an_estimate_says_two_thirds_at_the_typical_time() -> None:
    assert 60 <= estimate(ModelKind.VIDEO, 180.0) <= 70


async def test_the_system_clock_goes_on_when_it_is_set_back_and_follows_when_it_is_set_forward(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wall, steady = [1000.0], [50.0]
    monkeypatch.setattr("time.time", lambda: wall[0])
    monkeypatch.setattr("time.monotonic", lambda: steady[0])
    clock = SystemClock()
    assert clock.now() == 1000.0
    wall[0], steady[0] = 400.0, 55.0
    assert clock.now() == 1005.0
    wall[0], steady[0] = 5000.0, 56.0
    assert clock.now() == 5000.0


async def test_the_system_clock_does_not_sleep_for_less_than_nothing() -> None:
    await SystemClock().sleep(-1.0)

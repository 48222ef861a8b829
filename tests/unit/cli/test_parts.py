"""What is started, and how long a dead part rests."""

import signal
import sys
from pathlib import Path

import pytest

from cli.parts import envoy_part, manner, next_delay, python_part


def test_a_part_that_keeps_dying_young_rests_longer_each_time_up_to_five_seconds() -> None:
    delays = [0.0]
    for _ in range(8):
        delays.append(next_delay(delays[-1], lived=0.5))

    assert delays[1:] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]


def test_a_part_that_lived_long_starts_anew_at_once() -> None:
    assert next_delay(5.0, lived=60) == 0.1


@pytest.mark.parametrize(
    ("returncode", "words"), [(0, "exit code 0"), (3, "exit code 3"), (-signal.SIGKILL, "SIGKILL"), (-99, "signal 99")]
)
def test_an_end_is_told_in_words(returncode: int, words: str) -> None:
    assert manner(returncode) == words


def test_our_own_parts_do_not_look_where_the_operator_stands() -> None:
    part = python_part("core", "services", {"A": "b"})

    assert part.argv == (sys.executable, "-P", "-m", "services")
    assert part.environ == {"A": "b"}


def test_envoy_gets_no_environment_and_a_quieter_level() -> None:
    part = envoy_part(Path("/run/envoy.yaml"), log_level="info", drain_seconds=10)

    assert part.environ == {}
    assert part.argv[part.argv.index("-l") + 1] == "warning"
    assert part.argv[part.argv.index("--component-log-level") + 1] == "main:error,misc:error"
    assert part.argv[part.argv.index("--drain-time-s") + 1] == "10"
    assert "--disable-hot-restart" in part.argv


@pytest.mark.parametrize(("processors", "threads"), [(1, "2"), (2, "2"), (16, "16")])
def test_envoy_has_a_thread_for_each_processor_and_no_less_than_two(
    monkeypatch: pytest.MonkeyPatch, processors: int, threads: str
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(processors)), raising=False)
    part = envoy_part(Path("/run/envoy.yaml"), log_level="info", drain_seconds=10)
    assert part.argv[part.argv.index("--concurrency") + 1] == threads

"""What a soak is: how long, how much, over which processes, and when what is broken. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

KEY: Final = "sk-soak"


class Shape(StrEnum):
    """Which processes stand behind Envoy."""

    ONE = "one"
    """One core and one edge on SQLite, as `cli2api serve` runs without settings."""
    SEVERAL = "several"
    """Two cores and two edges, jobs in PostgreSQL."""


class Blow(StrEnum):
    """What is done to the gateway while it works."""

    RELOAD = "a new key, SIGHUP"
    EDGE_KILLED = "kill -9 of an edge"
    CORE_STOPPED = "SIGTERM to a core"
    CORE_KILLED = "kill -9 of a core"


BLOWS: Final = (Blow.RELOAD, Blow.EDGE_KILLED, Blow.CORE_STOPPED, Blow.CORE_KILLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One soak. Times are seconds; `rate` is calls begun a second, whatever becomes of those before."""

    shape: Shape
    seconds: float
    rate: float
    seed: int
    faults: float = 0.01
    """The share of calls whose upstream does something wrong."""

    @property
    def sample_every(self) -> float:
        """Between two looks at the processes."""
        return min(5.0, self.seconds / 20)

    @property
    def retention(self) -> int:
        """Of finished jobs: so short that most are forgotten while it runs, so long that each is seen finished before."""
        return int(min(30.0, max(10.0, self.seconds / 3)))

    @property
    def blows(self) -> tuple[tuple[float, Blow], ...]:
        """When what is done, in order.

        One process of a kind lives through the last 60 %, so that its memory can be judged. Of several, the first lives
        through all of it and the last is broken again and again, at most once a minute.
        """
        if self.shape is Shape.ONE:
            return tuple((self.seconds * 0.1 * (place + 1), blow) for place, blow in enumerate(BLOWS))
        count = max(len(BLOWS), int(self.seconds / 60))
        return tuple((self.seconds * (place + 0.5) / count, BLOWS[place % len(BLOWS)]) for place in range(count))

    @property
    def settings(self) -> Mapping[str, str]:
        """The gateway's variables, beside those that say where things are."""
        several = {"CLI2API_CORES": "2", "CLI2API_EDGES": "2", "CLI2API_JOBSTORE_POOL": "5"}
        return {
            "CLI2API_PORT": "0",
            "CLI2API_GRPC_PORT": "0",
            "CLI2API_METRICS_LISTEN": "127.0.0.1:0",
            "CLI2API_MODEL_ALIASES": "mine=gpt-5-mini",
            "CLI2API_POLL_INTERVAL": "200ms",
            "CLI2API_POLL_MAX_INTERVAL": "1s",
            "CLI2API_JOB_RETENTION": f"{self.retention}s",
            "CLI2API_REAPER_INTERVAL": "2s",
            "CLI2API_DRAIN_TIMEOUT": "5s",
            **(several if self.shape is Shape.SEVERAL else {}),
        }

"""How long jobs are kept, as a value."""

from dataclasses import dataclass, replace
from typing import Final

from services.domain.job import Job

HOUR: Final = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """Terminal jobs go at their `expires_at`, jobs in flight `grace` seconds after it. Raises ValueError, naming the field."""

    seconds: float = 168 * HOUR
    """0 keeps every job for good."""
    hard_cap: float = 3.0
    """How many retentions more a job in flight is given."""
    interval: float = HOUR
    """Seconds between two looks for expired jobs; 0 never looks."""

    def __post_init__(self) -> None:
        for name in ("seconds", "hard_cap", "interval"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it has to be 0 or more")

    @property
    def forgets(self) -> bool:
        """Whether jobs are ever forgotten by themselves."""
        return self.seconds > 0 and self.interval > 0

    @property
    def grace(self) -> float:
        """Seconds past `expires_at` for which a job in flight may still come to an end."""
        return self.seconds * self.hard_cap

    def expires_at(self, now: float) -> float | None:
        """When a job that changes now may be forgotten; None keeps it."""
        return now + self.seconds if self.seconds > 0 else None

    def renew(self, job: Job) -> Job:
        """The same job, kept for the whole retention from its end on, however long it took: its result was paid for."""
        return replace(job, expires_at=self.expires_at(job.updated_at))

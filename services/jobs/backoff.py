"""How long to wait before the next poll: a pure function of a pace, a count and a chance."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """A wait that grows from `initial` by `factor` to `maximum` seconds.

    Raises ValueError, naming the field, where the numbers make no growing wait.
    """

    initial: float = 2.0
    factor: float = 1.5
    maximum: float = 10.0
    jitter: float = 0.1
    """The share of a wait that chance may take away, so that jobs born together do not poll together for ever."""

    def __post_init__(self) -> None:
        if not self.initial > 0:
            raise ValueError(f"initial is {self.initial}; it has to be above 0 seconds")
        if not self.maximum >= self.initial:
            raise ValueError(f"maximum is {self.maximum}; it has to be at least initial, which is {self.initial}")
        if not 1 <= self.factor <= 2:
            raise ValueError(f"factor is {self.factor}; it has to be from 1 to 2")
        if not 0 <= self.jitter < 1:
            raise ValueError(f"jitter is {self.jitter}; it has to be from 0 to below 1")


def pause(pace: Pace, tries: int, chance: float) -> float:
    """Seconds to wait after `tries` tries, for a `chance` from 0 to 1.

    Jitter only shortens, so `maximum` holds.
    """
    # 2.0 ** 1000 is still a float; any pace worth having has reached its maximum by then.
    whole = min(pace.initial * pace.factor ** min(tries, 1000), pace.maximum)
    return whole * (1 - pace.jitter * chance)

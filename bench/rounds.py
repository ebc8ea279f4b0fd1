"""Interleaved measuring: A B A B ..., so that a machine whose speed drifts is fair to both."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Series:
    """The values of one side, in the order they were taken."""

    name: str
    values: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """The value to quote."""
        return statistics.median(self.values)

    def spread(self, digits: int = 1) -> str:
        """Median with minimum and maximum, as the tables show it."""
        return f"{self.median:.{digits}f} ({min(self.values):.{digits}f} to {max(self.values):.{digits}f})"


def interleave(rounds: int, **sides: Callable[[], float]) -> dict[str, Series]:
    """Call each side in turn, `rounds` times, after one uncounted turn each."""
    series = {name: Series(name) for name in sides}
    for counted in range(rounds + 1):
        for name, measure in sides.items():
            value = measure()
            if counted:
                series[name].values.append(value)
    return series


def ratio(ours: Series, peer: Series) -> float:
    """The median of the pairwise ratios: what drift touches least."""
    return statistics.median(a / b for a, b in zip(ours.values, peer.values, strict=True))


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes on the wall."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start

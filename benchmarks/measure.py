"""How a figure is taken: pairs of runs in turn, the ratio of each pair, and the median of the ratios."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from statistics import median


@dataclass(frozen=True)
class Figure:
    """One line of the report. `ratios`: ours against the limit or rival, pair by pair; higher is better."""

    name: str
    ratios: list[float]
    bar: float | None = None
    notes: dict[str, float | int | str] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """The median of the pairs."""
        return median(self.ratios)

    def as_dict(self) -> dict[str, object]:
        """For bench.json."""
        return {**asdict(self), "ratio": self.ratio}


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one run."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def pairs(ours: Callable[[], float], other: Callable[[], float], n: int) -> list[float]:
    """Rates of ours against the other's, run in turn so that a machine's drift meets both."""
    return [ours() / other() for _ in range(n)]

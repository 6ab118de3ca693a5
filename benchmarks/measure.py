"""How a figure is taken: pairs of runs in turn, the ratio of each pair, and the median of the ratios."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from statistics import median

PAIRS = 5

Notes = dict[str, float | int | str]


@dataclass(frozen=True)
class Figure:
    """One line of the report. `ratios`: ours against the limit or rival, pair by pair; higher is better.

    A limit on seconds or megabytes is a ratio too: the limit by what it took.
    """

    name: str
    ratios: list[float]
    bar: float | None = None
    notes: Notes = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """The median of the pairs."""
        return median(self.ratios)

    @property
    def is_met(self) -> bool:
        """Whether it reaches its bar, if it has one."""
        return self.bar is None or self.ratio >= self.bar

    def as_dict(self) -> dict[str, object]:
        """For bench.json."""
        return {**asdict(self), "ratio": self.ratio}


def say(what: str) -> None:
    """Progress, for whoever waits."""
    print(time.strftime("%H:%M:%S"), what, file=sys.stderr, flush=True)  # noqa: T201


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one run."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def pairs(ours: Callable[[], float], other: Callable[[], float], n: int = PAIRS) -> list[float]:
    """Rates of ours against the other's, run in turn so that a machine's drift meets both."""
    ratios = []
    for number in range(1, n + 1):
        ratios.append(ours() / other())
        say(f"  pair {number} of {n}: {ratios[-1]:.2f}")
    return ratios

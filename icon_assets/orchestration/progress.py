"""How long work says where it is: a line in the run's log, or whatever a caller shows instead."""

import time
from typing import Protocol

import dagster as dg

_SECONDS_BETWEEN_LINES = 15.0


class Progress(Protocol):
    """Called as work goes on; `done` of `total` things of `stage`."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Says it, or not."""


class LoggedProgress:
    """Progress as lines in the run's log; each costs an event of 20 ms, so not too many."""

    def __init__(self) -> None:
        self._said = time.monotonic()

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Says it, unless it has just said something."""
        if time.monotonic() - self._said >= _SECONDS_BETWEEN_LINES:
            self._said = time.monotonic()
            dg.get_dagster_logger().info(f"{stage}: {done:,} of {total:,}")

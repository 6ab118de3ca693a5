"""What commands share with their user: days they are asked for, progress, and answers for programs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

JSON = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def _day(value: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise typer.BadParameter(f"{value!r} is no day. Write it as 2000-01-31.") from None


DAY: Any = {"parser": _day, "metavar": "DAY"}  # for typer.Option


def print_json(value: Any) -> None:
    """The answer of a command that was asked for JSON; times and the like as text."""
    typer.echo(json.dumps(value, indent=2, default=str))


class ShownProgress:
    """Progress as one bar a stage."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Moves the bar of `stage`."""
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task(stage)
        self._bars.update(self._tasks[stage], completed=done, total=total)


@contextmanager
def only_progress(log: Path) -> Iterator[ShownProgress]:
    """Sends what is printed, by child processes too, to `log`; shows bars where a person looks."""
    with os.fdopen(os.dup(2), "w") as screen, _printed_to(log):
        columns = TextColumn("{task.description:<24}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
        with Progress(*columns, console=Console(file=screen)) as bars:
            yield ShownProgress(bars)


@contextmanager
def _printed_to(log: Path) -> Iterator[None]:
    # The descriptors, not sys.stdout: Dagster swaps these, and dbt inherits them.
    kept = [(number, os.dup(number)) for number in (1, 2)]
    try:
        with log.open("w") as file:
            for number, _ in kept:
                os.dup2(file.fileno(), number)
        yield
    finally:
        for number, copy in kept:
            os.dup2(copy, number)
            os.close(copy)

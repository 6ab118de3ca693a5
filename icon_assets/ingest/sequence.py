"""Which numbers of its source's sequence each batch brought: ops.sequence_run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg

from icon_assets.contract.events import Connection, Event
from icon_assets.ingest import clock

Run = tuple[int, int, int, int]
"""First and last number, earliest and latest time (epoch ms), of lines whose numbers have no gap."""

CREATE = """
    create temporary table stage_run (
        batch integer, first_dsseq integer, last_dsseq integer, first_ms bigint, last_ms bigint
    ) on commit delete rows
"""
_FLUSH_RUNS = 10_000
# A run begins where no earlier one reaches: they may overlap, where lines are not in the order of numbers.
_RECORD = """
    insert into ops.sequence_run (batch_id, first_dsseq, last_dsseq, first_ts, last_ts)
    select
        (%(batch_ids)s::bigint[])[batch],
        min(first_dsseq),
        max(last_dsseq),
        to_timestamp(min(first_ms) / 1000.0),
        to_timestamp(max(last_ms) / 1000.0)
    from (
        select *, sum(begins) over (partition by batch order by first_dsseq, last_dsseq) as run
        from (
            select
                *,
                coalesce(
                    first_dsseq - 1 > max(last_dsseq) over (
                        partition by batch order by first_dsseq, last_dsseq
                        rows between unbounded preceding and 1 preceding
                    ),
                    true
                )::integer as begins
            from stage_run
        ) as s
    ) as r
    group by batch, run
"""


class Runs:
    """The numbers of all lines of the batches being staged, whether or not anything takes the lines.

    A line in quarantine is a hole until mended.
    """

    def __init__(self, cursor: psycopg.Cursor[Any]) -> None:
        self._cursor = cursor
        self._runs: list[tuple[int, *Run]] = []

    def begin(self, batch: int) -> None:
        """What is added from now on is of batch number `batch`."""
        self._batch = batch
        self._begin, self._is_sent = len(self._runs), False
        self._has_numbers = self._is_silent = False
        self._span: clock.Span | None = None

    def add(self, events: Sequence[tuple[int, Event]]) -> None:
        """Takes the numbers of lines that follow one another in the batch."""
        if not events:
            return
        numbers = [event.dsseq for _, event in events]
        times = [event.ts for _, event in events]
        self._span = clock.widened(self._span, times)
        told = [number for number in numbers if number is not None]
        if len(told) < len(events):
            self._is_silent |= any(e.dsseq is None and not isinstance(e, Connection) for _, e in events)
            times = [event.ts for _, event in events if event.dsseq is not None]
        self._has_numbers |= bool(told)
        if told and max(told) - min(told) + 1 == len(set(told)):
            self._append(min(told), max(told), min(times), max(times))
        else:
            for number, time in sorted(zip(told, times, strict=True)):
                self._append(number, number, time, time)
        if len(self._runs) > _FLUSH_RUNS:
            self.flush()

    def end(self, first: int | None, last: int | None) -> None:
        """Ends the batch. Where lines have no numbers the header speaks for all: first and last.

        A connection is ICON's own, and may have none.
        """
        if first is None or last is None or self._span is None:
            return
        if self._is_silent or not self._has_numbers:
            self.discard()
            self._runs.append((self._batch, first, last, *self._span))

    def discard(self) -> None:
        """Takes the last batch out again."""
        if self._is_sent:
            self._cursor.execute("delete from stage_run where batch = %s", [self._batch])
        del self._runs[0 if self._is_sent else self._begin :]

    def flush(self) -> None:
        """Sends what has gathered."""
        if self._runs:
            with self._cursor.copy("copy stage_run from stdin") as copy:
                for run in self._runs:
                    copy.write_row(run)
        self._runs.clear()
        self._is_sent = True

    def _append(self, first: int, last: int, from_ms: int, to_ms: int) -> None:
        """One more run; it goes on with the one before if it can."""
        if len(self._runs) > (0 if self._is_sent else self._begin):
            batch, low, high, earliest, latest = self._runs[-1]
            if low <= first <= high + 1:
                self._runs[-1] = batch, low, max(high, last), min(earliest, from_ms), max(latest, to_ms)
                return
        self._runs.append((self._batch, first, last, from_ms, to_ms))


def record_runs(cursor: psycopg.Cursor[Any], parameters: dict[str, Any]) -> None:
    """Enters what the stage has of the batches."""
    cursor.execute(_RECORD, parameters)

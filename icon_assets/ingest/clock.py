"""The times of batches: from when to when each goes, and G_TIMECODE for the days that they touch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from time import gmtime
from typing import Any

import psycopg

Span = tuple[int, int]
"""Earliest and latest time, in epoch milliseconds."""


def widened(span: Span | None, times: Sequence[int]) -> Span:
    """The span that takes in `times`, of which there is one at least, too."""
    first, last = span or (times[0], times[0])
    return min(first, min(times)), max(last, max(times))


class Days(dict[int, int]):
    """Days, counted from 1970-01-01, that were asked for, and what GSYS_PARTITION calls them: YYYYMMDD."""

    def __missing__(self, epoch_day: int) -> int:
        day = gmtime(epoch_day * 86_400)
        self[epoch_day] = found = day.tm_year * 10_000 + day.tm_mon * 100 + day.tm_mday
        return found


def fill_timecodes(cursor: psycopg.Cursor[Any], epoch_days: Iterable[int]) -> None:
    """Fills G_TIMECODE for those of the days that it does not have."""
    # Day by day: else the planner reads all of G_TIMECODE, 288 rows a day of history, in each batch.
    cursor.execute(
        """
        select idb.gsysinittimecode(n.day, n.day + 1)
        from (
            select date '1970-01-01' + d.day as day
            from unnest(%s::integer[]) as d (day)
            left join lateral (
                select t.id from idb.g_timecode as t where t.id = d.day * 86400 offset 0
            ) as t on true
            where t.id is null
        ) as n
        """,
        [sorted(epoch_days)],
    )

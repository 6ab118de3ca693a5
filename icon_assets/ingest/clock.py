"""The times of batches: from when to when each goes, and G_TIMECODE for the days that they touch."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import psycopg

from icon_assets.contract.events import TIME_FIELDS, TYPES

Span = tuple[datetime, datetime]


def spans(cursor: psycopg.Cursor[Any], types: Iterable[str]) -> dict[int, Span]:
    """Earliest and latest source time (GMT, naive as in the IDB) among the staged lines of each batch."""
    parts = " union all ".join(
        f"select batch, min(ts) as first, max(ts) as last from stage_{type_} group by batch"
        for type_ in types
    )
    if not parts:
        return {}
    found = cursor.execute(f"select batch, min(first), max(last) from ({parts}) as t group by batch")
    return {batch: (first, last) for batch, first, last in found.fetchall()}


def fill_timecodes(cursor: psycopg.Cursor[Any], types: Iterable[str]) -> None:
    """Fills G_TIMECODE for every day that a time of the staged lines lies in and that it does not have."""
    days = " union ".join(
        f"select {name}_s / 86400 as day from stage_{type_}"
        for type_ in types
        for name in TYPES[type_].__struct_fields__
        if name in TIME_FIELDS
    )
    if days:
        # Day by day: else the planner reads all of G_TIMECODE, 288 rows a day of history, in each batch.
        cursor.execute(
            f"""
            select idb.gsysinittimecode(n.day, n.day + 1)
            from (
                select date '1970-01-01' + d.day as day
                from ({days}) as d
                left join lateral (
                    select t.id from idb.g_timecode as t where t.id = d.day * 86400 offset 0
                ) as t on true
                where d.day is not null and t.id is null
            ) as n
            """
        )

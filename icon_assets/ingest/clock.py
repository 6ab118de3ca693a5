"""The times of a batch: from when to when it goes, and G_TIMECODE for the days that it touches."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import psycopg

from icon_assets.contract.events import TIME_FIELDS, TYPES


def span(cursor: psycopg.Cursor[Any], staged: dict[str, int]) -> tuple[datetime | None, datetime | None]:
    """Earliest and latest source time (GMT, naive as in the IDB) among the lines of the stage."""
    if not staged:
        return None, None
    parts = " union all ".join(
        f"select min(ts) as first, max(ts) as last from stage_{type_}" for type_ in staged
    )
    row = cursor.execute(f"select min(first), max(last) from ({parts}) as t").fetchone()
    return row or (None, None)


def fill_timecodes(cursor: psycopg.Cursor[Any], staged: dict[str, int]) -> None:
    """Fills G_TIMECODE for every day that a time of the staged lines lies in and that it does not have."""
    days = " union ".join(
        f"select {name}_s / 86400 as day from stage_{type_}"
        for type_ in staged
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

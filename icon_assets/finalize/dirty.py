"""Which days wait to be finalized, and how they fold into few ranges."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

import sqlalchemy as sa

from icon_assets.idb.schema import FINAL_TABLES

ENTITIES = tuple(FINAL_TABLES)


_WAITING = """
    with waiting as materialized (
        select entity, day, min(marked_at) as marked_at
        from ops.dirty_day
        where finalized_at is null
        group by entity, day
    )
    select entity, day
    from waiting
    where (select min(marked_at) from waiting) <= clock_timestamp() - cast(:delay as interval)
    order by day
"""


def dirty_days(engine: sa.Engine, *, delay: timedelta = timedelta(0)) -> dict[str, list[date]]:
    """Days of termination that changed since they were finalized, by entity (campaign, chain), ascending.

    None before the oldest mark is `delay` old, then all together: so no day waits for ever, and what depends
    on two days finds both.
    """
    days: dict[str, list[date]] = {entity: [] for entity in ENTITIES}
    with engine.connect() as connection:
        for entity, day in connection.execute(sa.text(_WAITING), {"delay": delay}):
            days[entity].append(day)
    return days


def are_collecting(engine: sa.Engine, delay: timedelta) -> bool:
    """Whether days are dirty, and none of them so long that they are due."""
    return any(dirty_days(engine).values()) and not any(dirty_days(engine, delay=delay).values())


def unfinalized(engine: sa.Engine, through: date) -> dict[str, list[date]]:
    """Days up to `through` that should be final and are not, by entity: empty when yesterday is done."""
    waiting = {entity: [day for day in days if day <= through] for entity, days in dirty_days(engine).items()}
    return {entity: days for entity, days in waiting.items() if days}


def ranges(days: Iterable[date], *, gap: int = 7) -> list[tuple[date, date]]:
    """Folds days into (first, last) spans, bridging up to `gap` days without work.

    A run costs seconds and an empty day in it milliseconds, so few long spans beat many short ones.
    """
    spans: list[tuple[date, date]] = []
    for day in sorted(set(days)):
        if spans and day - spans[-1][1] <= timedelta(days=gap + 1):
            spans[-1] = (spans[-1][0], day)
        else:
            spans.append((day, day))
    return spans

"""Which days wait to be finalized, and how they fold into few ranges."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

import sqlalchemy as sa

from icon_assets.idb.schema import FINAL_TABLES, dirty_day

ENTITIES = tuple(FINAL_TABLES)


def dirty_days(engine: sa.Engine) -> dict[str, list[date]]:
    """Days of termination that changed since they were finalized, by entity (campaign, chain), ascending."""
    query = (
        sa.select(dirty_day.c.entity, dirty_day.c.day)
        .where(dirty_day.c.finalized_at.is_(None))
        .distinct()
        .order_by(dirty_day.c.day)
    )
    days: dict[str, list[date]] = {entity: [] for entity in ENTITIES}
    with engine.connect() as connection:
        for entity, day in connection.execute(query):
            days[entity].append(day)
    return days


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

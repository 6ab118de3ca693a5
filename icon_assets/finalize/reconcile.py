"""Whether final is what idb says: by count and hash of each day and table, for the weekly pass."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import sqlalchemy as sa

from icon_assets.finalize.compare import differing
from icon_assets.finalize.days import portions
from icon_assets.finalize.dirty import ENTITIES
from icon_assets.finalize.ended import collect, leave_out

_MARK = """
    insert into ops.dirty_day (entity, day, reason, objects)
    select :entity, d.day, 'reconcile', 0
    from unnest(cast(:days as date[])) as d (day)
    where not exists (
        select from ops.dirty_day as x where x.entity = :entity and x.day = d.day and x.finalized_at is null
    )
    returning day
"""


def reconcile(engine: sa.Engine, first: date, last: date) -> dict[str, list[date]]:
    """Marks the days first..last of which final differs from idb, and returns them by entity.

    A day that waits to be finalized anyway is left out, and so is what was purged from idb.
    """
    days = [first + timedelta(n) for n in range((last - first).days + 1)]
    found: dict[str, list[date]] = {entity: [] for entity in ENTITIES}
    for entity in ENTITIES:
        with engine.connect() as connection:
            some = list(portions(connection, entity, days))
        for portion in some:
            with (
                engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection,
                connection.begin(),
            ):
                found[entity] += mark_differences(connection, entity, portion)
    return found


def mark_differences(connection: sa.Connection, entity: str, days: Sequence[date]) -> list[date]:
    """Marks the days of which any table of final has other rows than idb gives. Fills `ended`."""
    collect(connection, entity, days)
    leave_out(connection, entity)
    found = sorted(differing(connection, entity, days))
    marked = connection.execute(sa.text(_MARK), {"entity": entity, "days": found})
    return sorted(marked.scalars())

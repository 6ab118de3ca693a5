"""Whether final is what idb says: by count and hash of each day and table, for the weekly pass."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import sqlalchemy as sa

from icon_assets.finalize.days import portions
from icon_assets.finalize.dirty import ENTITIES
from icon_assets.finalize.ended import collect, kept
from icon_assets.finalize.rows import query
from icon_assets.idb.schema import FINAL_TABLES

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
    differing: set[date] = set()
    for table in FINAL_TABLES[entity]:
        held = (
            f"select f.* from final.{table} as f where f.final_day = any(:days) and not {kept(entity, 'f')}"
        )
        differing |= set(
            connection.execute(
                sa.text(
                    f"select coalesce(i.final_day, f.final_day) from ({_fingerprint(query(table))}) as i "
                    f"full join ({_fingerprint(held)}) as f on f.final_day = i.final_day "
                    "where (i.n, i.hash) is distinct from (f.n, f.hash)"
                ),
                {"days": list(days)},
            ).scalars()
        )
    marked = connection.execute(sa.text(_MARK), {"entity": entity, "days": list(differing)})
    return sorted(marked.scalars())


def _fingerprint(rows: str) -> str:
    """A sum of hashes needs no order, and 64 bits of each row find any difference that comes by accident."""
    return (
        "select r.final_day, count(*) as n, sum(hashtextextended(r::text, 0)) as hash "
        f"from ({rows}) as r group by r.final_day"
    )

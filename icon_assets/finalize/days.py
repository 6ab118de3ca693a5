"""Rebuilds days of final from idb: aside, compared, and swapped in one transaction."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from psycopg.types.json import Jsonb

from icon_assets.finalize.compare import differing
from icon_assets.finalize.ended import ENDED, collect, count_objects, leave_out
from icon_assets.finalize.months import make_months, missing_months
from icon_assets.idb import locks
from icon_assets.idb.schema import FINAL_TABLES

# A transaction takes whole days up to about this many objects: some 50 MB of work tables.
_OBJECTS_AT_ONCE = 50_000
# Marks of rows that the marts read from idb: the day's marts must be rebuilt although final is the same.
_BESIDE_FINAL = {"call", "metric"}
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FinalDay:
    """One finalized day. `changed`: its rows differ from before, or what the marts read beside them does.

    `set_aside` chains ended that day too, but are not in final: see ops.set_aside.
    """

    entity: str
    day: date
    changed: bool
    objects: int
    rows: dict[str, int] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    set_aside: int = 0


def finalize(
    engine: sa.Engine, entity: str, first: date, last: date, *, days: Sequence[date] | None = None
) -> list[FinalDay]:
    """Rebuilds the days first..last (or those of `days`) of `entity`, "campaign" or "chain".

    A reader sees each day as it was or as it is now. A day without change is left untouched.
    """
    wanted = (
        sorted(days) if days is not None else [first + timedelta(n) for n in range((last - first).days + 1)]
    )
    done: dict[date, FinalDay] = {}
    # The work goes over the connection that holds the lock: neither is lost without the other.
    with engine.connect() as connection:
        try:
            locks.hold(connection.exec_driver_sql, locks.FINALIZE[entity], session=True)
            found = list(portions(connection, entity, wanted))
            connection.commit()
            for some in found:
                if rest := [day for day in some if day not in done]:
                    done |= {result.day: result for result in _finalize(engine, connection, entity, rest)}
            locks.release(connection.exec_driver_sql)
            connection.commit()
        except BaseException:
            connection.invalidate()  # closes it, and the lock ends with it
            raise
    return [done[day] for day in wanted]


def finalized_since(engine: sa.Engine, entity: str, since: datetime) -> list[FinalDay]:
    """What final holds of the days that have changed since then."""
    query = """
        select day, objects, rows from ops.final_day
        where entity = :entity and finalized_at > :since
        order by day
    """
    with engine.connect() as connection:
        found = connection.execute(sa.text(query), {"entity": entity, "since": since})
        return [FinalDay(entity, day, False, objects, rows) for day, objects, rows in found]


def portions(connection: sa.Connection, entity: str, days: Sequence[date]) -> Iterator[list[date]]:
    """The days in order, as many at once as a transaction should hold."""
    if not days:
        return
    counts: dict[date, int] = dict(
        connection.execute(
            sa.text(
                f"select ended::date, count(*) from {ENDED[entity]} "
                "where ended >= cast(:first as date) and ended < cast(:last as date) + 1 group by 1"
            ),
            {"first": days[0], "last": days[-1]},
        )
        .tuples()
        .all()
    )
    portion: list[date] = []
    objects = 0
    for day in days:
        if portion and objects + counts.get(day, 0) > _OBJECTS_AT_ONCE:
            yield portion
            portion, objects = [], 0
        portion.append(day)
        objects += counts.get(day, 0)
    yield portion


def _finalize(engine: sa.Engine, connection: sa.Connection, entity: str, days: list[date]) -> list[FinalDay]:
    """One transaction, one snapshot: the marks taken, the rows built, compared and swapped."""
    while True:
        with connection.begin() as transaction:
            connection.execute(sa.text("set transaction isolation level repeatable read"))
            days = sorted({*days, *_left_days(connection, entity)})
            collect(connection, entity, days)
            missing = missing_months(connection, entity, count_objects(connection, entity, days))
            if not missing:
                return _rebuild(connection, entity, days)
            transaction.rollback()
        make_months(engine, entity, missing)


def _left_days(connection: sa.Connection, entity: str) -> list[date]:
    """Days that lose an object to another one go with it: no reader may see the object on both."""
    return list(
        connection.execute(
            sa.text(
                "select distinct day from ops.dirty_day "
                "where entity = :entity and finalized_at is null and reason in ('moved', 'reopened')"
            ),
            {"entity": entity},
        ).scalars()
    )


def _rebuild(connection: sa.Connection, entity: str, days: list[date]) -> list[FinalDay]:
    left_out = leave_out(connection, entity)
    objects = count_objects(connection, entity, days)
    reasons = _take_marks(connection, entity, days)
    held = {
        day: dict(rows)
        for day, rows in connection.execute(
            sa.text("select day, rows from ops.final_day where entity = :entity and day = any(:days)"),
            {"entity": entity, "days": days},
        )
    }
    stale = differing(connection, entity, sorted(held))
    changed = stale | (objects.keys() - held.keys())
    _replace(connection, entity, sorted(changed), sorted(stale))
    rows = held | _count(connection, entity, sorted(changed))
    beside = {day for day in objects if _BESIDE_FINAL & reasons.get(day, set())}
    results = [
        FinalDay(
            entity,
            day,
            day in changed | beside,
            objects.get(day, 0),
            rows.get(day, {}),
            tuple(sorted(reasons.get(day, ()))),
            sum(chain["final_day"] == day for chain in left_out),
        )
        for day in days
    ]
    _record(connection, results)
    if entity == "chain":
        _set_aside(connection, days, left_out)
    return results


def _set_aside(connection: sa.Connection, days: list[date], chains: list[dict[str, Any]]) -> None:
    """Brings ops.set_aside up to date, for whoever asks where a chain is."""
    connection.execute(sa.text("delete from ops.set_aside where final_day = any(:days)"), {"days": days})
    if not chains:
        return
    connection.execute(
        sa.text("insert into ops.set_aside values (:final_day, :chainguid, :ocsid, :rows)"), chains
    )
    for chain in chains:
        _log.warning("Chain %(chainguid)s of OCS %(ocsid)s is set aside: %(rows)s history rows.", chain)


def _take_marks(connection: sa.Connection, entity: str, days: list[date]) -> dict[date, set[str]]:
    """Stamps the marks that this rebuild answers; one that commits later stays for the next."""
    marks = connection.execute(
        sa.text(
            "update ops.dirty_day set finalized_at = clock_timestamp() "
            "where entity = :entity and day = any(:days) and finalized_at is null returning day, reason"
        ),
        {"entity": entity, "days": days},
    )
    reasons: dict[date, set[str]] = {}
    for day, reason in marks:
        reasons.setdefault(day, set()).add(reason)
    return reasons


def _replace(connection: sa.Connection, entity: str, days: list[date], held: list[date]) -> None:
    """Writes the rows of `days`, in place of what final has of those it `held`; `ended` keeps no others."""
    if days:
        connection.execute(sa.text("delete from ended where not final_day = any(:days)"), {"days": days})
    for table in FINAL_TABLES[entity] if days else ():
        connection.execute(sa.text(f"select final.swap('{table}', :held)"), {"held": held})


def _count(connection: sa.Connection, entity: str, days: list[date]) -> dict[date, dict[str, int]]:
    """Rows of each day by table, as final now has them."""
    rows: dict[date, dict[str, int]] = {day: {} for day in days}
    if not days:
        return rows
    counts = " union all ".join(
        f"select '{table}', final_day, count(*) from final.{table} where final_day = any(:days) group by 2"
        for table in FINAL_TABLES[entity]
    )
    for table, day, n in connection.execute(sa.text(counts), {"days": days}):
        rows[day][table] = n
    return rows


def _record(connection: sa.Connection, results: list[FinalDay]) -> None:
    """Brings ops.final_day up to date: a changed day gets a higher version."""
    rows = [
        {"entity": r.entity, "day": r.day, "objects": r.objects, "rows": Jsonb(r.rows)}
        for r in results
        if r.changed
    ]
    if rows:
        connection.execute(
            sa.text(
                """
                insert into ops.final_day (entity, day, version, objects, rows)
                values (:entity, :day, nextval('ops.final_version'), :objects, :rows)
                on conflict (entity, day) do update set
                version = excluded.version,
                objects = excluded.objects,
                rows = excluded.rows,
                finalized_at = clock_timestamp()
                """
            ),
            rows,
        )

"""Rebuilds days of final from idb: aside, compared, and swapped in one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import sqlalchemy as sa
from psycopg.types.json import Jsonb

from icon_assets.finalize.rows import KEYS, query
from icon_assets.idb.schema import FINAL_TABLES

# A transaction takes whole days up to about this many objects: some 50 MB of work tables.
_OBJECTS_AT_ONCE = 50_000
# Marks of rows that the marts read from idb: the day's marts must be rebuilt although final is the same.
_BESIDE_FINAL = {"call", "metric"}
_BASE = {entity: tables[0] for entity, tables in FINAL_TABLES.items()}
# Serializes finalizers of one entity, across all processes.
_LOCK = {"campaign": 0x1C0F01, "chain": 0x1C0F02}


@dataclass(frozen=True)
class FinalDay:
    """One finalized day. `changed`: its rows differ from before, or what the marts read beside them does."""

    entity: str
    day: date
    changed: bool
    objects: int
    rows: dict[str, int] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()


def finalize(
    engine: sa.Engine, entity: str, first: date, last: date, *, days: Sequence[date] | None = None
) -> list[FinalDay]:
    """Rebuilds the days first..last (or those of `days`) of `entity`, "campaign" or "chain".

    A reader sees each day as it was or as it is now. A day without change is left untouched.
    """
    wanted = (
        sorted(days) if days is not None else [first + timedelta(n) for n in range((last - first).days + 1)]
    )
    done: list[FinalDay] = []
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # Before the transaction: a repeatable-read snapshot must not be older than the lock.
        connection.execute(sa.text("select pg_advisory_lock(:key)"), {"key": _LOCK[entity]})
        try:
            for some in _portions(connection, entity, wanted):
                done += _finalize(engine, entity, some)
        finally:
            connection.execute(sa.text("select pg_advisory_unlock(:key)"), {"key": _LOCK[entity]})
    return done


def _portions(connection: sa.Connection, entity: str, days: Sequence[date]) -> Iterator[list[date]]:
    """The days in order, as many at once as a transaction should hold."""
    if not days:
        return
    counts: dict[date, int] = dict(
        connection.execute(
            sa.text(
                f"select terminated::date, count(*) from idb.{_BASE[entity]} "
                "where terminated >= :first and terminated < :last + 1 group by 1"
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


def _finalize(engine: sa.Engine, entity: str, days: list[date]) -> list[FinalDay]:
    """One transaction, one snapshot: the marks taken, the rows built, compared and swapped."""
    with (
        engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection,
        connection.begin(),
    ):
        reasons = _take_marks(connection, entity, days)
        objects = _collect_ended(connection, entity, days)
        held = {
            day: dict(rows)
            for day, rows in connection.execute(
                sa.text("select day, rows from ops.final_day where entity = :entity and day = any(:days)"),
                {"entity": entity, "days": days},
            )
        }
        _ensure_months(connection, entity, [day for day in days if objects.get(day)])
        fresh = [day for day in days if day not in held]
        rows: dict[date, dict[str, int]] = {day: {} for day in days}
        changed = {day for day in fresh if objects.get(day)}
        _insert_fresh(connection, entity, [day for day in fresh if objects.get(day)], rows)
        changed |= _swap(connection, entity, list(held), rows)
        results = [
            FinalDay(
                entity,
                day,
                day in changed or bool(_BESIDE_FINAL & reasons.get(day, set()) and objects.get(day)),
                objects.get(day, 0),
                rows[day],
                tuple(sorted(reasons.get(day, ()))),
            )
            for day in days
        ]
        _record(connection, results)
    return results


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


def _collect_ended(connection: sa.Connection, entity: str, days: list[date]) -> dict[date, int]:
    """Fills `ended` with the objects that ended on these days; returns how many on each."""
    key = ", ".join(f"b.{name}" for name in KEYS[entity])
    connection.execute(
        sa.text(
            f"""
            create temporary table ended on commit drop as
            select b.terminated::date as final_day, {key}, null::varchar as synthetic_close
            from idb.{_BASE[entity]} as b
            where
                b.terminated >= cast(:first as date) and b.terminated < cast(:last as date) + 1
                and b.terminated::date = any(:days)
            """
        ),
        {"first": days[0], "last": days[-1], "days": days},
    )
    connection.execute(sa.text("analyze ended"))
    return dict(
        connection.execute(sa.text("select final_day, count(*) from ended group by 1")).tuples().all()
    )


def _ensure_months(connection: sa.Connection, entity: str, days: list[date]) -> None:
    """Partitions are months: 11 tables by day were 5,000 relations a year and a half, out of lock space."""
    for month in sorted({day.replace(day=1) for day in days}):
        following = (month + timedelta(days=32)).replace(day=1)
        for table in FINAL_TABLES[entity]:
            connection.execute(
                sa.text(
                    f"create table if not exists final.{table}_{month:%Y%m} partition of final.{table} "
                    f"for values from ('{month}') to ('{following}')"
                )
            )


def _count(connection: sa.Connection, relation: str, table: str, rows: dict[date, dict[str, int]]) -> None:
    counted = connection.execute(sa.text(f"select final_day, count(*) from {relation} group by 1"))
    for day, n in counted:
        rows[day][table] = n


def _insert_fresh(
    connection: sa.Connection, entity: str, days: list[date], rows: dict[date, dict[str, int]]
) -> None:
    """Days that final has never held need no comparison: they go straight in."""
    if not days:
        return
    for table in FINAL_TABLES[entity]:
        counted = connection.execute(
            sa.text(
                f"with inserted as (insert into final.{table} select * from ({query(table)}) as q "
                "where q.final_day = any(:days) returning final_day) "
                "select final_day, count(*) from inserted group by 1"
            ),
            {"days": days},
        )
        for day, n in counted:
            rows[day][table] = n


def _swap(
    connection: sa.Connection, entity: str, days: list[date], rows: dict[date, dict[str, int]]
) -> set[date]:
    """Builds the days aside, and replaces those of which any table differs; returns these."""
    if not days:
        return set()
    differs: set[date] = set()
    for table in FINAL_TABLES[entity]:
        aside = f"aside_{table}"
        connection.execute(
            sa.text(
                f"create temporary table {aside} on commit drop as "
                f"select * from ({query(table)}) as q where q.final_day = any(:days)"
            ),
            {"days": days},
        )
        _count(connection, aside, table, rows)
        current = f"select * from final.{table} where final_day = any(:days)"
        differs |= set(
            connection.execute(
                sa.text(
                    f"select final_day from (({current}) except table {aside}) as gone "
                    f"union select final_day from (table {aside} except ({current})) as come"
                ),
                {"days": days},
            ).scalars()
        )
    if differs:
        for table in FINAL_TABLES[entity]:
            where = {"days": sorted(differs)}
            connection.execute(sa.text(f"delete from final.{table} where final_day = any(:days)"), where)
            connection.execute(
                sa.text(
                    f"insert into final.{table} select * from aside_{table} where final_day = any(:days)"
                ),
                where,
            )
    return differs


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

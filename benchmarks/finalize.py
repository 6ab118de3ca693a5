"""Finalization of a day and of all, against plain INSERT ... SELECT; whether days grow dearer with time."""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path
from statistics import median

import sqlalchemy as sa

from benchmarks.databases import fresh
from benchmarks.loader import load
from benchmarks.measure import Figure, pairs, seconds
from icon_assets.database import Database
from icon_assets.finalize.days import finalize
from icon_assets.finalize.dirty import dirty_days
from icon_assets.finalize.ended import ENDED
from icon_assets.idb.final_rows import KEYS
from icon_assets.idb.schema import FINAL_TABLES, final, idb
from icon_assets.server import EmbeddedServer

Spans = dict[str, tuple[date, date]]

_PAIRS = 5
_PASSES = 3


def figures(server: EmbeddedServer, landing: str, var: Path) -> list[Figure]:
    """Every day at once and the busiest day; built for the first time, and found unchanged."""
    with fresh(server, var) as database:
        load(database, landing)
        # What autovacuum does within a minute; until then the planner guesses; figures had two levels.
        with database.connect(autocommit=True) as connection:
            connection.execute("analyze")
        spans = {entity: (days[0], days[-1]) for entity, days in dirty_days(database.engine).items() if days}
        busiest = _busiest(database)
        days = dirty_days(database.engine)["chain"]
        return [
            *(
                figure
                for name, span in (("every day", spans), ("a day", dict.fromkeys(spans, (busiest, busiest))))
                for figure in _against_insert(database, name, span)
            ),
            Figure(
                "finalize a day of the last fifth / one as large of the first",
                [_flatness(database, days) for _ in range(_PASSES)],
            ),
        ]


def _against_insert(database: Database, name: str, spans: Spans) -> list[Figure]:
    notes: dict[str, float | int | str] = {}

    def first() -> float:
        _forget(database)
        return 1 / seconds(lambda: notes.update(_finalize(database, spans)))

    def again() -> float:
        return 1 / seconds(lambda: _finalize(database, spans))

    def plain() -> float:
        _prepare(database)
        return 1 / seconds(lambda: _insert(database, spans))

    return [
        Figure(f"finalize {name} / INSERT ... SELECT", pairs(first, plain, _PAIRS), bar=0.6, notes=notes),
        Figure(f"finalize {name} again, unchanged / the same", pairs(again, plain, _PAIRS)),
    ]


def _flatness(database: Database, days: list[date]) -> float:
    """All days, one by one: how fast late days are against early ones of about their size."""
    _forget(database)
    taken: list[tuple[int, float]] = []
    for day in days:
        start = time.perf_counter()
        (done,) = finalize(database.finalizer, "chain", day, day)
        taken.append((sum(done.rows.values()), time.perf_counter() - start))
    early, late = taken[: len(days) // 5], taken[-len(days) // 5 :]
    return median(
        min(early, key=lambda day: abs(day[0] - rows))[1] / seconds_taken for rows, seconds_taken in late
    )


def _busiest(database: Database) -> date:
    query = "select ended::date from ops.ended_chain group by 1 order by count(*) desc limit 1"
    with database.engine.connect() as connection:
        return date.fromisoformat(str(connection.execute(sa.text(query)).scalar_one()))


def _finalize(database: Database, spans: Spans) -> dict[str, int]:
    done = [
        day
        for entity, (first, last) in spans.items()
        for day in finalize(database.finalizer, entity, first, last)
    ]
    return {"days": len(done), "rows": sum(sum(day.rows.values()) for day in done)}


def _forget(database: Database) -> None:
    with database.engine.begin() as connection:
        for table in _tables():
            connection.execute(sa.text(f"truncate final.{table}"))
        connection.execute(sa.text("truncate ops.final_day"))


def _tables() -> list[str]:
    return [table for tables in FINAL_TABLES.values() for table in tables]


def _prepare(database: Database) -> None:
    """Tables with the keys of final, in one piece."""
    with database.engine.begin() as connection:
        connection.execute(sa.text("drop schema if exists plain cascade"))
        connection.execute(sa.text("create schema plain"))
        for table in _tables():
            connection.execute(sa.text(f"create table plain.{table} (like final.{table} including all)"))
            if "derived" in final(table).columns:
                connection.execute(sa.text(f"alter table plain.{table} alter derived drop not null"))


def _insert(database: Database, spans: Spans) -> None:
    """The limit: what idb has, nothing derived, nothing compared, planned as ours is."""
    with database.engine.begin() as connection:
        connection.execute(sa.text("set local random_page_cost = 1.1"))
        for entity, (first, last) in spans.items():
            for table in FINAL_TABLES[entity]:
                names = [column.name for column in final(table).columns if column.name in idb(table).columns]
                match = " and ".join(f"h.{name} = e.{name}" for name in KEYS[entity])
                connection.execute(
                    sa.text(
                        f"insert into plain.{table} (final_day, {', '.join(names)}) "
                        f"select e.ended::date, {', '.join(f'h.{name}' for name in names)} "
                        f"from {ENDED[entity]} as e inner join idb.{table} as h on {match} "
                        "where e.ended >= cast(:first as date) and e.ended < cast(:last as date) + 1"
                    ),
                    {"first": first, "last": last},
                )

"""Finalization of every day in one call, against plain INSERT ... SELECT of the same rows."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import sqlalchemy as sa

from benchmarks.databases import fresh
from benchmarks.ingest import load
from benchmarks.measure import Figure, pairs, seconds
from icon_assets.database import Database
from icon_assets.finalize.days import finalize
from icon_assets.finalize.dirty import dirty_days
from icon_assets.finalize.ended import ENDED
from icon_assets.finalize.rows import KEYS
from icon_assets.idb.schema import FINAL_TABLES, final, idb
from icon_assets.server import EmbeddedServer

_PAIRS = 5


def figures(server: EmbeddedServer, landing: str, var: Path) -> list[Figure]:
    """Both directions of a day: built for the first time, and found unchanged."""
    with fresh(server, var) as database:
        load(database, landing)
        days = {entity: found for entity, found in dirty_days(database.engine).items() if found}
        notes: dict[str, float | int | str] = {}

        def ours() -> float:
            _forget(database)
            taken = seconds(lambda: _finalize(database, days, notes))
            notes["seconds"] = round(taken, 1)
            return 1 / taken

        def plain() -> float:
            _prepare(database)
            return 1 / seconds(lambda: _insert(database))

        first = pairs(ours, plain, _PAIRS)
        again = pairs(lambda: 1 / seconds(lambda: _finalize(database, days, {})), plain, _PAIRS)
    return [
        Figure("finalize / INSERT ... SELECT of the same rows", first, bar=0.5, notes=notes),
        Figure("finalize again, unchanged / the same", again, bar=0.8),
    ]


def _finalize(database: Database, days: dict[str, list[date]], notes: dict[str, float | int | str]) -> None:
    done = [
        day
        for entity, found in days.items()
        for day in finalize(database.engine, entity, found[0], found[-1])
    ]
    notes |= {"days": len(done), "rows": sum(sum(day.rows.values()) for day in done)}


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


def _insert(database: Database) -> None:
    """The limit: what idb has, nothing derived, nothing compared."""
    with database.engine.begin() as connection:
        for entity, tables in FINAL_TABLES.items():
            for table in tables:
                names = [column.name for column in final(table).columns if column.name in idb(table).columns]
                match = " and ".join(f"h.{name} = e.{name}" for name in KEYS[entity])
                connection.execute(
                    sa.text(
                        f"insert into plain.{table} (final_day, {', '.join(names)}) "
                        f"select e.ended::date, {', '.join(f'h.{name}' for name in names)} "
                        f"from {ENDED[entity]} as e inner join idb.{table} as h on {match}"
                    )
                )

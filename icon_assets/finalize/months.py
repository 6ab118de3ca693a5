"""The partitions of final: one a month and table, made when the first object of the month has ended."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import sqlalchemy as sa

from icon_assets.idb.schema import FINAL_TABLES


def missing_months(connection: sa.Connection, entity: str, days: Iterable[date]) -> list[date]:
    """First days of the months that these days need and final lacks."""
    table = FINAL_TABLES[entity][-1]  # the tables of an entity are made together
    months = sorted({day.replace(day=1) for day in days})
    names = [f"final.{table}_{month:%Y%m}" for month in months]
    known = connection.execute(
        sa.text("select to_regclass(name) is not null from unnest(cast(:names as text[])) as name"),
        {"names": names},
    ).scalars()
    return [month for month, exists in zip(months, known, strict=True) if not exists]


def make_months(engine: sa.Engine, entity: str, months: Iterable[date]) -> None:
    """Has the owner make the tables and attach them: that locks out no reader, which `partition of` would."""
    for month in months:
        with engine.begin() as connection:
            for table in FINAL_TABLES[entity]:
                connection.execute(
                    sa.text("select final.make_month(:name, :month)"), {"name": table, "month": month}
                )

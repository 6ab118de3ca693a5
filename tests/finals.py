"""A small deployment for tests of finalization: load events, finalize what is due, look at the tables."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from icon_assets.contract.landing import Landing
from icon_assets.database import Database
from icon_assets.finalize.close import Closed, close_lost
from icon_assets.finalize.days import FinalDay, finalize
from icon_assets.finalize.dirty import dirty_days
from icon_assets.idb.schema import FINAL_TABLES
from icon_assets.ingest.drain import drain
from tests.batches import DAY, T0, write
from tests.databases import Asked

TODAY = date(2025, 11, 22)  # of T0
TABLES = {name: entity for entity, names in FINAL_TABLES.items() for name in names}
FIELDS = [
    {"type": "object", "ts": T0 - DAY, "kind": "field", "dbid": dbid, "name": f"f{dbid}", "status": "active",
     "icon_attribute": attribute}
    for dbid, attribute in ((8001, 1), (8002, 2))
]  # fmt: skip


def day(n: int) -> date:
    """The day n days after that of T0."""
    return datetime.fromtimestamp((T0 + n * DAY) / 1000, UTC).date()


class Site(Asked):
    """One project instance with its landing zone."""

    def __init__(self, database: Database, landing: Path) -> None:
        self.database = database
        self.engine = database.engine
        self.landing = landing
        self._numbers = itertools.count(1)

    def load(self, *events: dict[str, Any], **header: Any) -> None:
        """Loads the events as one batch."""
        write(self.landing, f"batch-{next(self._numbers):04}", list(events), **header)
        drained = drain(self.database.loader, Landing(str(self.landing)))
        assert not drained.refused
        assert drained.quarantined == 0
        assert drained.batches == 1

    def config(self, *events: dict[str, Any]) -> None:
        self.load(*events, source="config", dbid=99)

    def calls(self, *events: dict[str, Any]) -> None:
        self.load(*events, source="tserver", dbid=201)

    def dirty(self) -> dict[str, list[date]]:
        return dirty_days(self.engine)

    def reasons(self) -> set[tuple[str, date, str]]:
        """The marks that stand."""
        found = self.rows("select entity, day, reason from ops.dirty_day where finalized_at is null")
        return {(entity, marked, reason) for entity, marked, reason in found}

    def finalize(self) -> list[FinalDay]:
        """Rebuilds every dirty day."""
        return [
            done
            for entity, days in self.dirty().items()
            if days
            for done in finalize(self.database.finalizer, entity, days[0], days[-1], days=days)
        ]

    def close(self, **limits: Any) -> Closed:
        return close_lost(self.database.finalizer, **limits)

    def run(self, *statements: str) -> None:
        with self.engine.begin() as connection:
            for statement in statements:
                connection.execute(sa.text(statement))

    def days_of(self, table: str) -> dict[date, int]:
        """Rows of final.`table` by day."""
        return dict(self.rows(f"select final_day, count(*) from final.{table} group by 1"))

    def final(self) -> dict[str, list[Any]]:
        """All of final, to compare."""
        return {name: sorted(self.rows(f"select f::text from final.{name} as f")) for name in TABLES}

    def stored(self) -> dict[str, list[Any]]:
        """Where each row of final stands and what wrote it: what is not rewritten keeps both."""
        return {
            name: sorted(self.rows(f"select tableoid, ctid::text, xmin::text from final.{name}"))
            for name in TABLES
        }

    def versions(self) -> dict[tuple[str, date], int]:
        return {(e, d): v for e, d, v in self.rows("select entity, day, version from ops.final_day")}

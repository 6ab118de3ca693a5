"""Loading for tests: batches straight into a database, and what the IDB then holds."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from icon_assets.contract.landing import Landing
from icon_assets.database import Database
from icon_assets.idb.catalogue import catalogue
from icon_assets.ingest.deployment import EVERYTHING, Deployment
from icon_assets.ingest.drain import Drained, drain
from tests import batches
from tests.databases import Asked

Events = list[dict[str, Any]]

# What depends on the order of loading, or on how lines were cut into batches, and on nothing else.
_OF_LOADING = ("id", "chid", "phid", "dss_id", "fevent_", "levent_", "gsys_")


class Loader(Asked):
    """Writes batches into a landing zone of its own and loads each at once."""

    def __init__(self, database: Database, landing: Path, deployment: Deployment = EVERYTHING) -> None:
        self.database = database
        self.landing = landing
        self.deployment = deployment
        self.names = 0

    def __call__(self, events: Events, name: str = "", **header: Any) -> Drained:
        """Loads one batch; a batch without a name has one of its own."""
        self.names += 1
        batches.write(self.landing, name or f"b{self.names}", events, **header)
        return self.drain()

    def clear(self) -> None:
        """Empties what a load fills, and the landing zone."""
        for path in self.landing.iterdir():
            path.unlink()
        tables = [f"idb.{name}" for name in catalogue().tables if name != "g_dictionary"]
        tables += [
            f"ops.{name}"
            for name in (
                "quarantine",
                "landing_file",
                "dirty_day",
                "synthetic_close",
                "cti_database",
                "batch",
            )
        ]
        with self.database.connect() as connection:  # truncate costs 10 ms a table
            connection.execute("; ".join(f"delete from {table}" for table in tables))

    def config(self, *objects: dict[str, Any]) -> Drained:
        return self([*objects], source="config", dbid=batches.CONFIG)

    def tserver(self, *events: dict[str, Any], **header: Any) -> Drained:
        return self([*events], **{"source": "tserver", "dbid": batches.TSERVER, **header})

    def drain(self, **more: Any) -> Drained:
        return drain(self.database.loader, Landing(str(self.landing)), deployment=self.deployment, **more)

    def count(self, table: str, where: str = "true") -> int:
        return int(self.one(f"select count(*) from {table} where {where}"))

    def quarantine(self) -> list[tuple[int, str, str]]:
        return self.rows("select line, type, reason from ops.quarantine order by batch_id, line")

    def tables(self, without: Iterable[str] = ()) -> dict[str, list[tuple[Any, ...]]]:
        """All rows of the IDB but for what depends on loading, so that two loads can be compared."""
        found = {}
        for table in catalogue().tables.values():
            columns = [
                c.name for c in table.columns if not c.name.startswith(_OF_LOADING) or c.name in table.key
            ]
            columns = [name for name in columns if name != "dss_id" and name not in without]
            found[table.name] = sorted(
                self.rows(f"select {', '.join(columns)} from idb.{table.name}"), key=repr
            )
        return found

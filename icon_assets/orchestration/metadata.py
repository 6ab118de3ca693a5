"""What the UI shows of a table and of a run: columns, counts, lag; made of catalogue and plain values."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from icon_assets.finalize.close import Closed
from icon_assets.finalize.days import FinalDay
from icon_assets.finalize.purge import Purged
from icon_assets.idb.roles import SECRETS
from icon_assets.idb.schema import idb
from icon_assets.ingest.cti import Copied
from icon_assets.ingest.drain import Drained
from icon_assets.pages import address
from icon_assets.settings import Settings

Metadata = dict[str, dg.MetadataValue]


# Who answers for everything but the marts, of which dbt's groups say it.
DATA_ENGINEERING = ["team:data-engineering"]
_IN_CLEAR = {"icon/values": "clear"}


def team(name: str) -> str:
    """A team as Dagster writes owners."""
    return f"team:{re.sub(r'[^a-z0-9]+', '-', name.lower()).strip('-')}"


def table_tags(*tables: str) -> Mapping[str, str]:
    """Says, to be searched for, where one of the tables holds customers' numbers or protected values."""
    return _IN_CLEAR if set(tables) & SECRETS.keys() else {}


def table_metadata(table: sa.Table) -> Mapping[str, object]:
    """Name, columns and key of a table."""
    return {
        "dagster/table_name": table.fullname,
        "dagster/column_schema": dg.TableSchema(columns=[_column(column) for column in table.columns]),
        "key": dg.MetadataValue.text(", ".join(column.name for column in _key(table))),
    }


def final_metadata(tables: Sequence[sa.Table]) -> Mapping[str, object]:
    """Of tables that are finalized together, columns of all but the first by both names; each is idb's."""
    base = tables[0]
    named = {
        column.name if table is base else f"{table.name}.{column.name}": column
        for table in tables
        for column in table.columns
        if table is base or column.name != "final_day"
    }
    return {
        **table_metadata(base),
        "dagster/column_schema": dg.TableSchema(
            columns=[_column(column, name) for name, column in named.items()]
        ),
        "dagster/column_lineage": dg.TableColumnLineage(
            {
                name: [dg.TableColumnDep(dg.AssetKey(["idb", column.table.name]), column.name)]
                for name, column in named.items()
                if column.name in idb(column.table.name).columns
            }
        ),
    }


def _column(column: sa.Column[Any], name: str | None = None) -> dg.TableColumn:
    type_ = str(column.type.compile(dialect=postgresql.dialect())).partition(" COLLATE")[0]  # type: ignore[no-untyped-call]
    return dg.TableColumn(name or column.name, type_.lower(), description=column.comment)


def _key(table: sa.Table) -> Iterable[sa.Column[Any]]:
    """The primary key, or the unique constraint that stands for one where a part may be null."""
    unique = (key for key in table.constraints if isinstance(key, sa.UniqueConstraint))
    return table.primary_key.columns or next(unique).columns


def page_link(settings: Settings, page: Path, fragment: str = "") -> dg.MetadataValue:
    """A link to a page, and a place in it, that the UI can follow; else the path, to open from disk."""
    url = address(settings, page)
    return dg.MetadataValue.url(f"{url}{fragment}") if url else dg.MetadataValue.path(page)


def drain_metadata(drained: Drained, now: datetime) -> Metadata:
    """What one drain did, in numbers that the UI plots."""
    counts = {
        "batches": drained.batches,
        "known batches": drained.known_batches,
        "events": drained.events,
        "new": drained.new,
        "known": drained.known,
        "filtered": drained.filtered,
        "quarantined": drained.quarantined,
        "files waiting": drained.waiting,
        "files refused": len(drained.refused),
    }
    values: Metadata = {name: dg.MetadataValue.int(n) for name, n in counts.items()}
    return values | _lag(drained.last_ts, now)


def _lag(newest: datetime | None, now: datetime) -> Metadata:
    """How old the newest event is; a source's clock may run ahead of ours."""
    if newest is None:
        return {}
    return {"lag (s)": dg.MetadataValue.float(round(max(0.0, (now - newest).total_seconds()), 1))}


def copied_metadata(copied: Copied, now: datetime) -> Metadata:
    """What one copy of calls did, and whether it could."""
    loaded = copied.loaded
    counts = {
        "batches": loaded.batches,
        "known batches": loaded.known_batches,
        "rows copied": loaded.rows.total(),
        "known": loaded.known,
        "quarantined": loaded.quarantined,
        "batches refused": len(loaded.refused),
        "days marked": copied.days,
    }
    return {
        "place": dg.MetadataValue.text(copied.place),
        "reachable": dg.MetadataValue.bool(copied.fault is None),
        **({"fault": dg.MetadataValue.text(copied.fault)} if copied.fault else {}),
        **{name: dg.MetadataValue.int(n) for name, n in counts.items()},
        **_lag(copied.through_ts, now),
    }


def day_metadata(day: FinalDay) -> Metadata:
    """What the rebuild of one day found."""
    return {
        "changed": dg.MetadataValue.bool(day.changed),
        "objects": dg.MetadataValue.int(day.objects),
        "dagster/partition_row_count": dg.MetadataValue.int(sum(day.rows.values())),
        "rows": dg.MetadataValue.json(dict(day.rows)),
        "reasons": dg.MetadataValue.text(", ".join(day.reasons) or "asked for"),
    }


def days_metadata(days: Iterable[FinalDay]) -> Metadata:
    """What the rebuild of many days found, added up by entity."""
    rebuilt = list(days)
    values: Metadata = {}
    for entity in sorted({day.entity for day in rebuilt}):
        mine = [day for day in rebuilt if day.entity == entity]
        values[f"{entity} days"] = dg.MetadataValue.int(len(mine))
        values[f"{entity} days changed"] = dg.MetadataValue.int(sum(day.changed for day in mine))
        values[f"{entity} objects"] = dg.MetadataValue.int(sum(day.objects for day in mine))
    return values


def purged_metadata(purged: Purged) -> Metadata:
    """What idb gave up."""
    values: Metadata = {
        "days purged": dg.MetadataValue.int(len(purged.days)),
        "chains purged": dg.MetadataValue.int(purged.chains),
        "rows purged": dg.MetadataValue.int(purged.rows),
    }
    if purged.days:
        values["last day purged"] = dg.MetadataValue.text(purged.days[-1].isoformat())
    return values


def closed_metadata(closed: Closed) -> Metadata:
    """What was closed for lack of an end, and what of that was taken back."""
    counts = {
        "chains closed artificially": closed.chains,
        "sessions closed artificially": closed.sessions,
        "artificial closes undone": closed.undone,
    }
    return {name: dg.MetadataValue.int(n) for name, n in counts.items()}

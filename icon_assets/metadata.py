"""What the UI shows of a table and of a run: columns, counts, lag; made of catalogue and plain values."""

from collections.abc import Iterable, Mapping
from datetime import datetime

import dagster as dg

from icon_assets.finalize.close import Closed
from icon_assets.finalize.days import FinalDay
from icon_assets.idb.catalogue import Table
from icon_assets.ingest.cti import Copied
from icon_assets.ingest.drain import Drained

Metadata = dict[str, dg.MetadataValue]


def table_metadata(schema: str, table: Table, columns: Iterable[dg.TableColumn] = ()) -> Mapping[str, object]:
    """Name and columns of a table that follows the catalogue, after `columns` of our own."""
    catalogued = (
        dg.TableColumn(column.name, column.type, description=column.comment) for column in table.columns
    )
    return {
        "dagster/table_name": f"{schema}.{table.name}",
        "dagster/column_schema": dg.TableSchema(columns=[*columns, *catalogued]),
        "key": dg.MetadataValue.text(", ".join(table.key)),
    }


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


def closed_metadata(closed: Closed) -> Metadata:
    """What was closed for lack of an end, and what of that was taken back."""
    counts = {
        "chains closed artificially": closed.chains,
        "sessions closed artificially": closed.sessions,
        "artificial closes undone": closed.undone,
    }
    return {name: dg.MetadataValue.int(n) for name, n in counts.items()}

"""The IDB as assets, one a table, all filled by one drain of the landing zone."""

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg

from icon_assets.contract.landing import Landing
from icon_assets.database import Database
from icon_assets.idb.catalogue import Table, catalogue
from icon_assets.idb.ops import batch
from icon_assets.idb.schema import idb
from icon_assets.ingest.deployment import read_deployment
from icon_assets.ingest.drain import drain
from icon_assets.orchestration.assets.landing import EVENT_BATCHES
from icon_assets.orchestration.glance import glance
from icon_assets.orchestration.metadata import DATA_ENGINEERING, drain_metadata, table_metadata, table_tags
from icon_assets.orchestration.progress import Progress
from icon_assets.settings import Settings

LEDGER = dg.AssetKey(["ops", "batch"])


class DrainConfig(dg.Config):
    """How many files one run takes; none: all that are there."""

    limit: int | None = None


# The last batches by their key, since the ledger grows for ever.
_BY_DAY = """
    select
        last_ts::date as day,
        sum(new)::bigint as new,
        sum(known)::bigint as known,
        sum(quarantined)::bigint as quarantined,
        count(*) as batches,
        date_trunc('second', max(loaded_at))::text as "last loaded"
    from ops.batch
    where
        batch_id > (select max(batch_id) - 10000 from ops.batch)
        and last_ts > (select max(last_ts) - interval '14 days' from ops.batch)
    group by 1
    order by 1
"""


def idb_key(table: str) -> dg.AssetKey:
    """The asset of one IDB table."""
    return dg.AssetKey(["idb", table])


def _spec(table: Table) -> dg.AssetSpec:
    rule = f"\n\nWritten: {table.write_rule}" if table.write_rule else ""
    return dg.AssetSpec(
        idb_key(table.name),
        deps=[EVENT_BATCHES],
        group_name="idb",
        kinds={"postgres", "table"},
        description=f"{table.purpose}{rule}",
        owners=DATA_ENGINEERING,
        tags=table_tags(f"idb.{table.name}"),
        metadata=table_metadata(idb(table.name)),
    )


_ledger = dg.AssetSpec(
    LEDGER,
    deps=[EVENT_BATCHES],
    group_name="idb",
    kinds={"postgres", "table"},
    description=(
        "The ledger: one row a loaded batch, with what became of each of its lines. It alone decides what "
        "has been loaded."
    ),
    owners=DATA_ENGINEERING,
    metadata=table_metadata(batch),
)


@dg.multi_asset(
    name="idb",
    specs=[_ledger, *map(_spec, catalogue().tables.values())],
    pool="ingest",
    description="Loads every whole batch of the landing zone, each whole or not at all.",
)
def raw_tables(
    context: dg.AssetExecutionContext,
    config: DrainConfig,
    settings: dg.ResourceParam[Settings],
    database: dg.ResourceParam[Database],
    landing: dg.ResourceParam[Landing],
    progress: dg.ResourceParam[Progress],
) -> Iterator[dg.MaterializeResult[None]]:
    """One drain, reported by table."""

    def say(done: int, total: int, _: object) -> None:
        progress("Loading batches", done, total)

    deployment = read_deployment(settings.deployment)
    drained = drain(
        database.loader, landing, wait=settings.wait, limit=config.limit, deployment=deployment, progress=say
    )
    for refusal in drained.refused:
        context.log.error(f"Refused {refusal.path}: {refusal.reason}. {refusal.detail}")
    done = drain_metadata(drained, datetime.now(UTC))
    seen = glance(database.operator, _BY_DAY, ["new", "known", "quarantined"])
    yield dg.MaterializeResult(LEDGER, metadata={"new rows": drained.batches, **done, **seen})
    for table in catalogue().tables:
        yield dg.MaterializeResult(idb_key(table), metadata={"new rows": drained.rows[table], **done})

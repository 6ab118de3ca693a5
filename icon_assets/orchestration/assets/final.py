"""What has ended, by day of termination: two partitioned assets, and the one that keeps their days current.

A range of `final/*` is rebuilt by a backfill, from the UI or a schedule. In between, `ops/final_day` rebuilds
whichever days the loader has marked, in the run that loaded them, and reports each as a partition of
`final/*`. That costs 20 ms a day; a run of its own costs 4 s, and could be asked for only after the drain.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime

import dagster as dg

from icon_assets.database import Database
from icon_assets.finalize.close import close_lost
from icon_assets.finalize.days import FinalDay, finalize, finalized_since
from icon_assets.finalize.dirty import dirty_days
from icon_assets.idb.ops import final_day as final_day_table
from icon_assets.idb.schema import FINAL_TABLES, final
from icon_assets.orchestration.assets.raw import idb_key
from icon_assets.orchestration.glance import glance
from icon_assets.orchestration.metadata import (
    DATA_ENGINEERING,
    closed_metadata,
    day_metadata,
    days_metadata,
    final_metadata,
    table_metadata,
    table_tags,
)
from icon_assets.orchestration.progress import Progress
from icon_assets.settings import Settings

FINAL_DAY = dg.AssetKey(["ops", "final_day"])
FINAL_KEYS = {entity: dg.AssetKey(["final", tables[0]]) for entity, tables in FINAL_TABLES.items()}
_OBJECTS = {"campaign": "Campaign sessions", "chain": "Chains"}
# What is rebuilt before it is reported: after a crash so many days at most wait for the next run to show.
_DAYS_AT_ONCE = 31

_BY_DAY = """
    select
        day,
        coalesce(sum(objects) filter (where entity = 'chain'), 0)::bigint as chains,
        coalesce(sum(objects) filter (where entity = 'campaign'), 0)::bigint as sessions,
        date_trunc('second', max(finalized_at))::text as "finalized at"
    from ops.final_day
    where day > (select max(day) - 14 from ops.final_day)
    group by day
    order by day
"""


def final_assets(
    days: dg.PartitionsDefinition[str], loaded: Sequence[dg.AssetsDefinition]
) -> list[dg.AssetsDefinition]:
    """All three; campaigns and chains are finalized independently of each other. `loaded` marks days."""
    return [*(_final_table(entity, days) for entity in FINAL_TABLES), _final_day(days, loaded)]


def failed_days(
    instance: dg.DagsterInstance, partitions: dg.PartitionsDefinition[str]
) -> dict[str, list[date]]:
    """Days whose last run failed and that nothing has finalized since, by entity."""
    keys = partitions.get_partition_keys()
    failed: dict[str, list[date]] = {}
    for entity, asset in FINAL_KEYS.items():
        statuses = instance.get_status_by_partition(asset, keys, partitions) or {}
        failed[entity] = [
            date.fromisoformat(key)
            for key, status in statuses.items()
            if status == dg.AssetPartitionStatus.FAILED
        ]
    return failed


def _final_table(entity: str, days: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    tables = FINAL_TABLES[entity]

    @dg.asset(
        key=FINAL_KEYS[entity],
        deps=[idb_key(table) for table in tables],
        partitions_def=days,
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool="final",
        group_name="final",
        kinds={"postgres", "table"},
        description=(
            f"{_OBJECTS[entity]} that have ended, by the day (UTC) on which they ended, with all that "
            f"belongs to them: {', '.join(f'`final.{table}`' for table in tables)}. A day is rebuilt as a "
            "whole and swapped in one transaction."
        ),
        owners=DATA_ENGINEERING,
        tags=table_tags(*(f"final.{table}" for table in tables)),
        metadata=final_metadata([final(table) for table in tables]),
    )
    def final_table(
        context: dg.AssetExecutionContext,
        database: dg.ResourceParam[Database],
        progress: dg.ResourceParam[Progress],
    ) -> None:
        wanted = [date.fromisoformat(key) for key in context.partition_keys]
        for day in _rebuild(database, entity, wanted, progress):
            context.add_asset_metadata(day_metadata(day), partition_key=day.day.isoformat())

    return final_table


def _rebuild(database: Database, entity: str, days: Sequence[date], progress: Progress) -> Iterator[FinalDay]:
    """Finalizes `days`, a month's worth at once: between them other finalizers get their turn."""
    for start in range(0, len(days), _DAYS_AT_ONCE):
        some = days[start : start + _DAYS_AT_ONCE]
        yield from finalize(database.finalizer, entity, some[0], some[-1], days=some)
        progress(f"Finalizing {entity} days", start + len(some), len(days))


def _final_day(
    partitions: dg.PartitionsDefinition[str], loaded: Sequence[dg.AssetsDefinition]
) -> dg.AssetsDefinition:
    @dg.asset(
        key=FINAL_DAY,
        deps=loaded,
        group_name="final",
        kinds={"postgres", "table"},
        description=(
            "What `final` holds of each day, and since when. Closes what has been silent too long, rebuilds "
            "every day that something newly ended, late or reopened has marked, and reports it as a "
            "partition of `final/go_campaign` or `final/go_chain`."
        ),
        owners=DATA_ENGINEERING,
        metadata=table_metadata(final_day_table),
    )
    def final_day(
        context: dg.AssetExecutionContext,
        settings: dg.ResourceParam[Settings],
        database: dg.ResourceParam[Database],
        progress: dg.ResourceParam[Progress],
    ) -> dg.MaterializeResult[None]:
        closed = close_lost(
            database.finalizer, chain_silence=settings.chain_silence, session_silence=settings.session_silence
        )
        # A source with a wrong clock ends chains on days that are no partition; final has them all the same.
        known = set(partitions.get_partition_keys())

        def report(day: FinalDay) -> None:
            if (key := day.day.isoformat()) in known:
                context.log_event(
                    dg.AssetMaterialization(FINAL_KEYS[day.entity], partition=key, metadata=day_metadata(day))
                )

        for day in _unreported(context.instance, database):
            report(day)
        rebuilt: list[FinalDay] = []
        for entity, days in dirty_days(database.finalizer, delay=settings.finalize_delay).items():
            for day in _rebuild(database, entity, days, progress):
                rebuilt.append(day)
                report(day)
        seen = glance(database.operator, _BY_DAY, ["chains", "sessions"])
        return dg.MaterializeResult(metadata={**days_metadata(rebuilt), **closed_metadata(closed), **seen})

    return final_day


def _unreported(instance: dg.DagsterInstance, database: Database) -> Iterator[FinalDay]:
    """Final days that Dagster does not know: a run was killed, or Dagster's storage lost or restored."""
    last = instance.get_latest_materialization_event(FINAL_DAY)
    since = datetime.fromtimestamp(last.timestamp, UTC) if last else datetime.min.replace(tzinfo=UTC)
    for entity, key in FINAL_KEYS.items():
        if days := finalized_since(database.finalizer, entity, since):
            known = instance.get_materialized_partitions(key)
            yield from (day for day in days if day.day.isoformat() not in known)

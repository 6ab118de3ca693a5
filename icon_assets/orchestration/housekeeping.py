"""Housekeeping: what grows with every run and is asked for no more. Dagster itself keeps runs for ever."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg

from icon_assets.contract.landing import Landing
from icon_assets.database import Database
from icon_assets.orchestration.assets.final import FINAL_KEYS
from icon_assets.orchestration.runs import ENDED
from icon_assets.retention import trim
from icon_assets.settings import Settings

HOUSEKEEPING = "housekeeping"
_RUNS_AT_ONCE = 100
_EVENTS_AT_ONCE = 1000


def _materializations(
    instance: dg.DagsterInstance, key: dg.AssetKey, before: datetime
) -> Iterator[tuple[str | None, str]]:
    """Partition and run of each, newest first."""
    older = dg.AssetRecordsFilter(key, before_timestamp=before.timestamp())
    cursor = None
    while True:
        found = instance.fetch_materializations(older, _EVENTS_AT_ONCE, cursor)
        for record in found.records:
            yield record.partition_key, record.run_id
        if not found.has_more:
            return
        cursor = found.cursor


def runs_to_keep(
    instance: dg.DagsterInstance, before: datetime, partitioned: Sequence[dg.AssetKey]
) -> set[str]:
    """Runs that say the last of an asset or a partition: without them it would show as never made."""
    keep = {
        entry.last_materialization.run_id
        for record in instance.get_asset_records()
        if (entry := record.asset_entry).last_materialization
    }
    for key in partitioned:
        newest: dict[str | None, str] = {}
        for partition, run_id in _materializations(instance, key, before):
            newest.setdefault(partition, run_id)
        keep |= set(newest.values())
    return keep


def delete_runs(instance: dg.DagsterInstance, before: datetime, keep: set[str]) -> int:
    """Deletes ended runs created before `before`, with their events and logs; returns how many."""
    old = dg.RunsFilter(statuses=ENDED, created_before=before)
    deleted, cursor = 0, None
    while portion := instance.get_run_records(old, limit=_RUNS_AT_ONCE, ascending=True, cursor=cursor):
        for run_id in (record.dagster_run.run_id for record in portion):
            if run_id in keep:
                cursor = run_id
                continue
            instance.compute_log_manager.delete_logs(prefix=[run_id])
            instance.delete_run(run_id)
            deleted += 1
    return deleted


@dg.op(description="Deletes old runs, and trims the tables of ops that grow with every run.")
def keep_house(
    context: dg.OpExecutionContext,
    settings: dg.ResourceParam[Settings],
    database: dg.ResourceParam[Database],
    landing: dg.ResourceParam[Landing],
) -> None:
    """Stopped halfway, it goes on the next time."""
    before = datetime.now(UTC) - timedelta(days=settings.keep_run_days)
    keep = runs_to_keep(context.instance, before, list(FINAL_KEYS.values()))
    runs = delete_runs(context.instance, before, keep)
    trimmed = trim(database.housekeeper, landing, before)
    context.add_output_metadata(
        {
            "before": dg.MetadataValue.timestamp(before),
            "runs deleted": runs,
            "files forgotten": trimmed.files,
            "marks of days folded": trimmed.marks,
            "builds of the marts forgotten": trimmed.builds,
        }
    )


@dg.job(
    name=HOUSEKEEPING,
    description="Deletes runs older than ICON_KEEP_RUN_DAYS, with events and logs, and what grows beside.",
)
def housekeeping() -> None:
    """One op: a step of its own would cost as much as its work."""
    keep_house()
